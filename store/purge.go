package store

// Hide makes the messages of a queue before an offset invisible, as if they had
// expired. phy must be the place of the message before that offset; false when it is
// not, or the queue is none with units of a message each. It lasts until Close: the
// files do not say it. An error: that cannot be told now, and nothing is hidden.
func (s *Store) Hide(topic string, queue int32, offset, phy int64) (bool, error) {
	if _, _, err := s.Bounds(topic, queue); err != nil {
		return false, err
	}
	q, ok := s.queues.Lookup(topic, queue)
	if !ok || !q.Exists() {
		return false, nil
	}
	if u, ok, err := q.UnitOr(offset - 1); !ok || u.PhyOffset != phy {
		return false, err
	}
	q.RaiseMin(offset)
	return true, nil
}
