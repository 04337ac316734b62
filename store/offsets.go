package store

import (
	"errors"

	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store/commitlog"
	"github.com/skylarkmq/skylark/store/consumequeue"
)

// MinOffset is the oldest offset of a queue that can be read, 0 for one that is not
// there, or cannot be opened now: who moves an offset by it asks Bounds.
func (s *Store) MinOffset(topic string, queue int32) int64 {
	low, _, _ := s.Bounds(topic, queue)
	return low
}

// MaxOffset is one past the newest offset of a queue that readers may see; else as MinOffset.
func (s *Store) MaxOffset(topic string, queue int32) int64 {
	_, high, _ := s.Bounds(topic, queue)
	return high
}

// Bounds are the offsets that a queue has, [low, high); an error that it cannot be opened now.
func (s *Store) Bounds(topic string, queue int32) (low, high int64, err error) {
	if q, ok := s.queues.Lookup(topic, queue); ok {
		if err := q.Err(); err != nil {
			return 0, 0, s.cannotRead(topic, queue, -1, err)
		}
		if q.Exists() {
			return q.MinOffset(), q.MaxOffset(), nil
		}
	}
	if q, ok := s.queues.LookupBatch(topic, queue); ok {
		low, high = q.Bounds()
		if err := q.Err(); err != nil {
			return 0, 0, s.cannotRead(topic, queue, -1, err)
		}
		if high > 0 {
			return low, high, nil
		}
		return noBatches, 0, nil
	}
	if s.isBatch(topic) {
		return noBatches, 0, nil
	}
	return 0, 0, nil
}

// Behind is how many messages of a queue follow an offset; 0 for batch queues and those that cannot be read.
func (s *Store) Behind(topic string, queue int32, offset int64) int64 {
	if q, ok := s.queues.Lookup(topic, queue); ok && q.Exists() && q.Err() == nil {
		return q.MaxOffset() - offset
	}
	return 0
}

// noBatches is the minimum of a batch queue that has nothing, as Java answers it.
const noBatches = -1

// PlaceOf is where in the log the message of a queue offset is, or, when it is gone,
// the oldest after it. ok is false at and behind the queue's end. It may wait for
// the disk. What cannot be read now may be anywhere: its place is the log's beginning.
func (s *Store) PlaceOf(topic string, queue int32, offset int64) (phy int64, ok bool) {
	low, high, err := s.Bounds(topic, queue)
	if err != nil {
		return s.commitLog.Min(), true
	}
	if offset = max(offset, low); offset >= high {
		return 0, false
	}
	if q, found := s.queues.Lookup(topic, queue); found && q.Exists() {
		var u consumequeue.Unit
		u, ok, err = q.UnitOr(offset)
		phy = u.PhyOffset
	} else if q, found := s.queues.LookupBatch(topic, queue); found {
		var units []consumequeue.BatchUnit
		if units, err = q.Units(offset, 1, nil); len(units) > 0 {
			return units[0].PhyOffset, true
		}
	}
	if err != nil {
		_ = s.cannotRead(topic, queue, offset, err)
		return s.commitLog.Min(), true
	}
	return phy, ok
}

// OffsetByTime finds an offset by store time within the bounds of the queue. With
// upper false: the first message that is not older than ms, or the end. With upper
// true: the last one that is not newer. It may wait for the disk. An error: what would
// have told cannot be read now.
func (s *Store) OffsetByTime(topic string, queue int32, ms int64, upper bool) (at int64, err error) {
	if _, _, err := s.Bounds(topic, queue); err != nil {
		return 0, err
	}
	if q, ok := s.queues.Lookup(topic, queue); ok && q.Exists() {
		at, err = q.OffsetByTime(ms, upper, s.timeOf)
	} else if q, ok := s.queues.LookupBatch(topic, queue); ok {
		at, err = q.OffsetByTime(ms, upper)
	}
	if err != nil {
		return 0, s.cannotRead(topic, queue, -1, err)
	}
	return at, nil
}

// EarliestTime is the store time of the oldest message of a queue, -1 when it has none.
func (s *Store) EarliestTime(topic string, queue int32) int64 {
	return s.StoreTime(topic, queue, s.MinOffset(topic, queue))
}

// StoreTime is the store time of a message, -1 when it cannot be read.
func (s *Store) StoreTime(topic string, queue int32, offset int64) int64 {
	if q, ok := s.queues.Lookup(topic, queue); ok && q.Exists() {
		if u, ok := q.Unit(offset); ok {
			at, _ := s.timeOf(u)
			return at
		}
		return -1
	}
	if q, ok := s.queues.LookupBatch(topic, queue); ok {
		if units, _ := q.Units(offset, 1, nil); len(units) > 0 {
			return units[0].StoreTimestamp
		}
	}
	return -1
}

// headSize reaches behind the store timestamp of a record with IPv6 hosts.
const headSize = 48 + 20 + 8

// timeOf reads a record's store time, -1 when there is none; an error may pass.
func (s *Store) timeOf(u consumequeue.Unit) (int64, error) {
	if u.Size < leastRecord {
		return -1, nil
	}
	head, err := s.commitLog.Read(u.PhyOffset, headSize, nil, false)
	switch {
	case errors.Is(err, commitlog.ErrRange):
		return -1, nil
	case err != nil:
		return -1, err
	}
	if size, err := message.Size(head); err != nil || size != int(u.Size) {
		return -1, nil
	}
	return storeTimestamp(head), nil
}
