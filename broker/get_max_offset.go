package broker

import (
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// GET_MAX_OFFSET (30): the next offset that consumers will see.
func (b *Broker) getMaxOffset(_ *remoting.Request, h *header.GetMaxOffset) (*protocol.Command, error) {
	_, high, err := b.Store.Bounds(h.Topic, h.QueueId)
	if err != nil {
		return nil, unreadable(err)
	}
	return withHeader(&header.GetMaxOffsetResponse{Offset: high})
}
