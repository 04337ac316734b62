package broker

import (
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// GET_EARLIEST_MSG_STORETIME (32): -1 for an empty queue. It reads the log: a lane.
func (b *Broker) getEarliestMsgStoretime(_ *remoting.Request, h *header.GetEarliestMsgStoretime) (*protocol.Command, error) {
	return withHeader(&header.GetEarliestMsgStoretimeResponse{Timestamp: b.Store.EarliestTime(h.Topic, h.QueueId)})
}
