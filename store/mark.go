package store

import (
	"errors"
	"fmt"

	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store/checkpoint"
	"github.com/skylarkmq/skylark/store/mapped"
)

// A start looks at the log from the checkpoint's mark on: what is before it is in
// queues and index, and on the disk. Java begins with the file in which its times
// lie, a gigabyte more or less, and so do we after a Java broker, or when the store
// is not as it was left.

// markNow is the newest record that queues and index know.
func (s *Store) markNow() checkpoint.Mark {
	s.dispatching.Lock()
	defer s.dispatching.Unlock()
	m := s.newest
	m.Queues, m.IndexEnd = s.queues.Count(), checkpoint.NotIndexed
	if s.indexing(s.cfg.Get()) {
		m.IndexEnd = s.index.EndPhy()
	}
	return m
}

// start is where to begin: the marked record, or the first byte of the last file
// whose first record is certainly known to queues and index.
func (r *recovery) start(abnormal bool, queued int64) int64 {
	if r.mark.Size == 0 {
		return r.startOfFile(abnormal, queued)
	}
	from, err := r.mark.PhyOffset, r.distrust(r.mark)
	if err == nil && !abnormal && queued < from {
		err = fmt.Errorf("the consume queues end at %d of the log", queued)
	}
	if err == nil {
		from, err = r.indexed(r.mark)
	}
	if err != nil {
		r.s.logger.Warn().Err(err).Int64("phy", r.mark.PhyOffset).Msg("store: the checkpoint's mark is not as the store is; recovery looks further back")
		r.s.checkpoint.SetMark(checkpoint.Mark{})
		return r.startOfFile(abnormal, queued)
	}
	return from
}

// distrust says what speaks against a mark: somebody took files away, or put others
// there. Nobody but this store writes marks, and a Java broker makes them void.
func (r *recovery) distrust(m checkpoint.Mark) error {
	s, check := r.s, r.check
	check.Damaged = nil
	v, err := s.commitLog.RecordAt(m.PhyOffset, check)
	switch {
	case err != nil:
		return fmt.Errorf("the record cannot be read: %w", err)
	case v.StoreTimestamp != m.StoreTime || v.Size != m.Size:
		return fmt.Errorf("another record, of %d, is there", v.StoreTimestamp)
	case s.queues.Count() < m.Queues:
		return fmt.Errorf("%d consume queues of %d are there", s.queues.Count(), m.Queues)
	case !r.queued(&v):
		return fmt.Errorf("the queue of its topic %s does not lead to it", v.Topic)
	}
	return nil
}

// queued says whether the queue of a record knows it, where that can be told.
func (r *recovery) queued(v *message.View) bool {
	if !message.Indexed(v.SysFlag) || v.SysFlag&message.FlagInnerBatch != 0 || !message.SafeTopic(v.Topic) {
		return true
	}
	q, ok := r.s.queues.Lookup(string(v.Topic), v.QueueID)
	if !ok {
		return false
	}
	u, ok := q.Unit(v.QueueOffset)
	return ok && u.PhyOffset == v.PhyOffset
}

// indexed is the mark, or the record before it with which the index ends: after a
// crash that gives up its last record at least, which may lack keys.
func (r *recovery) indexed(m checkpoint.Mark) (from int64, err error) {
	s, end := r.s, r.s.index.EndPhy()
	switch {
	case !s.indexing(s.cfg.Get()) || m.IndexEnd != checkpoint.NotIndexed && end >= m.IndexEnd:
		return m.PhyOffset, nil
	case m.IndexEnd == checkpoint.NotIndexed:
		return 0, errors.New("no index was kept then")
	}
	if _, err := s.commitLog.RecordAt(end, r.check); err != nil {
		return 0, fmt.Errorf("the index ended at %d, and ends at %d: %w", m.IndexEnd, end, err)
	}
	return min(m.PhyOffset, end), nil
}

// startOfFile is how Java finds the place.
func (r *recovery) startOfFile(abnormal bool, queued int64) int64 {
	s, cfg := r.s, r.s.cfg.Get()
	limit := s.checkpoint.MinTime()
	if abnormal && cfg.MessageIndexEnable && cfg.MessageIndexSafe {
		limit = s.checkpoint.MinTimeIndex()
	}
	files := s.commitLog.Files()
	last := len(files) - 1
	from := last
	for from > 0 && !r.known(files[from], abnormal, limit, queued) {
		from--
	}
	if abnormal && s.indexing(cfg) {
		// Further back to where the index ends, which a crash may have shortened; but
		// not through a whole log for an index that someone removed.
		indexed, oldest := s.index.EndPhy(), max(0, last-max(cfg.CommitLogRecoverMaxNum, 0))
		for from > oldest && files[from].Start > indexed {
			from--
		}
	}
	return files[from].Start
}

func (r *recovery) known(f *mapped.File, abnormal bool, limit, queued int64) bool {
	first, err := r.s.commitLog.RecordAt(f.Start, r.check)
	switch {
	case err != nil || first.StoreTimestamp == 0:
		return false
	case abnormal:
		return first.StoreTimestamp <= limit
	}
	return first.PhyOffset <= queued
}
