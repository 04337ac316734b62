package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// dead sends messages to a dead letter topic as a consumer does that gives them up; the number is in body and key.
func (w *adminWorld) dead(group string, from, to int, properties string) {
	w.t.Helper()
	for i := from; i < to; i++ {
		props := fmt.Sprintf("KEYS\x01k%d all\x02TAGS\x01t%d\x02UNIQ_KEY\x01U%d\x02%s", i, i%2, i, properties)
		reply := w.call(code.SendMessage, fmt.Appendf(nil, "body %d", i), "producerGroup", group, "topic", "%RETRY%"+group, "defaultTopic", "TBW102",
			"defaultTopicQueueNums", "1", "queueId", "0", "sysFlag", "0", "bornTimestamp", "1700000000000", "flag", "0", "properties", props,
			"reconsumeTimes", "17", "maxReconsumeTimes", "16")
		if reply.Response() != code.Success {
			w.t.Fatalf("%s: %s", reply.Response(), reply.Remark)
		}
	}
}

// stored are the messages of all queues of a topic.
func (w *adminWorld) stored(topic string) (list []message.View) {
	w.t.Helper()
	for q := range 4 {
		reply := w.call(code.PullMessage, nil, "consumerGroup", "look", "topic", topic, "queueId", fmt.Sprint(q), "queueOffset", "0",
			"maxMsgNums", "32", "sysFlag", "4", "commitOffset", "0", "suspendTimeoutMillis", "0", "subVersion", "0", "subscription", "*")
		for rest := reply.Body; reply.Response() == code.Success && len(rest) > 0; {
			var v message.View
			if err := message.Decode(rest, &v); err != nil {
				w.t.Fatal(err)
			}
			list, rest = append(list, v), rest[v.Size:]
		}
	}
	return list
}

func property(v *message.View, name string) string {
	value, _ := message.Property(v.Properties, name)
	return string(value)
}

func TestAdminDLQ(t *testing.T) {
	t.Parallel()
	w := newAdminWorld(t, nil)
	w.send("T", "made")
	w.beat("10.0.0.1@1", "G", tagsOf("T", "*"), tagsOf("%RETRY%G", "*"))
	w.dead("G", 0, 3, "RETRY_TOPIC\x01T\x02CONSUME_FAILURE_REASON\x01no such order\x02DELAY\x013\x02MAX_RECONSUME_TIMES\x0116\x02extra\x01e\x02")
	w.dead("G", 3, 4, "RETRY_TOPIC\x01gone\x02")
	w.dead("G", 4, 5, "")
	w.script("dlq", nil)

	retried := w.stored("%RETRY%G")
	if len(retried) != 2 {
		t.Fatalf("%d messages in the retry topic", len(retried))
	}
	for i := range retried {
		v := &retried[i]
		if v.ReconsumeTimes != 0 || v.BornTimestamp != 1700000000000 || property(v, "RETRY_TOPIC") != "T" || property(v, "extra") != "e" ||
			property(v, "DELAY") != "" || property(v, "MAX_RECONSUME_TIMES") != "" || !strings.HasSuffix(property(v, "SKYLARK_RESENT"), "@%DLQ%G") ||
			property(v, "CONSUME_FAILURE_REASON") != "no such order" || !strings.HasPrefix(string(v.Body), "body ") {
			t.Errorf("%+v %q", v, v.Properties)
		}
	}
	var origin []string
	for _, v := range w.stored("T") {
		if property(&v, "RETRY_TOPIC") == "" && property(&v, "KEYS") != "" {
			origin = append(origin, fmt.Sprintf("%s %s %s %s", v.Body, property(&v, "KEYS"), property(&v, "TAGS"), property(&v, "UNIQ_KEY")))
		}
	}
	if got := strings.Join(origin, ", "); got != "body 2 k2 all t0 U2" {
		t.Errorf("in the topic of origin: %s", got)
	}
	w.stop()
	if log := w.log.String(); !strings.Contains(log, `"audit":"dlq resend"`) || !strings.Contains(log, `"audit":"topic purge"`) {
		t.Errorf("no audit lines:\n%s", log)
	}
	w.begin(nil)
	w.script("dlq-again", nil) // sent and purged is remembered
}

// TestAdminDLQRate: the pace is kept, and a second run sends only what is new.
func TestAdminDLQRate(t *testing.T) {
	t.Parallel()
	w := newAdminWorld(t, nil)
	w.send("T", "made")
	w.beat("10.0.0.1@1", "G", tagsOf("T", "*"), tagsOf("%RETRY%G", "*"))
	w.dead("G", 0, 10, "RETRY_TOPIC\x01T\x02")
	began := time.Now()
	if got := w.admin("dlq", "resend", "-b", w.addr, "-rate", "20", "-write", "G"); !strings.Contains(got, "10 sent again, to retry; 0 refused") {
		t.Fatal(got)
	}
	if took := time.Since(began); took < 200*time.Millisecond {
		t.Errorf("10 messages at 20 a second in %v", took)
	}
	w.dead("G", 10, 12, "RETRY_TOPIC\x01T\x02")
	if got := w.admin("dlq", "resend", "-b", w.addr, "-rate", "1000", "-write", "G"); !strings.Contains(got, "2 sent again") {
		t.Fatal(got)
	}
	seen := map[string]int{}
	for _, v := range w.stored("%RETRY%G") {
		seen[string(v.Body)]++
	}
	if len(seen) != 12 {
		t.Errorf("%v", seen)
	}
	for what, n := range seen {
		if n != 1 {
			t.Errorf("%s is there %d times", what, n)
		}
	}
}
