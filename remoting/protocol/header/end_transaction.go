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

// All are required.
var endNames = [...]string{"producerGroup", "tranStateTableOffset", "commitLogOffset", "commitOrRollback"}

// DecodeFields reads the header.
func (h *EndTransaction) DecodeFields(f *protocol.Fields) error { return endReader.decode(h, f) }

var endReader = &reader[EndTransaction]{(*EndTransaction).readAll, (*EndTransaction).read}

func (h *EndTransaction) readAll(f *protocol.Fields) error {
	*h = EndTransaction{}
	seen := 0
	for i := range f.Len() {
		field := f.At(i)
		if err := h.read(field); err != nil {
			return err
		}
		for place, name := range endNames {
			if string(field.Key) == name {
				seen |= 1 << place
			}
		}
	}
	for place, name := range endNames {
		if seen&(1<<place) == 0 {
			return &protocol.MissingFieldError{Name: name}
		}
	}
	return nil
}

func (h *EndTransaction) read(field protocol.Field) error {
	ok := true
	switch string(field.Key) {
	case "producerGroup":
		h.ProducerGroup = field.Value
	case "tranStateTableOffset":
		h.TranStateTableOffset, ok = protocol.ParseInt(field.Value, 64)
	case "commitLogOffset":
		h.CommitLogOffset, ok = protocol.ParseInt(field.Value, 64)
	case "commitOrRollback":
		h.CommitOrRollback, ok = parseInt32(field.Value)
	case "fromTransactionCheck":
		h.FromTransactionCheck = protocol.ParseBool(field.Value)
	}
	if !ok {
		return protocol.NewNumberError(string(field.Key), field.Value)
	}
	return nil
}
