package broker

import (
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// GET_MIN_OFFSET (31): the first offset that is still there.
func (b *Broker) getMinOffset(_ *remoting.Request, h *header.GetMinOffset) (*protocol.Command, error) {
	return withHeader(&header.GetMinOffsetResponse{Offset: b.Store.MinOffset(h.Topic, h.QueueId)})
}
