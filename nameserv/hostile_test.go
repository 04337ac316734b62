package nameserv

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/skylarkmq/skylark/nameserv/route"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// What strangers can send to a name server: each is answered with an error or harmless, and a good client still works.
func TestHostileRegistrations(t *testing.T) {
	t.Parallel()
	limits := route.Limits{Brokers: 100, QueueDatas: 1000, Mappings: 10, MappedQueues: 100, NameLength: 255, FilterServers: 8}
	n := start(t, func(o *Options, _ *Config) { o.Limits = limits })
	var manyTopics strings.Builder
	manyTopics.WriteString(`{"topicConfigSerializeWrapper":{"topicConfigTable":{`)
	for i := range 20_000 {
		fmt.Fprintf(&manyTopics, `"t%d":{"topicName":"t%d"},`, i, i)
	}
	manyTopics.WriteString(`}}}`)
	tests := []struct {
		name   string
		body   []byte
		ext    []string
		remark string
	}{
		{"address with blanks", nil, registration("127.0.0.1 :1", "0"), "register broker failed"},
		{"address with a line break", nil, registration("a:1\nb:2", "0"), "register broker failed"},
		{"huge address", nil, registration(strings.Repeat("a", 300), "0"), "register broker failed"},
		{"no address", nil, registration("", "0"), "register broker failed"},
		{"wrong checksum", []byte("{}"), registration("127.0.0.1:1", "0", "bodyCrc32", "1"), "crc32 not match"},
		{"bomb", bomb(t), registration("127.0.0.1:1", "0", "compressed", "true"), "Failed to decode RegisterBrokerBody"},
		{"not a zlib stream", []byte("{}"), registration("127.0.0.1:1", "0", "compressed", "true"), "Failed to decode RegisterBrokerBody"},
		{"negative length", deflated(t, []byte{255, 255, 255, 255}), registration("127.0.0.1:1", "0", "compressed", "true"), "Failed to decode RegisterBrokerBody"},
		{"torn JSON", []byte(`{"topicConfigSerializeWrapper":{"topicConfigTable":{"T"`), registration("127.0.0.1:1", "0"), "Failed to decode RegisterBrokerBody"},
		{"deep JSON", []byte(strings.Repeat(`{"a":`, 10_000)), registration("127.0.0.1:1", "0"), "Failed to decode RegisterBrokerBody"},
		{"20,000 topics", []byte(manyTopics.String()), registration("127.0.0.1:1", "9"), ""},
		{"20,000 topics of a master", []byte(manyTopics.String()), registration("127.0.0.1:1", "0"), "register broker failed"},
		{"filter servers", []byte(`{"filterServerList":["1","2","3","4","5","6","7","8","9"]}`), registration("127.0.0.1:1", "0"), "register broker failed"},
		{"id no number", nil, registration("127.0.0.1:1", "abc"), `For input string: "abc"`},
		{"id too large", nil, registration("127.0.0.1:1", "9223372036854775808"), "For input string"},
		{"no header", nil, nil, "the custom field <brokerName> is null"},
	}
	good := connect(t, n)
	good.register("127.0.0.1:10911", "0")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := connect(t, n)
			got := p.call(code.RegisterBroker, tt.body, tt.ext...)
			want := code.Success
			if tt.remark != "" {
				want = code.SystemError
			}
			if got.Response() != want || !strings.Contains(got.Remark, tt.remark) {
				t.Errorf("code %d, remark %q; want code %d, remark with %q", got.Code, got.Remark, want, tt.remark)
			}
			good.must(code.GetRouteInfoByTopic, nil, "topic", "T")
		})
	}
	if got := string(good.must(code.GetBrokerMemberGroup, nil, "clusterName", "C", "brokerName", "b").Body); !strings.Contains(got, "127.0.0.1:10911") {
		t.Errorf("a refused registration took the id over: %s", got)
	}
	if got := len(n.routes.Topics()); got > limits.QueueDatas {
		t.Errorf("%d topics, at most %d are allowed", got, limits.QueueDatas)
	}
}

// A stranger's requests about somebody else's broker are what the protocol allows; they must not break anything.
func TestStrangers(t *testing.T) {
	t.Parallel()
	n := start(t)
	good, stranger := connect(t, n), connect(t, n)
	good.register("127.0.0.1:10911", "0")

	stranger.must(code.WipeWritePermOfBroker, nil, "brokerName", "b")
	stranger.must(code.UnregisterBroker, nil, "brokerName", "b", "clusterName", "C", "brokerAddr", "127.0.0.1:10911", "brokerId", "0")
	awaitGone(t, n, "C", "127.0.0.1:10911")
	good.register("127.0.0.1:10911", "0") // the next period of the real broker repairs it

	stranger.register("127.0.0.1:6666", "0") // takes the id over, as in the original without controller
	_ = stranger.Close()
	awaitGone(t, n, "C", "127.0.0.1:6666")
	good.register("127.0.0.1:10911", "0")
	if got := string(good.must(code.GetRouteInfoByTopic, nil, "topic", "T").Body); !strings.Contains(got, "127.0.0.1:10911") {
		t.Errorf("route %s", got)
	}
}

