package store

import (
	"errors"
	"fmt"

	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store/checkpoint"
	"github.com/skylarkmq/skylark/store/commitlog"
	"github.com/skylarkmq/skylark/store/consumequeue"
	"github.com/skylarkmq/skylark/store/mapped"
)

// A start looks at the log from the checkpoint's mark on: what is before it is in
// queues and index, and on the disk. Java begins with the file in which its times
// lie, a gigabyte more or less, and so do we after a Java broker, or when the store
// is not as it was left.

// markNow is the newest record that queues and index know; none while keys wait for the index.
func (s *Store) markNow() checkpoint.Mark {
	queues, light := s.queues.Count(), lightSettings(s.cfg.Get())
	s.dispatching.Lock()
	defer s.dispatching.Unlock()
	if s.flags.has(flagIndexError) {
		return checkpoint.Mark{}
	}
	m := s.newest
	m.FileStart = m.PhyOffset / s.commitLog.FileSize() * s.commitLog.FileSize()
	m.Queues, m.Light, m.IndexEnd = queues, light, checkpoint.NotIndexed
	if s.indexing(s.cfg.Get()) {
		m.IndexEnd = s.index.EndPhy()
	}
	return m
}

// markable says whether queues and index have all that came before the newest record,
// and the disk has it after a thorough flush.
func (s *Store) markable() bool {
	return !s.unmarkable && !s.flags.has(flagIndexError|flagIndexUnsynced)
}

// start is where to begin: the marked record, or the first byte of the last file
// whose first record is certainly known to queues and index.
func (r *recovery) start(abnormal bool, queued int64) int64 {
	if r.mark.Size == 0 {
		return r.startOfFile(abnormal, queued)
	}
	from, err := r.mark.PhyOffset, r.distrust(r.mark)
	switch {
	case err != nil:
	case !abnormal: // nothing is made anew
		if queued < from {
			err = fmt.Errorf("the consume queues end at %d of the log", queued)
		}
	default:
		if err = r.distrustQueues(r.mark); err == nil {
			from, err = r.indexed(r.mark)
		}
	}
	if err != nil {
		r.s.logger.Info().AnErr("why", err).Int64("phy", r.mark.PhyOffset).Msg("store: the checkpoint's mark is not as the store is; recovery looks further back")
		r.s.checkpoint.SetMark(checkpoint.Mark{})
		return r.startOfFile(abnormal, queued)
	}
	r.marked = true
	return from
}

// distrust says what speaks against a mark. Nobody but this store writes marks, and a
// Java broker makes them void when it writes the checkpoint. One that did not come to
// that has written its own abort file, but for 4.9, which leaves ours as it is.
func (r *recovery) distrust(m checkpoint.Mark) error {
	s, check := r.s, r.check
	check.Damaged = nil
	v, err := s.commitLog.RecordAt(m.PhyOffset, check)
	switch {
	case s.strange:
		return errors.New("another broker used the store since")
	case err != nil:
		return fmt.Errorf("the record cannot be read: %w", err)
	case v.StoreTimestamp != m.StoreTime || v.Size != m.Size:
		return fmt.Errorf("another record, of %d, is there", v.StoreTimestamp)
	case !r.queued(&v):
		return fmt.Errorf("the queue of its topic %s does not lead to it", v.Topic)
	}
	return nil
}

// distrustQueues is distrust for a start that makes queues anew: somebody took some
// away, or they lack what was not to be filled then.
func (r *recovery) distrustQueues(m checkpoint.Mark) error {
	if r.light && !m.Light {
		return errors.New("light queues were not filled then")
	}
	there, err := r.s.queues.CountTo(m.PhyOffset)
	if err == nil && there < m.Queues {
		err = fmt.Errorf("%d consume queues of %d are there", there, m.Queues)
	}
	return err
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
	case end < r.oldest():
		return 0, fmt.Errorf("the index ended at %d, and ends at %d", m.IndexEnd, end)
	}
	if _, err := s.commitLog.RecordAt(end, r.check); err != nil {
		return 0, fmt.Errorf("the index ended at %d, and ends at %d: %w", m.IndexEnd, end, err)
	}
	return min(m.PhyOffset, end), nil
}

// oldest is how far back a start goes for the index: not through a whole log for one
// that someone removed.
func (r *recovery) oldest() int64 {
	files := r.s.commitLog.Files()
	return files[max(0, len(files)-1-max(r.s.cfg.Get().CommitLogRecoverMaxNum, 0))].Start
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
		// Further back to where the index ends, which a crash may have shortened.
		for indexed := s.index.EndPhy(); files[from].Start > max(indexed, r.oldest()); {
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

// leads is the queues' question whether the log agrees with a unit. Light queues are
// not asked about, as their places are in the properties of the record.
func (s *Store) leads(q *consumequeue.Queue, offset int64, u consumequeue.Unit) consumequeue.Verdict {
	if message.IsLight(q.Topic) {
		return consumequeue.Unknown
	}
	v, err := s.commitLog.RecordAt(u.PhyOffset, commitlog.Check{})
	switch {
	case errors.Is(err, message.ErrCorrupt) || errors.Is(err, message.ErrShort) || errors.Is(err, message.ErrBlank):
		return consumequeue.No
	case err != nil:
		return consumequeue.Unknown
	case v.Size != u.Size || string(v.Topic) != q.Topic || v.QueueID != q.ID:
		return consumequeue.No
	case v.QueueOffset != offset:
		return consumequeue.Unknown // a queue may have given it the next place
	}
	return consumequeue.Yes
}
