package store

import (
	"fmt"

	"github.com/skylarkmq/skylark/message"
)

// Lookup appends the record that starts at a place of the log to dst. A place
// that is outside of what readers may see, or inside a record, is refused: client
// and peers send these numbers.
func (s *Store) Lookup(phy int64, dst []byte) ([]byte, error) {
	from := len(dst)
	head, err := s.commitLog.Read(phy, message.MinSize, dst, false)
	if err != nil {
		return dst, err
	}
	size, err := message.Size(head[from:])
	if err != nil {
		return dst, fmt.Errorf("store: no record at %d: %w", phy, err)
	}
	rec, err := s.commitLog.Read(phy, size, head[:from], false)
	if err != nil {
		return dst, err
	}
	var v message.View
	if err := message.Decode(rec[from:], &v); err != nil {
		return dst, fmt.Errorf("store: no record at %d: %w", phy, err)
	}
	if v.PhyOffset != phy {
		return dst, fmt.Errorf("store: %w: the record at %d says it is at %d", message.ErrCorrupt, phy, v.PhyOffset)
	}
	if err := v.CheckBody(); err != nil {
		return dst, fmt.Errorf("store: record at %d: %w", phy, err)
	}
	if !s.isQueued(&v) {
		return dst, fmt.Errorf("store: %w: what is at %d is not the message %d of its queue", message.ErrCorrupt, phy, v.QueueOffset)
	}
	return rec, nil
}

// isQueued asks the consume queue whether this record is one: a body may hold the
// image of a record, made to fit a place in the middle of the real one.
func (s *Store) isQueued(v *message.View) bool {
	if !message.Indexed(v.SysFlag) || v.SysFlag&message.FlagInnerBatch != 0 {
		return true
	}
	if !message.SafeTopic(v.Topic) {
		return false
	}
	q, ok := s.queues.Lookup(string(v.Topic), v.QueueID)
	if !ok || v.QueueOffset < q.MinOffset() || v.QueueOffset >= q.MaxOffset() {
		return true // the queue was deleted, or begins later: nothing to compare with
	}
	u, ok := q.Unit(v.QueueOffset)
	return !ok || u.PhyOffset == v.PhyOffset
}
