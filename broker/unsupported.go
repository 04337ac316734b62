package broker

import (
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// Messages whose feature this version lacks are refused: stored as they are they
// would reach consumers too early, or twice, or never. This file is the one place
// that knows; a feature that arrives takes its lines away.

const remarkUnsupported = " are not supported by this version of the broker"

// unsupported names the feature that a single message needs; "" for none.
func unsupported(h *header.SendMessage, c *completion) string {
	switch {
	case !c.transaction && h.SysFlag&message.FlagTransactionMask != 0:
		return "messages with a transaction flag and without TRAN_MSG" // Java stores some of them where nobody finds them
	case c.timer && !c.delay: // a level wins
		return "timer messages"
	}
	return ""
}

// unsupportedBatch is the same for a batch.
func unsupportedBatch(h *header.SendMessage) string {
	if h.SysFlag&message.FlagTransactionMask != 0 {
		return "batches of transactional messages"
	}
	return ""
}
