package broker

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
)

// hostileNames are topics and groups that nobody may make.
var hostileNames = []string{
	"../../x", "/etc/x", "..", ".", "", " ", strings.Repeat("x", 256), "%RETRY%../x", "%DLQ%..", "a\x00b", "a\nb", `a\b`,
	"ｔopic", "t\u200bx", "a/b", "%RETRY%" + strings.Repeat("y", 400), "\xff\xfe",
}

// stillWorks sends and pulls as a good client.
func (f *fixture) stillWorks() {
	f.t.Helper()
	f.sendTo("Good", "x")
	if reply := f.call(code.PullMessage, nil, pullFields("Good", "Good", "0")...); reply.Response() != code.Success {
		f.t.Fatalf("a good pull: %d %q", reply.Code, reply.Remark)
	}
}

func TestHostileNames(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	f.sendTo("Good", "x")
	topics, groups := f.Topics.Len(), f.Groups.Len()
	for _, name := range hostileNames {
		for what, got := range map[string]code.Response{
			"send":  f.call(code.SendMessageV2, []byte("x"), replace(sendFields("T"), "b", name)...).Response(),
			"batch": f.call(code.SendBatchMessage, []byte("x"), replace(sendFields("T"), "b", name, "m", "true")...).Response(),
			"template": f.call(code.SendMessageV2, []byte("x"),
				replace(sendFields("T"), "b", "%RETRY%"+name, "c", name)...).Response(),
			"pull":   f.call(code.PullMessage, nil, pullFields("Good", name, "0")...).Response(),
			"group":  f.call(code.PullMessage, nil, pullFields(name, "Good", "0")...).Response(),
			"commit": f.call(code.UpdateConsumerOffset, nil, "consumerGroup", name, "topic", name, "queueId", "0", "commitOffset", "1").Response(),
		} {
			if got == code.Success {
				t.Errorf("%s with %.40q succeeded", what, name)
			}
		}
		f.call(code.GetMaxOffset, nil, "topic", name, "queueId", "0")
		f.call(code.GetMinOffset, nil, "topic", name, "queueId", "-1")
		f.call(code.SearchOffsetByTimestamp, nil, "topic", name, "queueId", "2147483647", "timestamp", "1")
		f.call(code.GetEarliestMsgStoreTime, nil, "topic", name, "queueId", "0")
		f.call(code.QueryMessage, nil, "topic", name, "key", name, "maxNum", "32", "beginTimestamp", "0", "endTimestamp", "9")
		f.beat(name, "CLUSTERING", all(name))
	}
	if f.Topics.Len() > topics+1 || f.Groups.Len() > groups+1 { // the good group, made by its pull
		t.Fatalf("%d topics, %d groups more", f.Topics.Len()-topics, f.Groups.Len()-groups)
	}
	root := f.storeCfg.Get().StorePathRootDir
	if err := filepath.WalkDir(filepath.Join(root, "consumequeue"), func(path string, _ fs.DirEntry, err error) error {
		if rel, _ := filepath.Rel(root, path); strings.Count(rel, "/") == 1 && !strings.HasSuffix(rel, "/Good") {
			t.Errorf("made %s", rel)
		}
		return err
	}); err != nil {
		t.Log(err) // nothing there is as good
	}
	f.stillWorks()
}

func TestManyTopicsAreBounded(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *Config, _ *store.Config) { c.MaxTopicNums = 60 })
	f.sendTo("Good", "x")
	refused := 0
	for i := range 100 {
		if f.call(code.SendMessageV2, []byte("x"), sendFields(fmt.Sprint("New", i))...).Response() == code.TopicNotExist {
			refused++
		}
	}
	if f.Topics.Len() > 60 || refused < 50 {
		t.Fatalf("%d topics, %d sends refused", f.Topics.Len(), refused)
	}
	f.stillWorks()
}

