package store

import "github.com/skylarkmq/skylark/store/consumequeue"

// Units copies up to n units of a queue from an offset on, with the offsets the queue has: [low, high). It may wait for the disk.
// exists is false when there is no such queue; asking does not make it.
func (s *Store) Units(topic string, queue int32, offset int64, n int) (units []consumequeue.Unit, low, high int64, exists bool) {
	q, ok := s.queues.Lookup(topic, queue)
	if !ok || !q.Exists() {
		return nil, 0, 0, false
	}
	low, high = q.MinOffset(), q.MaxOffset()
	for len(units) < n {
		more, status := q.Units(offset+int64(len(units)), n-len(units), units, false)
		if status != consumequeue.Found || len(more) == len(units) {
			break
		}
		units = more
	}
	return units, low, high, true
}
