package broker

import (
	"errors"

	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// UPDATE_CONSUMER_OFFSET (15), mostly one-way. Any number is taken, a smaller one
// too; a commit while a reset waits for its consumer is dropped and called a
// success. Unlike pulls it makes no group.
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
	if b.cfg.Get().UseServerSideResetOffset && b.Offsets.HasReset(h.ConsumerGroup, h.Topic, h.QueueId) {
		return protocol.NewResponse(code.Success, remarkOffsetReset), nil
	}
	if _, ok := b.Offsets.Commit(h.ConsumerGroup, h.Topic, h.QueueId, h.CommitOffset); !ok {
		return nil, remoting.Fail(code.InvalidParameter, "too many queues with an offset, topic is "+h.Topic)
	}
	return protocol.NewResponse(code.Success, ""), nil
}

func (b *Broker) mayCommit(h *header.UpdateConsumerOffset) error {
	switch {
	case b.Groups.Get(h.ConsumerGroup) == nil:
		return remoting.Fail(code.SubscriptionGroupNotExist, "Group "+h.ConsumerGroup+" not exist!")
	case b.Topics.Get(h.Topic) == nil:
		return remoting.Fail(code.TopicNotExist, "Topic "+h.Topic+" not exist!")
	}
	return nil
}