func TestHostileMessages(t *testing.T) {
	t.Parallel()
	f := start(t, func(_ *Config, s *store.Config) { s.MappedFileSizeCommitLog = 64 << 20 })
	f.sendTo("T", "x")
	keys := strings.Repeat("k ", 10_000)
	for _, row := range []struct {
		name, properties string
		code             code.Response
	}{
		{"keys of 64 KiB", "KEYS\x01" + strings.Repeat("k", 65536) + "\x02", code.MessageIllegal},
		{"a unique key of 64 KiB", "UNIQ_KEY\x01" + strings.Repeat("k", 65536) + "\x02", code.MessageIllegal},
		{"10,000 keys", "KEYS\x01" + keys + "\x02", code.Success},
		{"separators only", strings.Repeat("\x01\x02", 5000), code.Success},
		{"a name thrice", "a\x011\x02a\x012\x02a\x013\x02", code.Success},
		{"just below the limit, before what the broker adds", "a\x01" + strings.Repeat("x", 32700) + "\x02", code.MessageIllegal},
		{"text that needs escapes", "UNIQ_KEY\x01\"\\\n\u00e9\U0001F600\x02", code.Success},
		{"level that is no number", "DELAY\x01abc\x02", code.SystemError},
		{"timer in the year 9999", "TIMER_DELIVER_MS\x01253402300799000\x02", code.SystemError},
		{"negative timer", "TIMER_DELAY_SEC\x01-1\x02", code.SystemError},
	} {
		reply := f.call(code.SendMessageV2, []byte("x"), replace(sendFields("T"), "i", row.properties)...)
		if reply.Response() != row.code {
			t.Errorf("%s: %d %q, want %d", row.name, reply.Code, reply.Remark, row.code)
		}
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		f.call(code.SendMessageV2, []byte("x"), replace(sendFields("T"), "f", fmt.Sprint(int32(rng.Uint32())), "g", fmt.Sprint(rng.Int64()),
			"h", fmt.Sprint(int32(rng.Uint32())), "j", fmt.Sprint(int32(rng.Uint32())), "i", "")...)
	}
	for i := range 32 { // one flag at a time, with bodies that are no such compression
		f.call(code.SendMessageV2, []byte("not compressed"), replace(sendFields("T"), "f", fmt.Sprint(int32(uint32(1)<<i)), "i", "")...)
	}
	next := "0"
	total := 0
	for range 100 {
		reply := f.call(code.PullMessage, nil, pullFields("G", "T", next)...)
		if reply.Response() != code.Success {
			break
		}
		total += len(decodeAll(t, reply.Body))
		next = reply.Fields.String("nextBeginOffset")
	}
	if max := f.Store.MaxOffset("T", 0); int64(total) != max {
		t.Fatalf("%d of %d messages decode", total, max)
	}
	f.stillWorks()
}

// TestHostileNumbers sends every kind of number to every field of a pull and a send.
func TestHostileNumbers(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	f.sendTo("T", "x")
	numbers := []string{"abc", "-1", "9223372036854775807", "9223372036854775808", " 1", "1e3", "", "2147483648", "-2147483648", "0x10"}
	for _, field := range []string{"queueId", "queueOffset", "maxMsgNums", "sysFlag", "commitOffset", "subVersion", "suspendTimeoutMillis", "maxMsgBytes", "requestSource"} {
		for _, n := range numbers {
			f.ask(code.PullMessage, replace(pullFields("G", "T", "0"), field, n)...) // may be held
		}
	}
	for _, field := range []string{"d", "e", "f", "g", "h", "j", "l"} {
		for _, n := range numbers {
			f.call(code.SendMessageV2, []byte("x"), replace(sendFields("T"), field, n)...)
		}
	}
	for _, n := range numbers {
		f.call(code.UpdateConsumerOffset, nil, "consumerGroup", "G", "topic", "T", "queueId", n, "commitOffset", n)
		f.call(code.QueryConsumerOffset, nil, "consumerGroup", "G", "topic", "T", "queueId", n)
		f.call(code.ViewMessageByID, nil, "offset", n)
		f.call(code.SearchOffsetByTimestamp, nil, "topic", "T", "queueId", n, "timestamp", n)
	}
	f.stillWorks()
}

func TestHostileBodies(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	deep := []byte(strings.Repeat(`{"a":`, 10_000))
	for _, data := range [][]byte{nil, []byte("null"), []byte("[]"), []byte("{"), deep, []byte(`{"mqSet":[{"queueId":99999999999}]}`), {0xff, 0}} {
		for _, c := range []code.Request{code.HeartBeat, code.CheckClientConfig, code.LockBatchMQ, code.UnlockBatchMQ} {
			f.call(c, data)
		}
	}
	var queues []body.MessageQueue
	for i := range int32(10_000) {
		queues = append(queues, body.MessageQueue{Topic: "T", BrokerName: "b", QueueId: i})
	}
	data, err := body.Encode(body.LockBatchRequestBody{ConsumerGroup: "G", ClientId: "c", MqSet: queues})
	if err != nil {
		t.Fatal(err)
	}
	reply := f.call(code.LockBatchMQ, data)
	want(t, reply, code.Success, "")
	answer, err := body.Decode[body.LockBatchResponseBody](reply.Body)
	if err != nil || len(answer.LockOKMQSet) != 10_000 {
		t.Fatalf("%d queues locked, %v", len(answer.LockOKMQSet), err)
	}
	f.stillWorks()
}
