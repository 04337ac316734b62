package broker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/skylarkmq/skylark/broker/lock"
	"github.com/skylarkmq/skylark/broker/topic"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
)

// TestPriorityChoosesTheQueue has the queue asked for and the one that the answer names and the record is in.
func TestPriorityChoosesTheQueue(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	eight := topic.NewConfig("T")
	eight.WriteQueueNums, eight.ReadQueueNums = 8, 8
	none := topic.NewConfig("NoQueues")
	none.WriteQueueNums = 0
	if err := f.Topics.Put(eight, none); err != nil {
		t.Fatal(err)
	}
	const p5 = "_SYS_MSG_PRIORITY_\x015\x02"
	for _, row := range []struct {
		name, topic, asked, props string
		queue                     int32
		kept                      bool // the property
	}{
		{"priority", "T", "0", p5, 5, true},
		{"any queue", "T", "-1", p5, 5, true},
		{"above the last queue", "T", "0", "_SYS_MSG_PRIORITY_\x01100\x02", 7, true},
		{"lowest", "T", "3", "_SYS_MSG_PRIORITY_\x010\x02", 0, true},
		{"negative", "T", "3", "_SYS_MSG_PRIORITY_\x01-1\x02", 3, true},
		{"no number", "T", "3", "_SYS_MSG_PRIORITY_\x01high\x02", 3, true},
		{"the last of two", "T", "3", p5 + "_SYS_MSG_PRIORITY_\x016\x02", 6, true},
		{"ordered", "T", "3", p5 + "__SHARDINGKEY\x01k\x02", 3, false},
		{"delay level", "T", "3", p5 + "DELAY\x010\x02", 3, false},
		{"lite topic", "T", "3", p5 + "__LITE_TOPIC\x01x\x02", 5, true},
		{"no queues to write to", "NoQueues", "2", p5, 0, true},
	} {
		reply := f.call(code.SendMessageV2, []byte("x"), replace(sendFields(row.topic), "e", row.asked, "i", row.props+"UNIQ_KEY\x01U\x02")...)
		want(t, reply, code.Success, "")
		v := f.stored(t, reply)
		if got := reply.Fields.String("queueId"); got != fmt.Sprint(row.queue) || v.QueueID != row.queue {
			t.Errorf("%s: answered queue %s, stored in %d, want %d", row.name, got, v.QueueID, row.queue)
		}
		if got := property(&v, "_SYS_MSG_PRIORITY_") != ""; got != row.kept {
			t.Errorf("%s: stored as %q", row.name, v.Properties)
		}
		if property(&v, "UNIQ_KEY") != "U" || property(&v, "CLUSTER") == "" {
			t.Errorf("%s: stored as %q", row.name, v.Properties)
		}
	}
}

func TestPriorityOfHalfMessagesAndDeadLetters(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	f.sendTo("T", "make the topic")
	want(t, f.call(code.SendMessageV2, []byte("x"), replace(sendFields("T"), "e", "2", "i",
		"_SYS_MSG_PRIORITY_\x015\x02TRAN_MSG\x01true\x02PGROUP\x01p\x02UNIQ_KEY\x01U\x02")...), code.Success, "")
	half := f.last("RMQ_SYS_TRANS_HALF_TOPIC")
	if property(&half, "_SYS_MSG_PRIORITY_") != "" || property(&half, "REAL_QID") != "2" || property(&half, "UNIQ_KEY") != "U" {
		t.Errorf("half message %q", half.Properties)
	}
	f.Locks.Lock("G", "c", []lock.Queue{{BrokerName: "test-a", Topic: "T"}})
	want(t, f.call(code.SendMessageV2, []byte("x"), replace(sendFields("%RETRY%G"), "i", "_SYS_MSG_PRIORITY_\x015\x02")...), code.Success, "")
	dead := f.last("%DLQ%G")
	if property(&dead, "_SYS_MSG_PRIORITY_") != "" || dead.QueueID != 0 {
		t.Errorf("dead letter in queue %d: %q", dead.QueueID, dead.Properties)
	}
}

// TestLiteTopicIsInItsLightQueue reads messages where the consumers of a lite topic look for them.
func TestLiteTopicIsInItsLightQueue(t *testing.T) {
	t.Parallel()
	f := lightBroker(t, t.TempDir(), nil)
	const queue = "%LMQ%$T$x"
	for i, props := range []string{"__LITE_TOPIC\x01x\x02", "INNER_MULTI_DISPATCH\x01%LMQ%other\x02__LITE_TOPIC\x01x\x02KEYS\x01k\x02"} {
		reply := f.call(code.SendMessageV2, fmt.Appendf(nil, "m%d", i), replace(sendFields("T"), "i", props)...)
		want(t, reply, code.Success, "")
		if v := f.stored(t, reply); property(&v, "INNER_MULTI_DISPATCH") != queue || property(&v, "__LITE_TOPIC") != "x" ||
			property(&v, "UNIQ_KEY") != reply.Fields.String("transactionId") {
			t.Errorf("stored as %q", v.Properties)
		}
	}
	reply := f.call(code.PullMessage, nil, pullFields("g", queue, "0")...)
	want(t, reply, code.Success, "FOUND")
	if got := decodeAll(t, reply.Body); len(got) != 2 || string(got[1].Body) != "m1" || string(got[1].Topic) != "T" {
		t.Errorf("%d messages", len(got))
	}
	if n := f.Store.MaxOffset("%LMQ%other", 0); n != 0 {
		t.Errorf("%d messages in the queue that the client named", n)
	}
	for _, lite := range []string{"a/b", "a,b", strings.Repeat("x", 250)} {
		reply := f.call(code.SendMessageV2, []byte("x"), replace(sendFields("T"), "i", "__LITE_TOPIC\x01"+lite+"\x02")...)
		want(t, reply, code.MessageIllegal, "no light queue can be of lite topic["+lite+"]")
	}
}

// TestLiteTopicWithoutLightQueues: the property is stored as by the Java broker, which needs it there.
func TestLiteTopicWithoutLightQueues(t *testing.T) {
	t.Parallel()
	f := start(t, func(_ *Config, s *store.Config) { s.EnableLmq = false })
	reply := f.call(code.SendMessageV2, []byte("x"), replace(sendFields("T"), "i", "__LITE_TOPIC\x01x\x02")...)
	want(t, reply, code.Success, "")
	if v := f.stored(t, reply); property(&v, "INNER_MULTI_DISPATCH") != "%LMQ%$T$x" {
		t.Errorf("stored as %q", v.Properties)
	}
}
