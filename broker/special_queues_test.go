package broker

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/broker/topic"
	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/internal/goldenstore"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
)

// lightBroker has light queues on, in a directory.
func lightBroker(t *testing.T, dir string, change func(*Config, *store.Config)) *fixture {
	t.Helper()
	return start(t, func(c *Config, s *store.Config) {
		s.StorePathRootDir, s.EnableLmq, s.EnableMultiDispatch = dir, true, true
		if change != nil {
			change(c, s)
		}
	})
}

func lightSend(topic, names string) []string {
	return replace(sendFields(topic), "i", "TAGS\x01A\x02INNER_MULTI_DISPATCH\x01"+names+"\x02")
}

func TestLightQueueRequests(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := lightBroker(t, dir, nil)
	for i := range 3 {
		want(t, f.call(code.SendMessageV2, fmt.Appendf(nil, "m%d", i), lightSend("T", "%LMQ%a,%LMQ%b")...), code.Success, "")
	}
	reply := f.call(code.PullMessage, nil, pullFields("%LMQ%g", "%LMQ%a", "1")...)
	want(t, reply, code.Success, "FOUND")
	if got := decodeAll(t, reply.Body); len(got) != 2 || string(got[0].Topic) != "T" || string(got[0].Body) != "m1" {
		t.Errorf("%d messages", len(got))
	}
	want(t, f.call(code.GetMaxOffset, nil, "topic", "%LMQ%b", "queueId", "0"), code.Success, "")
	if got := f.call(code.GetMaxOffset, nil, "topic", "%LMQ%b", "queueId", "0").Fields.String("offset"); got != "3" {
		t.Errorf("max offset %s", got)
	}
	if r := f.call(code.PullMessage, nil, replace(pullFields("g", "%LMQ%a", "0"), "queueId", "1")...); r.Response() != code.InvalidParameter {
		t.Errorf("queue 1: %d %q", r.Code, r.Remark)
	}

	// A pull that waits hears of a message of another topic.
	waits := make(chan *protocol.Command, 1)
	go func() {
		waits <- f.call(code.PullMessage, nil, replace(pullFields("g", "%LMQ%b", "3"), "sysFlag", "6")...)
	}()
	for f.Holds.Len() == 0 {
		time.Sleep(time.Millisecond)
	}
	want(t, f.call(code.SendMessageV2, []byte("later"), lightSend("U", "%LMQ%b")...), code.Success, "")
	if got := decodeAll(t, (<-waits).Body); len(got) != 1 || string(got[0].Body) != "later" {
		t.Errorf("woken with %d messages", len(got))
	}

	// Neither topics nor groups of light queues are kept; offsets are, each kind in its own table.
	for _, group := range []string{"g", "%LMQ%g"} {
		want(t, f.call(code.UpdateConsumerOffset, nil, "consumerGroup", group, "topic", "%LMQ%a", "queueId", "0", "commitOffset", "2"), code.Success, "")
	}
	for _, c := range f.Topics.All() {
		if message.IsLight(c.TopicName) {
			t.Errorf("topic %s is kept", c.TopicName)
		}
	}
	if f.Topics.Get("%LMQ%x") == nil || f.Groups.Get("%LMQ%x") == nil || f.Groups.Find("%LMQ%x") == nil {
		t.Error("light topics and groups are not there without being made")
	}
	if err := f.Topics.Put(topic.NewConfig("%LMQ%a")); err != nil || f.Topics.Get("%LMQ%a").ReadQueueNums != 1 {
		t.Errorf("a light topic was changed: %v", err)
	}
	if v, ok := f.Stats.View("GROUP_GET_NUMS", "%LMQ%@%LMQ%"); !ok && v.Minute.Sum == 0 {
		t.Error("reads of light queues are not counted together")
	}
	f.stop()
	data, err := os.ReadFile(filepath.Join(dir, "config", "lmqConsumerOffset.json"))
	if err != nil || !strings.Contains(string(data), `"lmqOffsetTable":{
		"%LMQ%a@%LMQ%g":2
	}`) || !strings.Contains(string(data), `"%LMQ%a@g"`) {
		t.Fatalf("%v: %s", err, data)
	}
	if _, err := os.Stat(filepath.Join(dir, "config", "consumerOffset.json")); err == nil {
		t.Error("consumerOffset.json was written too")
	}
	f = lightBroker(t, dir, nil)
	for _, group := range []string{"g", "%LMQ%g"} {
		reply := f.call(code.QueryConsumerOffset, nil, "consumerGroup", group, "topic", "%LMQ%a", "queueId", "0")
		if want(t, reply, code.Success, ""); reply.Fields.String("offset") != "2" {
			t.Errorf("%s: offset %s", group, reply.Fields.String("offset"))
		}
	}
	want(t, f.call(code.DeleteTopicInBroker, nil, "topic", "%LMQ%a"), code.Success, "")
	if f.Store.MaxOffset("%LMQ%a", 0) != 0 || f.Store.MaxOffset("%LMQ%b", 0) != 4 {
		t.Error("deleting one light queue")
	}
}

