package admin_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/transaction"
)

// half sends a half message, and says what END_TRANSACTION must name.
func (b *bench) half(text string) (offset, phy string) {
	b.t.Helper()
	reply := b.must(code.SendMessage, []byte(text),
		"producerGroup", "tx", "topic", "T", "defaultTopic", "TBW102", "defaultTopicQueueNums", "4", "queueId", "0", "sysFlag", "4",
		"bornTimestamp", strconv.FormatInt(time.Now().UnixMilli(), 10), "flag", "0", "properties", "TRAN_MSG\x01true\x02PGROUP\x01tx\x02",
		"reconsumeTimes", "0", "unitMode", "false", "batch", "false")
	_, at, err := message.ParseOffsetMsgID(reply.Fields.String("msgId"))
	if err != nil {
		b.t.Fatal(err)
	}
	return reply.Fields.String("queueOffset"), strconv.FormatInt(at, 10)
}

// TestTransactionQueuesAsConsumerAndTopic is what mqadmin topicStatus and
// consumerProgress show of transactions.
func TestTransactionQueuesAsConsumerAndTopic(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.must(code.UpdateAndCreateTopic, nil, topicExt("T")...)
	type bounds struct{ Min, Max int64 }
	status := func(topic string) map[body.MessageQueue]bounds {
		got := map[body.MessageQueue]bounds{}
		for q, o := range decode[body.TopicStatsTable](t, b.must(code.GetTopicStatsInfo, nil, "topic", topic)).OffsetTable {
			if (o.LastUpdateTimestamp > 0) != (o.MaxOffset > 0) {
				t.Errorf("%v: last update %d with %d messages", q, o.LastUpdateTimestamp, o.MaxOffset)
			}
			got[q] = bounds{o.MinOffset, o.MaxOffset}
		}
		return got
	}
	progress := func() map[body.MessageQueue][2]int64 {
		got := map[body.MessageQueue][2]int64{}
		for q, o := range decode[body.ConsumeStats](t, b.must(code.GetConsumeStats, nil, "consumerGroup", transaction.Group)).OffsetTable {
			got[q] = [2]int64{o.BrokerOffset, o.ConsumerOffset}
		}
		return got
	}
	queue := func(topic string) body.MessageQueue { return body.MessageQueue{BrokerName: "b", Topic: topic} }
	same := func(what string, want, got any) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	same("fresh half topic", map[body.MessageQueue]bounds{queue(message.TopicHalf): {}}, status(message.TopicHalf))
	same("fresh op topic", map[body.MessageQueue]bounds{queue(message.TopicOpHalf): {}}, status(message.TopicOpHalf))
	same("fresh progress", map[body.MessageQueue][2]int64{}, progress())

	var offset, phy string
	for range 3 {
		offset, phy = b.half("x")
		if offset == "2" {
			break // stays open
		}
		b.must(code.EndTransaction, nil, "producerGroup", "tx", "tranStateTableOffset", offset, "commitLogOffset", phy, "commitOrRollback", "8")
	}
	b.Transactions.Flush()
	b.Transactions.Round(t.Context())
	same("half topic", map[body.MessageQueue]bounds{queue(message.TopicHalf): {0, 3}}, status(message.TopicHalf))
	same("op topic", map[body.MessageQueue]bounds{queue(message.TopicOpHalf): {0, 1}}, status(message.TopicOpHalf))
	if err := b.Store.Sync(); err != nil { // progress is committed when the disk has what it stands for
		t.Fatal(err)
	}
	b.Transactions.Round(t.Context())
	same("progress", map[body.MessageQueue][2]int64{queue(message.TopicHalf): {3, 2}, queue(message.TopicOpHalf): {1, 1}}, progress())
	users := decode[body.GroupList](t, b.must(code.QueryTopicConsumeByWho, nil, "topic", message.TopicHalf)).GroupList
	same("groups of the half topic", []string{transaction.Group}, users)
}
