package store

// Hide makes the messages of a queue before an offset invisible, as if they had
// expired. phy must be the place of the message before that offset; false when it is
// not, or the queue is none with units of a message each. It lasts until Close: the
// files do not say it.
func (s *Store) Hide(topic string, queue int32, offset, phy int64) bool {
	q, ok := s.queues.Lookup(topic, queue)
	if !ok || !q.Exists() {
		return false
	}
	if u, ok := q.Unit(offset - 1); !ok || u.PhyOffset != phy {
		return false
	}
	q.RaiseMin(offset)
	return true
}