// TestLightQueuesTurnedOn: offsets that were committed before are not forgotten, as Java forgets them.
func TestLightQueuesTurnedOn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := start(t, func(_ *Config, s *store.Config) { s.StorePathRootDir = dir })
	f.sendTo("T", "x")
	want(t, f.call(code.PullMessage, nil, pullFields("g", "T", "0")...), code.Success, "FOUND")
	want(t, f.call(code.UpdateConsumerOffset, nil, "consumerGroup", "g", "topic", "T", "queueId", "0", "commitOffset", "1"), code.Success, "")
	f.stop()
	f = lightBroker(t, dir, nil)
	if got := f.Offsets.Query("g", "T", 0); got != 1 {
		t.Errorf("offset %d after enableLmq was set", got)
	}
	want(t, f.call(code.UpdateConsumerOffset, nil, "consumerGroup", "g", "topic", "T", "queueId", "0", "commitOffset", "0"), code.Success, "")
	f.stop()
	if f = lightBroker(t, dir, nil); f.Offsets.Query("g", "T", 0) != 0 {
		t.Error("the old file won over the new one")
	}
}

// TestLightTakeover goes on with the light queues of a store that the Java broker left: messages, offsets of both kinds of group,
// and the next offsets, also where its queues did not come to the disk.
func TestLightTakeover(t *testing.T) {
	t.Parallel()
	for name, crashed := range map[string]bool{"stopped": false, "crashed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			goldenstore.Into(t, "java-5.5.0-light", dir)
			if crashed {
				lost, err := filepath.Glob(filepath.Join(dir, "consumequeue", message.LMQPrefix+"*"))
				for _, queue := range lost {
					err = errors.Join(err, os.RemoveAll(queue))
				}
				if err = errors.Join(err, os.WriteFile(filepath.Join(dir, "abort"), nil, 0o600)); err != nil || len(lost) != 4 {
					t.Fatal(lost, err)
				}
			}
			f := lightBroker(t, dir, func(_ *Config, s *store.Config) {
				s.MappedFileSizeCommitLog, s.MappedFileSizeConsumeQueue, s.MapperFileSizeBatchConsumeQueue = 1<<20, 20000, 4600
				s.MaxHashSlotNum, s.MaxIndexNum = 1000, 4000
			})
			const a, third = "%LMQ%a_golden", "%LMQ%third_golden"
			for _, group := range []string{"g-light-offsets_golden", "%LMQ%light-offsets_golden"} {
				reply := f.call(code.QueryConsumerOffset, nil, "consumerGroup", group, "topic", a, "queueId", "0")
				if want(t, reply, code.Success, ""); reply.Fields.String("offset") != "5" {
					t.Errorf("%s: offset %s", group, reply.Fields.String("offset"))
				}
			}
			for queue, count := range map[string]int{a: 14, "%LMQ%b_golden": 5, "%LMQ%all_golden": 60, third: 20} {
				low, high := f.Store.MinOffset(queue, 0), f.Store.MaxOffset(queue, 0)
				if low != 0 || high != int64(count) {
					t.Errorf("%s is [%d, %d), want [0, %d)", queue, low, high, count)
				}
			}
			reply := f.call(code.PullMessage, nil, replace(pullFields("%LMQ%g", third, "0"), "maxMsgNums", "32")...)
			want(t, reply, code.Success, "FOUND")
			list := decodeAll(t, reply.Body)
			if len(list) != 20 {
				t.Fatalf("%d messages of 20", len(list))
			}
			for i, v := range list {
				at, _ := message.Property(v.Properties, message.PropertyInnerMultiQueueOffset)
				if string(v.Topic) != "special-parent_golden" || string(v.Body) != fmt.Sprintf("body %d", 3*i) || string(at) != fmt.Sprintf("%d,%d", i, 3*i) {
					t.Errorf("message %d: %s %q at %s", i, v.Topic, v.Body, at)
				}
			}
			want(t, f.call(code.SendMessageV2, []byte("next"), lightSend("special-parent_golden", a+","+third)...), code.Success, "")
			reply = f.call(code.PullMessage, nil, pullFields("%LMQ%g", third, "20")...)
			want(t, reply, code.Success, "FOUND")
			v := decodeAll(t, reply.Body)[0]
			if at, _ := message.Property(v.Properties, message.PropertyInnerMultiQueueOffset); string(v.Body) != "next" || string(at) != "14,20" {
				t.Errorf("%q goes on at %s", v.Body, at)
			}
		})
	}
}

