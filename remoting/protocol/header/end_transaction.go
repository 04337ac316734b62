package header

import "github.com/skylarkmq/skylark/remoting/protocol"

// EndTransaction is the header of END_TRANSACTION (37). It reads itself: one comes
// with every transaction. The slice points into the command's fields.
type EndTransaction struct {
	ProducerGroup        []byte
	TranStateTableOffset int64 // offset of the half message in its queue
	CommitLogOffset      int64
	CommitOrRollback     int32 // system flag: 8 commit, 12 rollback, 0 unknown
	FromTransactionCheck bool
}

// What was seen, as bits; all are required.
const (
	endProducerGroup = 1 << iota
	endTranStateTableOffset
	endCommitLogOffset
	endCommitOrRollback
)

var endNames = [...]string{"producerGroup", "tranStateTableOffset", "commitLogOffset", "commitOrRollback"}

// DecodeFields reads the header.
func (h *EndTransaction) DecodeFields(f *protocol.Fields) error {
	*h = EndTransaction{}
	seen := 0
	for i := range f.Len() {
		field, ok := f.At(i), true
		switch string(field.Key) {
		case "producerGroup":
			h.ProducerGroup = field.Value
			seen |= endProducerGroup
		case "tranStateTableOffset":
			h.TranStateTableOffset, ok = protocol.ParseInt(field.Value, 64)
			seen |= endTranStateTableOffset
		case "commitLogOffset":
			h.CommitLogOffset, ok = protocol.ParseInt(field.Value, 64)
			seen |= endCommitLogOffset
		case "commitOrRollback":
			h.CommitOrRollback, ok = parseInt32(field.Value)
			seen |= endCommitOrRollback
		case "fromTransactionCheck":
			h.FromTransactionCheck = protocol.ParseBool(field.Value)
		}
		if !ok {
			return protocol.NewNumberError(string(field.Key), field.Value)
		}
	}
	for i, name := range endNames {
		if seen&(1<<i) == 0 {
			return &protocol.MissingFieldError{Name: name}
		}
	}
	return nil
}