// Whoever fills the table from one connection leaves all of it when that ends, whatever silence was promised.
func TestAFullTableEmptiesWithItsConnection(t *testing.T) {
	t.Parallel()
	limits := route.DefaultLimits
	limits.Brokers = 10
	n := start(t, func(o *Options, _ *Config) { o.Limits = limits })
	greedy, good := connect(t, n), connect(t, n)
	forever := []string{"heartbeatTimeoutMillis", "9223372036854775807"}
	for i := range 10 {
		greedy.register(fmt.Sprintf("127.0.0.1:%d", i+1), fmt.Sprint(i), forever...)
	}
	if got := good.call(code.RegisterBroker, registerBody(t, 1), registration("127.0.0.1:10911", "0")...); got.Response() == code.Success {
		t.Fatal("a full table takes one more")
	}
	_ = greedy.Close()
	for i := range 10 {
		awaitGone(t, n, "C", fmt.Sprintf("127.0.0.1:%d", i+1))
	}
	good.register("127.0.0.1:10911", "0")
}

// What a caller sends comes back in remarks, but not megabytes of it.
func TestLongNamesInRemarks(t *testing.T) {
	t.Parallel()
	n := start(t)
	p := connect(t, n)
	long := strings.Repeat("t", 8<<20)
	for _, got := range []*protocol.Command{
		p.call(code.GetRouteInfoByTopic, nil, "topic", long),
		p.call(code.GetKVConfig, nil, "namespace", long, "key", "k"),
		p.call(code.GetKVListByNamespace, nil, "namespace", long),
	} {
		if got.Response() == code.Success || len(got.Remark) > 2<<10 {
			t.Errorf("code %d, a remark of %d bytes", got.Code, len(got.Remark))
		}
	}
}

func TestHostileKV(t *testing.T) {
	t.Parallel()
	n := start(t)
	p := connect(t, n)
	tests := []struct {
		name                  string
		namespace, key, value string
		want                  code.Response
	}{
		{"namespace that climbs", "../../x", "k", "v", code.Success}, // only a key in one file
		{"namespace with NUL", "a\x00b", "k", "v", code.Success},
		{"empty names", "", "", "", code.Success},
		{"long namespace", strings.Repeat("n", 2000), "k", "v", code.SystemError},
		{"long value", "n", "k", strings.Repeat("v", 2<<20), code.SystemError},
	}
	for _, tt := range tests {
		got := p.call(code.PutKVConfig, nil, "namespace", tt.namespace, "key", tt.key, "value", tt.value)
		if got.Response() != tt.want {
			t.Errorf("%s: code %d, remark %.100q", tt.name, got.Code, got.Remark)
		}
	}
	if got := p.must(code.GetKVConfig, nil, "namespace", "../../x", "key", "k"); got.Fields.String("value") != "v" {
		t.Errorf("value %q", got.Fields.String("value"))
	}
	if got := p.call(code.UpdateNamesrvConfig, bytes.Repeat([]byte("a=b\n"), 1<<19)); got.Response() != code.SystemError {
		t.Errorf("a configuration of 2 MiB: code %d", got.Code)
	}
	if got := p.call(code.RegisterTopicInNamesrv, []byte("{{{"), "topic", "T"); got.Response() != code.SystemError {
		t.Errorf("torn topic route: code %d", got.Code)
	}
}

func deflated(t *testing.T, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// bomb unfolds to a thousand times its size, blanks in its first part.
func bomb(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	size := 8 << 20
	if err := binary.Write(z, binary.BigEndian, int32(size)); err != nil {
		t.Fatal(err)
	}
	blanks := bytes.Repeat([]byte{' '}, 1<<20)
	for range size >> 20 {
		if _, err := z.Write(blanks); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A data version is read on the loop, where nobody may bring megabytes.
func TestHugeDataVersion(t *testing.T) {
	t.Parallel()
	n := start(t)
	p := connect(t, n)
	ask := func(padding int) *protocol.Command {
		data := []byte(`{"counter":1,"x":"` + strings.Repeat("x", padding) + `"}`)
		return p.call(code.QueryDataVersion, data, "brokerName", "b", "brokerAddr", "127.0.0.1:10911", "clusterName", "C", "brokerId", "0")
	}
	if got := ask(1 << 10); got.Response() != code.Success {
		t.Errorf("1 KiB: %d %s", got.Code, got.Remark)
	}
	if got := ask(8 << 20); got.Response() != code.SystemError || !strings.Contains(got.Remark, "data version of 8388") {
		t.Errorf("8 MiB: %d %s", got.Code, got.Remark)
	}
}
