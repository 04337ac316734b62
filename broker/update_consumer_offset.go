package broker

import (
	"errors"

	"github.com/skylarkmq/skylark/broker/offset"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// UPDATE_CONSUMER_OFFSET (15), mostly one-way. Any number is taken, a smaller one
// too; a commit while a reset waits for its consumer is dropped and called a
// success. Unlike pulls it makes no group. Java takes any queue; here it has to be one
// that the topic has or had, as each stays in a table of bounded size.
func (b *Broker) updateConsumerOffset(r *remoting.Request) (*protocol.Command, error) {
	var h header.UpdateConsumerOffset
	err := header.Decode(&r.Fields, &h)
	var missing *protocol.MissingFieldError
	switch refused := b.mayCommit(&h); {
	case errors.As(err, &missing) && missing.Name == "topic" && b.Groups.Get(h.ConsumerGroup) != nil:
	case refused != nil:
		return nil, refused
	}
	switch {
	case errors.As(err, &missing) && missing.Name == "queueId":
		return nil, remoting.Fail(code.InvalidParameter, "QueueId is null, topic is "+h.Topic)
	case errors.As(err, &missing) && missing.Name == "commitOffset":
		return nil, remoting.Fail(code.InvalidParameter, "Offset is null, topic is "+h.Topic)
	case err != nil:
		return nil, remoting.Fail(code.SystemError, err.Error())
	}
	if !b.hasQueue(&h) {
		return nil, remoting.Failf(code.InvalidParameter, "QueueId %d is not of topic %.255s", h.QueueId, h.Topic)
	}
	switch b.Offsets.Consumed(h.ConsumerGroup, h.Topic, h.QueueId, h.CommitOffset) {
	case offset.Void:
		return protocol.NewResponse(code.Success, remarkOffsetReset), nil
	case offset.Refused:
		if refused := b.mayCommit(&h); refused != nil {
			return nil, refused // deleted meanwhile
		}
		return nil, remoting.Fail(code.InvalidParameter, "too many queues with an offset, topic is "+h.Topic)
	}
	return protocol.NewResponse(code.Success, ""), nil
}

// maxLightName bounds names of which an offset is kept; others than light ones are shorter by their own rules.
const maxLightName = 1024

// hasQueue: a topic may have been made smaller, and its consumers commit once more what they have of the others.
func (b *Broker) hasQueue(h *header.UpdateConsumerOffset) bool {
	if h.QueueId < 0 {
		return false
	}
	t := b.Topics.Get(h.Topic)
	return t == nil || h.QueueId < max(t.ReadQueueNums, t.WriteQueueNums) || b.storeCfg.Get().EnableLmq && message.IsLight(h.ConsumerGroup) ||
		b.Store.MaxOffset(h.Topic, h.QueueId) > 0 || b.Offsets.Query(h.ConsumerGroup, h.Topic, h.QueueId) != offset.None
}

func (b *Broker) mayCommit(h *header.UpdateConsumerOffset) error {
	switch {
	case len(h.ConsumerGroup) > maxLightName: // a light one exists whatever it is called
		return remoting.Failf(code.SubscriptionGroupNotExist, "Group %.255s not exist!", h.ConsumerGroup)
	case len(h.Topic) > maxLightName:
		return remoting.Failf(code.TopicNotExist, "Topic %.255s not exist!", h.Topic)
	case b.Groups.Get(h.ConsumerGroup) == nil:
		return remoting.Fail(code.SubscriptionGroupNotExist, "Group "+h.ConsumerGroup+" not exist!")
	case b.Topics.Get(h.Topic) == nil:
		return remoting.Fail(code.TopicNotExist, "Topic "+h.Topic+" not exist!")
	}
	return nil
}
