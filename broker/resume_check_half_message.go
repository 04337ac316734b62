package broker

import (
	"errors"

	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
	"github.com/skylarkmq/skylark/transaction"
)

// resumeCheckHalfMessage answers RESUME_CHECK_HALF_MESSAGE (323): a discarded half
// message is checked again, from the beginning. Java puts any record into the half
// queue; here it must be a half message, and not an open one.
func (b *Broker) resumeCheckHalfMessage(_ *remoting.Request, h *header.ResumeCheckHalfMessage) (*protocol.Command, error) {
	const failed = "Exception was thrown when putting message back to RMQ_SYS_TRANS_HALF_TOPIC."
	_, phy, err := message.ParseOffsetMsgID(h.MsgId)
	if err != nil {
		return nil, remoting.Fail(code.SystemError, failed)
	}
	rec, err := b.Store.Lookup(phy, nil)
	var v message.View
	if err == nil {
		err = message.Decode(rec, &v)
	}
	if err == nil {
		err = b.Transactions.Resume(&v)
	}
	switch {
	case err == nil:
		return protocol.NewResponse(code.Success, ""), nil
	case errors.Is(err, transaction.ErrNotStored):
		return nil, remoting.Fail(code.SystemError, "Put message back to RMQ_SYS_TRANS_HALF_TOPIC failed.")
	}
	b.log.Warn().Err(err).Str("msgId", h.MsgId).Msg("half message not resumed")
	return nil, remoting.Fail(code.SystemError, failed)
}
