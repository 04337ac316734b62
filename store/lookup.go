package store

import (
	"fmt"

	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store/consumequeue"
)

// Lookup appends the record that starts at a place of the log to dst. A place
// that is outside of what readers may see, or inside a record, is refused: client
// and peers send these numbers.
func (s *Store) Lookup(phy int64, dst []byte) ([]byte, error) { return s.LookupIn(phy, dst, false) }

// LookupIn is Lookup. residentOnly: ErrCold when it would have to wait for the disk.
func (s *Store) LookupIn(phy int64, dst []byte, residentOnly bool) ([]byte, error) {
	from := len(dst)
	head, err := s.commitLog.Read(phy, message.MinSize, dst, residentOnly)
	if err != nil {
		return dst, err
	}
	size, err := message.Size(head[from:])
	if err != nil {
		return dst, fmt.Errorf("store: no record at %d: %w", phy, err)
	}
	rec, err := s.commitLog.Read(phy, size, head[:from], residentOnly)
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
	queued, err := s.isQueued(&v, residentOnly)
	if err != nil {
		return dst, err
	}
	if !queued {
		return dst, fmt.Errorf("store: %w: what is at %d is not the message %d of its queue", message.ErrCorrupt, phy, v.QueueOffset)
	}
	return rec, nil
}

// isQueued asks the consume queue whether this record is one: a body may hold the
// image of a record, made to fit a place in the middle of the real one.
func (s *Store) isQueued(v *message.View, residentOnly bool) (bool, error) {
	if !message.Indexed(v.SysFlag) || v.SysFlag&message.FlagInnerBatch != 0 {
		return true, nil
	}
	if !message.SafeTopic(v.Topic) {
		return false, nil
	}
	q, ok := s.queues.Lookup(string(v.Topic), v.QueueID)
	if !ok || v.QueueOffset < q.MinOffset() || v.QueueOffset >= q.MaxOffset() {
		return true, nil // the queue was deleted, or begins later: nothing to compare with
	}
	var one [1]consumequeue.Unit
	units, status, _ := q.Units(v.QueueOffset, 1, one[:0], residentOnly)
	switch status {
	case consumequeue.Found:
		if units[0].PhyOffset == v.PhyOffset {
			return true, nil
		}
		return isOlder(q, v, residentOnly)
	case consumequeue.Cold:
		return false, ErrCold
	}
	return true, nil
}

// isOlder says whether a record lies in front of all that its queue has: it was in the queue of that name before the
// topic was deleted and made again, which says nothing about it.
func isOlder(q *consumequeue.Queue, v *message.View, residentOnly bool) (bool, error) {
	var one [1]consumequeue.Unit
	units, status, _ := q.Units(q.MinOffset(), 1, one[:0], residentOnly)
	switch status {
	case consumequeue.Found:
		return v.PhyOffset < units[0].PhyOffset, nil
	case consumequeue.Cold:
		return false, ErrCold
	}
	return false, nil
}
