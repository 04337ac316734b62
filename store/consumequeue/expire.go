package consumequeue

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"
)

// CorrectMin recomputes the minimum of every open queue from the first position
// the commit log still holds; queues opened later do it then. An error concerns
// single queues and is logged.
func (t *Table) CorrectMin(minPhy int64) {
	t.minPhy.Store(minPhy)
	t.Each(func(q *Queue) bool {
		if q.ready.Load() && q.refused == nil {
			q.io.Lock()
			err := q.correctMin(minPhy)
			q.io.Unlock()
			if err != nil {
				t.log.Error().Err(err).Str("topic", q.Topic).Int32("queue", q.ID).Msg("consume queue: minimum")
			}
		}
		return true
	})
	t.EachBatch(func(q *BatchQueue) bool { q.correctMin(minPhy); return true })
}

// LogBegins tells queues that are put to before the first CorrectMin, by recovery,
// where the log begins.
func (t *Table) LogBegins(minPhy int64) { t.minPhy.Store(minPhy) }

// correctMin sets the minimum, under io: the first unit at or behind minPhy; the
// end of the queue when there is none. Fillers are never above the minimum. It
// searches from the present minimum on, which only grows; what was put since the last
// time was in the log already, so to ask again for the same changes nothing.
func (q *Queue) correctMin(minPhy int64) error {
	if q.corrected == minPhy+1 {
		return nil
	}
	low, err := q.firstHeld(minPhy, q.min.Load())
	if err != nil {
		return err
	}
	q.min.Store(low)
	q.corrected = minPhy + 1
	return nil
}

// unitAnywhere reads a published unit from memory or file.
func (q *Queue) unitAnywhere(offset int64) (Unit, error) {
	if t := q.tail.Load(); t != nil && offset >= t.base {
		return unitAt(t.from(offset, offset+1)), nil
	}
	return q.unitInFile(offset)
}

// DeleteExpired deletes the files, never the last of a queue, whose last unit is
// before the commit log's minimum, and corrects the minimum of every queue. pause
// separates deletions so that a large pass does not keep the disk busy.
func (t *Table) DeleteExpired(minPhy int64, pause func(time.Duration), interval time.Duration) (deleted int, err error) {
	t.minPhy.Store(minPhy)
	t.Each(func(q *Queue) bool {
		n, qerr := q.deleteExpired(minPhy)
		if qerr != nil {
			err = errors.Join(err, qerr)
		}
		if deleted += n; n > 0 && interval > 0 {
			pause(interval)
		}
		return true
	})
	t.EachBatch(func(q *BatchQueue) bool {
		n, qerr := q.deleteExpired(minPhy)
		err = errors.Join(err, qerr)
		deleted += n
		return true
	})
	return deleted, err
}

func (q *Queue) deleteExpired(minPhy int64) (deleted int, err error) {
	if q.open() != nil || !q.hasFiles.Load() {
		return 0, nil
	}
	q.io.Lock()
	defer q.io.Unlock()
	size, held := q.table.opt.FileSize, int64(-1)
	for q.first < q.last {
		if gone, err := q.firstGone(minPhy); err != nil || !gone {
			return deleted, errors.Join(err, q.expired(minPhy))
		}
		if held < 0 { // that unit may be damaged, and the others of its file lead to messages
			if held, err = q.firstHeld(minPhy, q.first/UnitSize); err != nil {
				return deleted, err
			}
		}
		if (q.first+size)/UnitSize > held {
			break
		}
		// The minimum moves first: a reader finds no offset whose file is gone.
		q.min.Store(max(q.min.Load(), (q.first+size)/UnitSize))
		if err := q.removeFile(q.first); err != nil {
			return deleted, err
		}
		q.first += size
		deleted++
	}
	return deleted, q.expired(minPhy)
}

// expired brings the minimum and the extension up to date, under io.
func (q *Queue) expired(minPhy int64) error {
	if err := q.correctMin(minPhy); err != nil {
		return err
	}
	return q.expireExt()
}

// firstGone says whether the log has nothing any more of what the first file's last unit leads to. A damaged one that
// leads nowhere does not know, but the one after it.
func (q *Queue) firstGone(minPhy int64) (bool, error) {
	end := (q.first + q.table.opt.FileSize) / UnitSize
	u, err := q.unitInFile(end - 1)
	if err == nil && !u.written() {
		u, err = q.unitAnywhere(end)
	}
	return err == nil && (u.PhyOffset < minPhy || u.filler()), err
}

// firstHeld is the first unit, from an offset on, of a record that the log still has.
func (q *Queue) firstHeld(minPhy, from int64) (int64, error) {
	b := newBlock()
	defer b.release()
	return q.firstUnit(b, from, q.max.Load(), func(u Unit) bool { return u.PhyOffset >= minPhy && !u.filler() })
}

// Unused says whether everything the queue points to is gone from the commit log.
func (q *Queue) Unused(minPhy int64) bool {
	return q.open() == nil && q.hasFiles.Load() && q.maxPhy.Load() < minPhy
}

// DeleteTopic removes all queues of a topic with their directories. The caller
// keeps writers out. The queue objects stay, empty, as a batch on its way may
// hold one: it then starts again at offset 0, or as Destroy says.
func (t *Table) DeleteTopic(topic string) error {
	if err := checkName(topic, 0); err != nil {
		return err
	}
	var failed error
	for _, q := range t.TopicQueues(topic) {
		failed = errors.Join(failed, q.Destroy())
	}
	t.EachBatch(func(q *BatchQueue) bool {
		if q.Topic == topic {
			failed = errors.Join(failed, q.Destroy())
		}
		return true
	})
	for _, root := range []string{t.opt.Dir, t.opt.ExtDir, t.opt.BatchDir} {
		if root != "" {
			failed = errors.Join(failed, t.opt.FS.RemoveAll(filepath.Join(root, topic)))
		}
	}
	return failed
}

// Destroy removes the queue's files and begins it anew. The caller keeps writers out.
// Messages that wait for a flush, or for room, have their offsets already: then the
// queue goes on behind them, as those that follow would be taken for old ones.
func (q *Queue) Destroy() error {
	_ = q.open() // one that cannot be opened begins anew, too
	q.io.Lock()
	defer q.io.Unlock()
	if q.Next <= q.max.Load() {
		q.Next = 0
	}
	size := q.table.opt.FileSize
	for start := q.first; (q.hasFiles.Load() || q.again != nil) && start <= q.last; start += size {
		q.table.files.drop(fileKey{q: q, start: start})
	}
	q.setFiles(false)
	q.max.Store(0)
	q.min.Store(0)
	q.dropTail()
	q.forgetAgain()
	q.filed.Store(0)
	q.maxPhy.Store(-1)
	q.first, q.last = 0, 0
	q.synced, q.newFiles = 0, false
	q.generation++
	q.failed = failure{}
	q.ready.Store(true)
	if q.light {
		q.light = false
		q.table.lights.Add(-1)
	}
	if err := q.table.opt.FS.RemoveAll(q.dir()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("consume queue: destroy: %w", err)
	}
	return q.destroyExt()
}

// RaiseMin hides the units before an offset from readers, as if their records were
// gone, and returns the minimum. Files stay as they are; a queue that is opened
// again has its own minimum again.
func (q *Queue) RaiseMin(offset int64) int64 {
	if q.open() != nil {
		return 0
	}
	q.io.Lock()
	defer q.io.Unlock()
	if to := min(offset, q.max.Load()); to > q.min.Load() {
		q.min.Store(to)
	}
	return q.min.Load()
}
