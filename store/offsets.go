package store

import (
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store/consumequeue"
)

// MinOffset is the oldest offset of a queue that can be read, 0 for one that is not there.
func (s *Store) MinOffset(topic string, queue int32) int64 {
	low, _ := s.bounds(topic, queue)
	return low
}

// MaxOffset is one past the newest offset of a queue that readers may see.
func (s *Store) MaxOffset(topic string, queue int32) int64 {
	_, high := s.bounds(topic, queue)
	return high
}

func (s *Store) bounds(topic string, queue int32) (low, high int64) {
	if q, ok := s.queues.Lookup(topic, queue); ok && q.Exists() {
		return q.MinOffset(), q.MaxOffset()
	}
	if q, ok := s.queues.LookupBatch(topic, queue); ok {
		if low, high = q.Bounds(); high > 0 {
			return low, high
		}
		return noBatches, 0
	}
	if s.isBatch(topic) {
		return noBatches, 0
	}
	return 0, 0
}

// noBatches is the minimum of a batch queue that has nothing, as Java answers it.
const noBatches = -1

// PlaceOf is where in the log the message of a queue offset is, or, when it is gone,
// the oldest after it. ok is false at and behind the queue's end. It may wait for
// the disk.
func (s *Store) PlaceOf(topic string, queue int32, offset int64) (phy int64, ok bool) {
	low, high := s.bounds(topic, queue)
	if offset = max(offset, low); offset >= high {
		return 0, false
	}
	if q, found := s.queues.Lookup(topic, queue); found && q.Exists() {
		u, ok := q.Unit(offset)
		return u.PhyOffset, ok
	}
	if q, found := s.queues.LookupBatch(topic, queue); found {
		if units := q.Units(offset, 1, nil); len(units) > 0 {
			return units[0].PhyOffset, true
		}
	}
	return 0, false
}

// OffsetByTime finds an offset by store time within the bounds of the queue. With
// upper false: the first message that is not older than ms, or the end. With upper
// true: the last one that is not newer. It may wait for the disk.
func (s *Store) OffsetByTime(topic string, queue int32, ms int64, upper bool) int64 {
	if q, ok := s.queues.Lookup(topic, queue); ok && q.Exists() {
		return q.OffsetByTime(ms, upper, s.timeOf)
	}
	if q, ok := s.queues.LookupBatch(topic, queue); ok {
		return q.OffsetByTime(ms, upper)
	}
	return 0
}

// EarliestTime is the store time of the oldest message of a queue, -1 when it has none.
func (s *Store) EarliestTime(topic string, queue int32) int64 {
	return s.StoreTime(topic, queue, s.MinOffset(topic, queue))
}

// StoreTime is the store time of a message, -1 when it cannot be read.
func (s *Store) StoreTime(topic string, queue int32, offset int64) int64 {
	if q, ok := s.queues.Lookup(topic, queue); ok && q.Exists() {
		if u, ok := q.Unit(offset); ok {
			return s.timeOf(u)
		}
		return -1
	}
	if q, ok := s.queues.LookupBatch(topic, queue); ok {
		if units := q.Units(offset, 1, nil); len(units) > 0 {
			return units[0].StoreTimestamp
		}
	}
	return -1
}

// headSize reaches behind the store timestamp of a record with IPv6 hosts.
const headSize = 48 + 20 + 8

// timeOf reads a record's store time.
func (s *Store) timeOf(u consumequeue.Unit) int64 {
	if u.Size < leastRecord {
		return -1
	}
	head, err := s.commitLog.Read(u.PhyOffset, headSize, nil, false)
	if err != nil {
		return -1
	}
	if size, err := message.Size(head); err != nil || size != int(u.Size) {
		return -1
	}
	return storeTimestamp(head)
}