func TestLightQuota(t *testing.T) {
	t.Parallel()
	f := lightBroker(t, t.TempDir(), func(_ *Config, s *store.Config) { s.EnableLmqQuota, s.MaxLmqConsumeQueueNum = true, 1 })
	want(t, f.call(code.SendMessageV2, []byte("x"), lightSend("T", "%LMQ%a")...), code.Success, "")
	want(t, f.call(code.SendMessageV2, []byte("x"), lightSend("T", "%LMQ%a")...), code.Success, "")
	want(t, f.call(code.SendMessageV2, []byte("x"), lightSend("T", "%LMQ%b")...), code.LMQQuotaExceeded, "[LMQ_CONSUME_QUEUE_NUM_EXCEEDED]lmq consume queue num exceeded.")
}

// batchTopic makes a topic with batch queues.
func (f *fixture) batchTopic(name string) {
	f.t.Helper()
	c := topic.NewConfig(name)
	c.Attributes = map[string]string{"queue.type": "BatchCQ"}
	c.ReadQueueNums, c.WriteQueueNums = 1, 1
	if err := f.Topics.Put(c); err != nil {
		f.t.Fatal(err)
	}
}

func batchBody(bodies ...string) (b []byte) {
	for i, text := range bodies {
		b = message.AppendBatchElement(b, message.BatchElement{Body: []byte(text), Properties: fmt.Appendf(nil, "KEYS\x01k%d\x02", i)})
	}
	return b
}

