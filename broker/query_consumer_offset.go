package broker

import (
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// QUERY_CONSUMER_OFFSET (14).
//
// A group that never committed is told 0 while the queue still has its first message.
func (b *Broker) queryConsumerOffset(_ *remoting.Request, h *header.QueryConsumerOffset) (*protocol.Command, error) {
	if offset := b.Offsets.Query(h.ConsumerGroup, h.Topic, h.QueueId); offset >= 0 {
		return withHeader(&header.QueryConsumerOffsetResponse{Offset: offset})
	}
	if h.SetZeroIfNotFound != nil && !*h.SetZeroIfNotFound {
		return nil, remoting.Fail(code.QueryNotFound, remarkOffsetNoZero)
	}
	switch low, high, err := b.Store.Bounds(h.Topic, h.QueueId); {
	case err != nil:
		return nil, unreadable(err)
	case hasFirst(low, high):
		return withHeader(&header.QueryConsumerOffsetResponse{Offset: 0})
	}
	return nil, remoting.Fail(code.QueryNotFound, remarkOffsetFirst)
}

// hasFirst says whether a queue still has its first message. Java asks whether that
// message is in the page cache, which on a young queue it is; we take it to be.
func hasFirst(low, high int64) bool { return low <= 0 && high > 0 }
