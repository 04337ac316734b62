package broker

import (
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// GET_MIN_OFFSET (31): the first offset that is still there.
func (b *Broker) getMinOffset(_ *remoting.Request, h *header.GetMinOffset) (*protocol.Command, error) {
	low, _, err := b.Store.Bounds(h.Topic, h.QueueId)
	if err != nil {
		return nil, unreadable(err)
	}
	return withHeader(&header.GetMinOffsetResponse{Offset: low})
}