func TestBatchQueueRequests(t *testing.T) {
	t.Parallel()
	for _, mode := range []store.FlushDiskType{store.AsyncFlush, store.SyncFlush} {
		for _, s := range []protocol.SerializeType{protocol.JSON, protocol.RocketMQ} {
			t.Run(fmt.Sprint(mode, s), func(t *testing.T) {
				t.Parallel()
				cfg, st := DefaultConfig(), store.Defaults()
				cfg.BrokerName, cfg.BrokerIP1, cfg.BrokerIP2, cfg.NamesrvAddr = "test-a", "127.0.0.1", "127.0.0.1", ""
				small(&st)
				st.StorePathRootDir, st.FlushDiskType = t.TempDir(), mode
				opt := func() Options { return Options{Config: config.NewSection(cfg), Store: config.NewSection(st)} }
				f := startWith(t, opt())
				f.batchTopic("B")
				send := func(uniq string, base string, bodies ...string) {
					t.Helper()
					cmd := protocol.NewRequest(code.SendBatchMessage, nil, batchBody(bodies...))
					cmd.Serialize = s
					cmd.Fields = fields(sendFields("B", "m", "true", "i", "UNIQ_KEY\x01"+uniq+"\x02INNER_NUM\x0199\x02INNER_BASE\x0199\x02")...)
					reply, err := f.client.Call(t.Context(), f.addr, cmd)
					if err != nil {
						t.Fatal(err)
					}
					want(t, reply, code.Success, "")
					for name, value := range map[string]string{"batchUniqId": uniq, "transactionId": uniq, "queueOffset": base} {
						if got := reply.Fields.String(name); got != value {
							t.Errorf("%s is %q, want %q", name, got, value)
						}
					}
					if id := reply.Fields.String("msgId"); len(id) != 32 {
						t.Errorf("msgId %q", id)
					}
				}
				send("U1", "0", "a", "b", "c")
				send("U2", "3", "d")
				for _, row := range []struct {
					offset, next string
					records      int
				}{{"0", "4", 2}, {"2", "4", 2}, {"3", "4", 1}} {
					reply := f.call(code.PullMessage, nil, pullFields("g", "B", row.offset)...)
					want(t, reply, code.Success, "FOUND")
					got := decodeAll(t, reply.Body)
					if len(got) != row.records || reply.Fields.String("nextBeginOffset") != row.next || reply.Fields.String("maxOffset") != "4" {
						t.Errorf("from %s: %d records, next %s", row.offset, len(got), reply.Fields.String("nextBeginOffset"))
					}
					v := got[0]
					if base, count, ok := v.InnerBatch(); row.offset == "0" && (!ok || base != 0 || count != 3 || v.SysFlag != message.FlagInnerBatch|message.FlagNeedUnwrap || strings.Contains(string(v.Properties), "99")) {
						t.Errorf("%d, %d, flags %x, %q", base, count, v.SysFlag, v.Properties)
					}
				}
				waits := make(chan *protocol.Command, 1)
				go func() { waits <- f.call(code.PullMessage, nil, replace(pullFields("g", "B", "4"), "sysFlag", "6")...) }()
				for f.Holds.Len() == 0 {
					time.Sleep(time.Millisecond)
				}
				send("U3", "4", "e", "f")
				if got := decodeAll(t, (<-waits).Body); len(got) != 1 {
					t.Errorf("woken with %d records", len(got))
				}
				for name, row := range map[string]struct {
					c    code.Request
					body []byte
					more []string
				}{
					"no unique key":     {code.SendBatchMessage, batchBody("x"), []string{"m", "true"}},
					"a single message":  {code.SendMessageV2, []byte("x"), nil},
					"a half message":    {code.SendMessageV2, []byte("x"), []string{"i", "TRAN_MSG\x01true\x02PGROUP\x01p\x02"}},
					"a torn batch":      {code.SendBatchMessage, batchBody("x")[:20], []string{"m", "true", "i", "UNIQ_KEY\x01U\x02"}},
					"an empty batch":    {code.SendBatchMessage, nil, []string{"m", "true", "i", "UNIQ_KEY\x01U\x02"}},
					"a delayed batch":   {code.SendBatchMessage, batchBody("x"), []string{"m", "true", "i", "UNIQ_KEY\x01U\x02DELAY\x011\x02"}},
					"made up by itself": {code.SendMessageV2, batchBody("x"), []string{"f", "192", "i", "INNER_NUM\x012\x02"}},
				} {
					if r := f.call(row.c, row.body, replace(sendFields("B"), row.more...)...); r.Response() != code.MessageIllegal {
						t.Errorf("%s: %d %q", name, r.Code, r.Remark)
					}
				}
				want(t, f.call(code.SendMessageV2, batchBody("g", "h"), replace(sendFields("B"), "f", "192", "i", "INNER_NUM\x012\x02")...), code.Success, "")
				f.stop()

				f = startWith(t, opt())
				if low, high := f.Store.MinOffset("B", 0), f.Store.MaxOffset("B", 0); low != 0 || high != 8 {
					t.Errorf("after a restart [%d, %d)", low, high)
				}
				f.addr = f.Addr().String()
				send("U4", "8", "i")
			})
		}
	}
}

// TestBatchIsNotGivenBack: the record of a batch cannot be stored in a retry topic; its client sends the one message instead.
func TestBatchIsNotGivenBack(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	f.batchTopic("B")
	reply := f.call(code.SendBatchMessage, batchBody("a", "b"), sendFields("B", "m", "true", "i", "UNIQ_KEY\x01U\x02")...)
	want(t, reply, code.Success, "")
	_, phy, err := message.ParseOffsetMsgID(reply.Fields.String("msgId"))
	if err != nil {
		t.Fatal(err)
	}
	want(t, f.call(code.PullMessage, nil, pullFields("g", "B", "0")...), code.Success, "FOUND")
	back := f.call(code.ConsumerSendMsgBack, nil, "offset", fmt.Sprint(phy), "group", "g", "delayLevel", "0", "originMsgId", "U", "originTopic", "B", "unitMode", "false", "maxReconsumeTimes", "16")
	want(t, back, code.SystemError, "MESSAGE_ILLEGAL")
	if got := f.Store.MaxOffset("%RETRY%g", 0) + f.Store.MaxOffset("SCHEDULE_TOPIC_XXXX", 2); got != 0 {
		t.Errorf("%d messages stored", got)
	}
}
