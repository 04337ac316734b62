package admin

import (
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// getTopicStatsInfo answers GET_TOPIC_STATS_INFO: the bounds of every queue, and when each got its last message.
func (a *Admin) getTopicStatsInfo(_ *remoting.Request, h *header.GetTopicStatsInfo) (*protocol.Command, error) {
	rules := a.Rules()
	c := a.Topics.Get(h.Topic)
	if c == nil {
		return nil, remoting.Fail(code.TopicNotExist, "topic["+h.Topic+"] not exist")
	}
	table := body.TopicStatsTable{OffsetTable: map[body.MessageQueue]body.TopicOffset{}, TopicPutTps: a.Stats.TopicPutTps(h.Topic)}
	for q := range queueCount(max(c.ReadQueueNums, c.WriteQueueNums)) {
		bounds := body.TopicOffset{MinOffset: max(a.Store.MinOffset(h.Topic, q), 0), MaxOffset: max(a.Store.MaxOffset(h.Topic, q), 0)}
		if bounds.MaxOffset > 0 {
			bounds.LastUpdateTimestamp = a.Store.StoreTime(h.Topic, q, bounds.MaxOffset-1)
		}
		table.OffsetTable[a.queue(&rules, h.Topic, q)] = bounds
	}
	return jsonAnswer(table)
}

// queryConsumeTimeSpan answers QUERY_CONSUME_TIME_SPAN: how old the messages of each queue are, and those the group is at.
func (a *Admin) queryConsumeTimeSpan(_ *remoting.Request, h *header.QueryConsumeTimeSpan) (*protocol.Command, error) {
	rules := a.Rules()
	c := a.Topics.Get(h.Topic)
	if c == nil {
		return nil, remoting.Fail(code.TopicNotExist, "topic["+h.Topic+"] not exist")
	}
	spans := []body.QueueTimeSpan{}
	for q := range queueCount(c.WriteQueueNums) {
		last := a.Store.MaxOffset(h.Topic, q)
		at := a.Offsets.Query(h.Group, h.Topic, q)
		span := body.QueueTimeSpan{
			MessageQueue: a.queue(&rules, h.Topic, q),
			MinTimeStamp: a.Store.EarliestTime(h.Topic, q), MaxTimeStamp: a.Store.StoreTime(h.Topic, q, last-1),
		}
		span.ConsumeTimeStamp = span.MinTimeStamp
		if at > 0 {
			span.ConsumeTimeStamp = a.Store.StoreTime(h.Topic, q, at-1)
		}
		if at < last {
			span.DelayTime = a.Clock.NowMs() - a.Store.StoreTime(h.Topic, q, at)
		}
		spans = append(spans, span)
	}
	return jsonAnswer(body.QueryConsumeTimeSpanBody{ConsumeTimeSpanSet: spans})
}
