package broker

import (
	"strings"

	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// SEARCH_OFFSET_BY_TIMESTAMP (29). It reads store times from the log: a lane.
func (b *Broker) searchOffsetByTimestamp(_ *remoting.Request, h *header.SearchOffset) (*protocol.Command, error) {
	upper := strings.EqualFold(h.BoundaryType, "upper")
	at, err := b.Store.OffsetByTime(h.Topic, h.QueueId, h.Timestamp, upper)
	if err != nil {
		return nil, unreadable(err)
	}
	return withHeader(&header.SearchOffsetResponse{Offset: at})
}
