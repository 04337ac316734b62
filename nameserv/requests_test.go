package nameserv

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/nameserv/route"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

const wantNoRoute = "No topic route info in name server for the topic: nope\n" +
	"See https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details."

// One broker with topics T and U, then one request after the other.
func TestRequests(t *testing.T) {
	t.Parallel()
	n := start(t)
	p := connect(t, n)
	p.register("127.0.0.1:10911", "0")
	type ext = map[string]string
	tests := []struct {
		name   string
		code   code.Request
		ext    []string
		body   string
		want   code.Response
		remark string
		header ext
		answer string
	}{
		{name: "no route", code: code.GetRouteInfoByTopic, ext: []string{"topic", "nope"}, want: code.TopicNotExist, remark: wantNoRoute},
		{name: "no topic", code: code.GetRouteInfoByTopic, want: code.TopicNotExist, remark: "No topic route info in name server for the topic: \nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details."},
		{name: "unknown code", code: 10, want: code.RequestCodeNotSupported, remark: " request type 10 not supported"},
		{
			name: "clusters", code: code.GetBrokerClusterInfo,
			answer: `{"brokerAddrTable":{"b":{"brokerAddrs":{0:"127.0.0.1:10911"},"brokerName":"b","cluster":"C",` +
				`"enableActingMaster":false}},"clusterAddrTable":{"C":["b"]}}`,
		},
		{
			name: "members", code: code.GetBrokerMemberGroup, ext: []string{"clusterName", "any", "brokerName", "b"},
			remark: "not set any response code",
			answer: `{"brokerMemberGroup":{"brokerAddrs":{0:"127.0.0.1:10911"},"brokerName":"b","cluster":"any"}}`,
		},
		{
			name: "same data version", code: code.QueryDataVersion, body: `{"counter":1,"stateVersion":0,"timestamp":0}`,
			ext:    []string{"brokerName", "b", "brokerAddr", "127.0.0.1:10911", "clusterName", "C", "brokerId", "0"},
			header: ext{"changed": "false"}, answer: `{"counter":1,"stateVersion":0,"timestamp":0}`,
		},
		{
			name: "other data version", code: code.QueryDataVersion, body: `{"counter":2}`,
			ext:    []string{"brokerName", "b", "brokerAddr", "127.0.0.1:10911", "clusterName", "C", "brokerId", "0"},
			header: ext{"changed": "true"}, answer: `{"counter":1,"stateVersion":0,"timestamp":0}`,
		},
		{
			name: "data version of nobody", code: code.QueryDataVersion, body: `{"counter":2}`,
			ext:    []string{"brokerName", "b", "brokerAddr", "127.0.0.1:1", "clusterName", "C", "brokerId", "0"},
			header: ext{"changed": "true"},
		},
		{name: "heartbeat of nobody", code: code.BrokerHeartbeat, ext: []string{"clusterName", "x", "brokerAddr", "y", "brokerName", "z"}},
		{name: "unregister nobody", code: code.UnregisterBroker, ext: []string{"clusterName", "x", "brokerAddr", "y", "brokerName", "z", "brokerId", "0"}},
		{name: "wipe", code: code.WipeWritePermOfBroker, ext: []string{"brokerName", "b"}, header: ext{"wipeTopicCount": "2"}},
		{
			name: "wiped route, standard JSON", code: code.GetRouteInfoByTopic, ext: []string{"topic", "T"},
			answer: `{"brokerDatas":[{"brokerAddrs":{"0":"127.0.0.1:10911"},"brokerName":"b","cluster":"C","enableActingMaster":false}],` +
				`"filterServerTable":{},"queueDatas":[{"brokerName":"b","perm":4,"readQueueNums":4,"topicSysFlag":0,"writeQueueNums":4}]}`,
		},
		{name: "wipe nobody", code: code.WipeWritePermOfBroker, ext: []string{"brokerName", "x"}, header: ext{"wipeTopicCount": "0"}},
		{name: "add", code: code.AddWritePermOfBroker, ext: []string{"brokerName", "b"}, header: ext{"addTopicCount": "2"}},
		{name: "all topics", code: code.GetAllTopicListFromNameServer, answer: `{"topicList":["T","U"]}`},
		{name: "topics of a cluster", code: code.GetTopicsByCluster, ext: []string{"cluster", "C"}, answer: `{"topicList":["T","U"]}`},
		{name: "topics of no cluster", code: code.GetTopicsByCluster, ext: []string{"cluster", "X"}, answer: `{"topicList":[]}`},
		{name: "system topics", code: code.GetSystemTopicListFromNS, answer: `{"brokerAddr":"127.0.0.1:10911","topicList":["C","b"]}`},
		{name: "unit topics", code: code.GetUnitTopicList, answer: `{"topicList":[]}`},
		{name: "unit sub topics", code: code.GetHasUnitSubTopicList, answer: `{"topicList":[]}`},
		{name: "unit sub ununit topics", code: code.GetHasUnitSubUnUnitTopicList, answer: `{"topicList":[]}`},
		{name: "register a topic", code: code.RegisterTopicInNamesrv, ext: []string{"topic", "V"}, body: `{"queueDatas":[{"brokerName":"b","perm":6,"readQueueNums":1,"writeQueueNums":1}]}`},
		{name: "topics with it", code: code.GetAllTopicListFromNameServer, answer: `{"topicList":["T","U","V"]}`},
		{name: "delete in another cluster", code: code.DeleteTopicInNamesrv, ext: []string{"topic", "V", "clusterName", "X"}},
		{name: "delete", code: code.DeleteTopicInNamesrv, ext: []string{"topic", "V"}},
		{name: "topics without it", code: code.GetAllTopicListFromNameServer, answer: `{"topicList":["T","U"]}`},
		{name: "KV without key", code: code.PutKVConfig, ext: []string{"namespace", "n", "value", "v"}, want: code.SystemError, remark: "namespace or key is null"},
		{name: "KV put", code: code.PutKVConfig, ext: []string{"namespace", "n", "key", "k", "value", "v"}},
		{name: "KV get", code: code.GetKVConfig, ext: []string{"namespace", "n", "key", "k"}, header: ext{"value": "v"}},
		{name: "KV list", code: code.GetKVListByNamespace, ext: []string{"namespace", "n"}, answer: `{"table":{"k":"v"}}`},
		{name: "KV delete", code: code.DeleteKVConfig, ext: []string{"namespace", "n", "key", "k"}},
		{name: "KV delete again", code: code.DeleteKVConfig, ext: []string{"namespace", "n", "key", "k"}},
		{name: "KV get nothing", code: code.GetKVConfig, ext: []string{"namespace", "n", "key", "k"}, want: code.QueryNotFound, remark: "No config item, Namespace: n Key: k"},
		{name: "KV list nothing", code: code.GetKVListByNamespace, ext: []string{"namespace", "m"}, want: code.QueryNotFound, remark: "No config item, Namespace: m"},
	}
	for _, tt := range tests {
		got := p.call(tt.code, []byte(tt.body), tt.ext...)
		type view struct {
			Code   code.Response
			Remark string
			Ext    ext
			Body   string
		}
		want := view{tt.want, tt.remark, tt.header, tt.answer}
		if want.Ext == nil {
			want.Ext = ext{}
		}
		if diff := cmp.Diff(want, view{got.Response(), got.Remark, extOf(got), string(got.Body)}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// Every form that a registration body has had makes the same topics known.
func TestRegistrationBodies(t *testing.T) {
	t.Parallel()
	plain := registerBody(t, 1, topic("T"), topic("U"))
	var b body.RegisterBrokerBody
	b.TopicConfigSerializeWrapper.TopicConfigTable = map[string]body.TopicConfig{"T": topic("T"), "U": topic("U")}
	zipped, err := b.EncodeCompressed()
	if err != nil {
		t.Fatal(err)
	}
	bare, err := body.Encode(b.TopicConfigSerializeWrapper)
	if err != nil {
		t.Fatal(err)
	}
	crc := func(data []byte) string { return strconv.FormatUint(uint64(crc32.ChecksumIEEE(data)&0x7fffffff), 10) }
	tests := []struct {
		name    string
		version int32
		body    []byte
		ext     []string
		want    []string
	}{
		{"5.x", 493, plain, nil, []string{"T", "U"}},
		{"5.x with checksum", 493, plain, []string{"bodyCrc32", crc(plain)}, []string{"T", "U"}},
		{"4.x, topics only", 401, []byte(`{"topicConfigSerializeWrapper":{"dataVersion":{"counter":1,"timestamp":3},"topicConfigTable":{` +
			`"T":{"topicName":"T","readQueueNums":4,"writeQueueNums":4,"perm":6},U:{"topicName":"U"}}}}`), nil, []string{"T", "U"}},
		{"3.0.10, bare wrapper", 36, bare, nil, []string{"T", "U"}},
		{"compressed", 493, zipped, []string{"compressed", "true", "bodyCrc32", crc(zipped)}, []string{"T", "U"}},
		{"compressed, 4.x, mappings ignored", 401, zipped, []string{"compressed", "true"}, []string{"T", "U"}},
		{"compressed in silence", 493, zipped, []string{"compressed", "false"}, []string{"T", "U"}},
		{"none", 493, nil, nil, []string{}},
		{"none, old", 36, nil, nil, []string{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := start(t)
			p := connect(t, n)
			cmd := request(code.RegisterBroker, tt.body, registration("127.0.0.1:10911", "0", tt.ext...)...)
			cmd.Version = tt.version
			p.send(cmd)
			if got := p.receive(); got.Response() != code.Success {
				t.Fatalf("code %d, remark %q", got.Code, got.Remark)
			}
			if diff := cmp.Diff(tt.want, n.routes.Topics()); diff != "" {
				t.Errorf("topics (-want +got):\n%s", diff)
			}
		})
	}
}

// Frames made with the release classes: registrations as Java sends them, in both header codecs.
func TestRecordedRegistrations(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join("testdata", "frames.json"))
	if err != nil {
		t.Fatal(err)
	}
	var frames []struct{ Name, Serialize, Hex string }
	if err := json.Unmarshal(data, &frames); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, f := range frames {
		if !strings.HasPrefix(f.Name, "register_broker") {
			continue
		}
		seen++
		t.Run(f.Name+" "+f.Serialize, func(t *testing.T) {
			t.Parallel()
			n := start(t)
			p := connect(t, n)
			// The recorded body has one topic: it is an increment, and needs a broker that is known.
			p.must(code.RegisterBroker, nil, "brokerName", "broker-a", "clusterName", "DefaultCluster",
				"brokerAddr", "10.0.0.9:10911", "haServerAddr", "10.0.0.9:10912", "brokerId", "0")
			raw, err := hex.DecodeString(f.Hex)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Write(raw); err != nil {
				t.Fatal(err)
			}
			if got := p.receive(); got.Response() != code.Success || got.Serialize.String() != f.Serialize {
				t.Fatalf("code %d, remark %q, %s", got.Code, got.Remark, got.Serialize)
			}
			answer := p.must(code.GetRouteInfoByTopic, nil, "topic", "TopicGolden")
			if !strings.Contains(string(answer.Body), `"perm":6,"readQueueNums":4`) {
				t.Errorf("route %s", answer.Body)
			}
		})
	}
	if seen != 4 {
		t.Errorf("%d recorded registrations, want 4", seen)
	}
}

// The same route in both dialects; the loose one is the recorded answer.
func TestRouteDialects(t *testing.T) {
	t.Parallel()
	n := start(t)
	p := connect(t, n)
	register := func(addr, id string) {
		p.must(code.RegisterBroker, registerBody(t, 1, topic("TopicGolden"), topic("主题")), "brokerName", "broker-a", "clusterName", "DefaultCluster",
			"brokerAddr", addr, "haServerAddr", "h", "brokerId", id, "__ZONE_NAME", "区")
	}
	register("10.0.0.9:10911", "0")
	register("10.0.0.10:10911", "1")
	const (
		loose = `{"brokerDatas":[{"brokerAddrs":{0:"10.0.0.9:10911",1:"10.0.0.10:10911"},"brokerName":"broker-a",` +
			`"cluster":"DefaultCluster","enableActingMaster":false,"zoneName":"区"}],"filterServerTable":{},` +
			`"queueDatas":[{"brokerName":"broker-a","perm":6,"readQueueNums":4,"topicSysFlag":0,"writeQueueNums":4}]}`
		strict = `{"brokerDatas":[{"brokerAddrs":{"0":"10.0.0.9:10911","1":"10.0.0.10:10911"},"brokerName":"broker-a",` +
			`"cluster":"DefaultCluster","enableActingMaster":false,"zoneName":"\u533A"}],"filterServerTable":{},` +
			`"queueDatas":[{"brokerName":"broker-a","perm":6,"readQueueNums":4,"topicSysFlag":0,"writeQueueNums":4}]}`
		nothing = `{"brokerDatas":[],"filterServerTable":{},"queueDatas":[]}`
	)
	tests := []struct {
		name    string
		version int32
		ext     []string
		want    string
	}{
		{"4.9.3", 400, nil, loose},
		{"4.9.4", 401, nil, strict},
		{"5.5.0", 513, nil, strict},
		{"old, asks for the standard", 0, []string{"acceptStandardJsonOnly", "true"}, strict},
		{"old, does not", 0, []string{"acceptStandardJsonOnly", "false"}, loose},
		{"zone", 513, []string{"__ZONE_MODE", "true", "__ZONE_NAME", "区"}, loose},
		{"other zone", 513, []string{"__ZONE_MODE", "True", "__ZONE_NAME", "z2"}, nothing},
		{"zone mode off", 513, []string{"__ZONE_MODE", "false", "__ZONE_NAME", "z2"}, strict},
		{"zone blank", 513, []string{"__ZONE_MODE", "true", "__ZONE_NAME", " "}, strict},
	}
	for _, tt := range tests {
		cmd := request(code.GetRouteInfoByTopic, nil, append([]string{"topic", "TopicGolden"}, tt.ext...)...)
		cmd.Version = tt.version
		p.send(cmd)
		if diff := cmp.Diff(tt.want, string(p.receive().Body)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestOrderConfiguration(t *testing.T) {
	t.Parallel()
	n := start(t, func(_ *Options, c *Config) { c.OrderMessageEnable = true })
	p := connect(t, n)
	if got := p.register("127.0.0.1:10911", "0"); len(got.Body) != 0 {
		t.Errorf("registration answered with %q before there was an order configuration", got.Body)
	}
	p.must(code.PutKVConfig, nil, "namespace", "ORDER_TOPIC_CONFIG", "key", "T", "value", "b:4")
	if got := p.register("127.0.0.1:10911", "0"); string(got.Body) != `{"table":{"T":"b:4"}}` {
		t.Errorf("registration answered with %q", got.Body)
	}
	if got := p.must(code.GetRouteInfoByTopic, nil, "topic", "T"); !strings.Contains(string(got.Body), `"orderTopicConf":"b:4"`) {
		t.Errorf("route %s", got.Body)
	}
}

func TestListingsCanBeDisabled(t *testing.T) {
	t.Parallel()
	n := start(t, func(_ *Options, c *Config) { c.EnableAllTopicList, c.EnableTopicList = false, false })
	p := connect(t, n)
	for _, c := range []code.Request{
		code.GetAllTopicListFromNameServer, code.GetTopicsByCluster, code.GetUnitTopicList,
		code.GetHasUnitSubTopicList, code.GetHasUnitSubUnUnitTopicList,
	} {
		if got := p.call(c, nil, "cluster", "C"); got.Response() != code.SystemError || got.Remark != "disable" {
			t.Errorf("%s: code %d, remark %q", c, got.Code, got.Remark)
		}
	}
	p.must(code.GetSystemTopicListFromNS, nil)
}

func TestConfiguration(t *testing.T) {
	t.Parallel()
	var stored string
	n := start(t, func(_ *Options, c *Config) { stored = c.ConfigStorePath; c.ConfigBlackList += ";productEnvName" })
	p := connect(t, n)
	for _, refused := range []string{
		"kvConfigPath=/tmp/x", "configStorePath=/tmp/x", "rocketmqHome=/tmp", "configBlackList=", "listenPort=1", "bindAddress=0.0.0.0",
		"productEnvName=x", "tls.server.keyPath=/etc/passwd", "orderMessageEnable=true\nlistenPort=1",
	} {
		got := p.call(code.UpdateNamesrvConfig, []byte(refused))
		if got.Response() != code.NoPermission || got.Remark != "Can not update config in black list." {
			t.Errorf("%q: code %d, remark %q", refused, got.Code, got.Remark)
		}
	}
	if got := p.call(code.UpdateNamesrvConfig, []byte(`a=\u12`)); got.Remark != "string2Properties error" {
		t.Errorf("remark %q", got.Remark)
	}
	if n.cfg.Get().OrderMessageEnable {
		t.Error("a refused update was applied in part")
	}
	if _, err := os.Stat(stored); err == nil {
		t.Error("refused updates wrote the file")
	}

	p.must(code.UpdateNamesrvConfig, []byte("# comment\norderMessageEnable = true\nwaitSecondsForService=abc\nnobodyKnowsThis=1\n"))
	if !n.cfg.Get().OrderMessageEnable {
		t.Error("orderMessageEnable did not change")
	}
	listing := string(p.must(code.GetNamesrvConfig, nil).Body)
	file, err := os.ReadFile(stored)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(listing, string(file)); diff != "" {
		t.Errorf("file and listing differ:\n%s", diff)
	}
	for _, line := range []string{"orderMessageEnable=true", "waitSecondsForService=45", "listenPort=0", "serverSocketBacklog=1024"} {
		if !strings.Contains("\n"+listing, "\n"+line+"\n") {
			t.Errorf("the listing lacks %q", line)
		}
	}
	if strings.Contains(listing, "nobodyKnowsThis") {
		t.Error("an unknown name was kept")
	}
}

func TestUnsupportedSettings(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(*Config){
		"clusterTest":               func(c *Config) { c.ClusterTest = true },
		"enableControllerInNamesrv": func(c *Config) { c.EnableControllerInNamesrv = true },
	} {
		c := Defaults()
		c.KvConfigPath = filepath.Join(t.TempDir(), "kv.json")
		set(&c)
		if _, err := New(Options{Config: config.NewSection(c)}, nop); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %v, want ErrUnsupported", name, err)
		}
	}
}

func FuzzRegistration(f *testing.F) {
	f.Add([]byte(`{"filterServerList":[],"topicConfigSerializeWrapper":{"topicConfigTable":{"T":{"topicName":"T"}}}}`), int32(493), false)
	f.Add([]byte(`{"topicConfigTable":{T:{topicName:'T'}}}`), int32(36), false)
	f.Add([]byte("x\xdac``\xb0"), int32(413), true)
	f.Fuzz(func(t *testing.T, data []byte, version int32, compressed bool) {
		r, err := decodeRegistration(data, version, compressed)
		if err != nil {
			return
		}
		table := route.NewTable(clock.Real, route.DefaultLimits, func() route.Rules { return route.Rules{} })
		r.Cluster, r.BrokerName, r.BrokerAddr = "C", "b", "127.0.0.1:1"
		if _, err := table.Register(r); err != nil && !errors.Is(err, route.ErrNotYetRegistered) && !errors.Is(err, route.ErrLimit) {
			t.Errorf("Register: %v", err)
		}
		for _, topic := range table.Topics() {
			if _, ok := table.Route(topic); !ok {
				t.Errorf("topic %q is listed and has no route", topic)
			}
		}
	})
}

func TestNotReady(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(time.Unix(1_700_000_000, 0))
	n := start(t, func(o *Options, c *Config) { o.Clock, c.NeedWaitForService = now, true })
	p := connect(t, n)
	p.register("127.0.0.1:10911", "0")
	if got := p.call(code.GetRouteInfoByTopic, nil, "topic", "T"); got.Response() != code.SystemError || got.Remark != "name server not ready" {
		t.Errorf("code %d, remark %q", got.Code, got.Remark)
	}
	now.Advance(45 * time.Second)
	p.must(code.GetRouteInfoByTopic, nil, "topic", "T")
}

func TestRewriteLocal(t *testing.T) {
	t.Parallel()
	n := start(t, func(o *Options, _ *Config) {
		o.RewriteLocal = func(addr string) bool { return addr == "192.0.2.7:10911" }
	})
	p := connect(t, n)
	p.register("192.0.2.7:10911", "0")
	p.must(code.RegisterBroker, registerBody(t, 1, topic("T"), topic("U")), registration("192.0.2.8:10911", "1")...)
	got := string(p.must(code.GetRouteInfoByTopic, nil, "topic", "T").Body)
	if !strings.Contains(got, `{"0":"127.0.0.1:10911","1":"192.0.2.8:10911"}`) {
		t.Errorf("route %s", got)
	}
	if got := string(p.must(code.GetBrokerClusterInfo, nil).Body); !strings.Contains(got, "192.0.2.7:10911") {
		t.Errorf("cluster info %s: it is for operators and keeps what was registered", got)
	}
}

// A broker that falls silent loses its connection and its routes; one that only sends heartbeats stays.
func TestExpiryClosesTheChannel(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(time.Unix(1_700_000_000, 0))
	n := start(t, func(o *Options, _ *Config) { o.Clock = now })
	now.AwaitTimers(1)
	silent, alive := connect(t, n), connect(t, n)
	silent.register("127.0.0.1:1", "0", "heartbeatTimeoutMillis", "10000")
	alive.must(code.RegisterBroker, registerBody(t, 1, topic("T"), topic("U")), "brokerName", "b2", "clusterName", "C",
		"brokerAddr", "127.0.0.1:2", "haServerAddr", "h", "brokerId", "0", "heartbeatTimeoutMillis", "10000")
	for range 3 {
		alive.must(code.BrokerHeartbeat, nil, "clusterName", "C", "brokerAddr", "127.0.0.1:2", "brokerName", "b2")
		now.Advance(5 * time.Second)
		now.AwaitTimers(1)
	}
	if _, err := silent.Read(make([]byte, 1)); err == nil {
		t.Error("the silent broker was answered")
	}
	awaitGone(t, n, "C", "127.0.0.1:1")
	got := string(alive.must(code.GetRouteInfoByTopic, nil, "topic", "T").Body)
	if strings.Contains(got, `"b"`) || !strings.Contains(got, `"b2"`) {
		t.Errorf("route %s", got)
	}
}

// The end of a connection unregisters its broker at once, without a scan.
func TestChannelClose(t *testing.T) {
	t.Parallel()
	n := start(t, func(o *Options, _ *Config) { o.Clock = clock.NewFake(time.Unix(1_700_000_000, 0)) })
	p := connect(t, n)
	p.register("127.0.0.1:10911", "0")
	_ = p.Close()
	awaitGone(t, n, "C", "127.0.0.1:10911")
	if len(n.routes.Topics()) != 0 {
		t.Error("topics are left")
	}
}

// notices collects NOTIFY_MIN_BROKER_ID_CHANGE as a broker would get it.
type notices chan map[string]string

func (n notices) take(r *remoting.Request) (*protocol.Command, error) {
	n <- extOf(&r.Command)
	return nil, nil
}

func TestMinBrokerIDNotices(t *testing.T) {
	t.Parallel()
	got := make(notices, 8)
	broker := remoting.NewServer(remoting.DefaultConfig(), nop)
	remoting.Mount(broker, got, []remoting.Route[notices]{remoting.HandleRaw(code.NotifyMinBrokerIDChange, remoting.Inline, notices.take)})
	addr, err := broker.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	runServer(t, broker)

	n := start(t, func(_ *Options, c *Config) { c.NotifyMinBrokerIDChanged, c.SupportActingMaster = true, true })
	master, slave := connect(t, n), connect(t, n)
	master.register("127.0.0.1:1", "0", "enableActingMaster", "true")
	slave.register(addr.String(), "1", "enableActingMaster", "true")

	_ = master.Close()
	want := map[string]string{"minBrokerId": "1", "minBrokerAddr": addr.String(), "offlineBrokerAddr": "127.0.0.1:1"}
	if diff := cmp.Diff(want, <-got); diff != "" {
		t.Errorf("after the master left (-want +got):\n%s", diff)
	}
	connect(t, n).register("127.0.0.1:1", "0", "enableActingMaster", "true")
	want = map[string]string{"minBrokerId": "0", "minBrokerAddr": "127.0.0.1:1", "haBrokerAddr": "127.0.0.1:12"}
	if diff := cmp.Diff(want, <-got); diff != "" {
		t.Errorf("after it came back (-want +got):\n%s", diff)
	}
}

func TestConcurrentClients(t *testing.T) {
	t.Parallel()
	n := start(t)
	connect(t, n).register("127.0.0.1:10000", "0") // the topics of slaves without a master do not count
	var wg sync.WaitGroup
	for i := range 6 {
		p := connect(t, n)
		data := registerBody(t, int64(i), topic("T"), topic("U"))
		wg.Go(func() {
			for range 30 {
				addr := "127.0.0.1:" + strconv.Itoa(10000+i)
				p.must(code.RegisterBroker, data, registration(addr, strconv.Itoa(i))...)
				p.must(code.GetRouteInfoByTopic, nil, "topic", "T")
				p.must(code.GetBrokerClusterInfo, nil)
				p.must(code.PutKVConfig, nil, "namespace", "n", "key", strconv.Itoa(i), "value", addr)
				p.must(code.WipeWritePermOfBroker, nil, "brokerName", "b")
			}
		})
	}
	wg.Wait()
}

// Settings from a file reach the name server through the flat list, and the port listed is the name server's.
func TestSettingsList(t *testing.T) {
	t.Parallel()
	own, network := config.NewSection(Defaults()), config.NewSection(remoting.DefaultConfig())
	set := config.NewSet(network, own)
	if _, err := set.Apply(map[string]string{"listenPort": "1234", "orderMessageEnable": "TRUE"}, false); err != nil {
		t.Fatal(err)
	}
	if c := own.Get(); c.ListenPort != 1234 || !c.OrderMessageEnable {
		t.Errorf("port %d, orderMessageEnable %v", c.ListenPort, c.OrderMessageEnable)
	}
	// What the original 5.5.0 lists without a file, except rocketmqHome's and the paths' values.
	want := map[string]string{
		"bindAddress": "0.0.0.0", "clientRequestThreadPoolNums": "8", "clientRequestThreadPoolQueueCapacity": "50000", "clusterTest": "false",
		"configBlackList": "configBlackList;configStorePath;kvConfigPath", "defaultThreadPoolNums": "16",
		"defaultThreadPoolQueueCapacity": "10000", "deleteTopicWithBrokerRegistration": "false", "enableAllTopicList": "true",
		"enableControllerInNamesrv": "false", "enableShutdownGracefully": "false", "enableTopicList": "true", "listenPort": "1234",
		"needWaitForService": "false", "notifyMinBrokerIdChanged": "false", "orderMessageEnable": "true", "productEnvName": "center",
		"returnOrderTopicConfigToBroker": "true", "scanNotActiveBrokerInterval": "5000", "serverAsyncSemaphoreValue": "64",
		"serverCallbackExecutorThreads": "0", "serverChannelMaxIdleTimeSeconds": "120", "serverNettyWorkerGroupEnable": "true",
		"serverOnewaySemaphoreValue": "256", "serverPooledByteBufAllocatorEnable": "true", "serverSelectorThreads": "3",
		"serverSocketBacklog": "1024", "serverSocketRcvBufSize": "0", "serverSocketSndBufSize": "0", "serverWorkerThreads": "8",
		"shutdownWaitTimeSeconds": "30", "supportActingMaster": "false", "unRegisterBrokerQueueCapacity": "3000",
		"useEpollNativeSelector": "false", "waitSecondsForService": "45", "writeBufferHighWaterMark": "0", "writeBufferLowWaterMark": "0",
	}
	got := map[string]string{}
	for _, item := range set.Flat() {
		if _, ok := want[item[0]]; ok {
			got[item[0]] = item[1]
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
