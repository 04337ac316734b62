package broker

import (
	"fmt"

	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// VIEW_MESSAGE_BY_ID (33): the record at a place of the commit log. The store
// refuses places inside a record, or past the end.
func (b *Broker) viewMessageByID(_ *remoting.Request, h *header.ViewMessage) (*protocol.Command, error) {
	rec, err := b.Store.Lookup(h.Offset, nil)
	if err != nil {
		b.log.Debug().Err(err).Int64("offset", h.Offset).Msg("message not found")
		return nil, remoting.Fail(code.SystemError, fmt.Sprintf("can not find message by the offset, %d", h.Offset))
	}
	cmd := protocol.NewResponse(code.Success, "")
	cmd.Body = rec
	return cmd, nil
}
