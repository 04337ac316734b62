package consumequeue

import (
	"fmt"

	"github.com/skylarkmq/skylark/internal/vfs"
)

// Truncate removes the units of all records at or behind a position of the commit
// log. Only recovery and replication call it, with no writer about.
//
// What stood behind the new end is zeroed. Java leaves it, and can then count a
// stale unit as valid at its next start; zeros mean the same to both.
func (t *Table) Truncate(phy int64) error {
	var failed error
	var cut []*Queue
	t.Each(func(q *Queue) bool {
		if failed = q.Err(); failed == nil && q.MaxPhy() > phy {
			failed = q.truncate(phy)
			cut = append(cut, q)
		}
		return failed == nil
	})
	if failed == nil {
		failed = t.syncCuts(cut)
	}
	t.EachBatch(func(q *BatchQueue) bool {
		if failed == nil {
			failed = q.truncate(phy)
		}
		return failed == nil
	})
	return failed
}

func (q *Queue) truncate(phy int64) error {
	q.io.Lock()
	defer q.io.Unlock()
	if t := q.tail.Load(); t != nil {
		if err := q.writeRange(t, max(q.filed.Load(), t.base), q.max.Load()); err != nil {
			return err
		}
	}
	b := newBlock()
	defer b.release()
	low, err := q.search(b, phy)
	if err != nil {
		return err
	}
	kept, err := q.endAt(b, low, phy)
	if err != nil {
		return err
	}
	if err := q.cut(low); err != nil {
		return err
	}
	synced := q.synced
	q.settle(kept)
	q.synced = min(synced, low) // what was written here for the first time is not
	q.table.markAgain(q)
	q.min.Store(min(q.min.Load(), low))
	q.Next = low
	return nil
}

// endAt is the end of a queue that keeps the units before low of the records before phy.
func (q *Queue) endAt(b *block, low, phy int64) (ends, error) {
	kept := ends{max: low, maxPhy: -1, known: true}
	if low > q.first/UnitSize {
		if err := b.want(q, low-1, low); err != nil {
			return ends{}, err
		}
		if u := b.unit(low - 1); !u.filler() {
			// A damaged unit must not claim what comes next.
			kept.maxPhy = min(u.end(), phy)
		}
	}
	return kept, nil
}

// search is the offset of the first unit of a record at or behind a position of
// the log, or of the first that was lost.
func (q *Queue) search(b *block, phy int64) (int64, error) {
	return q.firstUnit(b, q.first/UnitSize, q.max.Load(), func(u Unit) bool {
		return !u.written() || u.PhyOffset >= phy && !u.filler()
	})
}

// cut removes the files behind a queue offset and zeroes the rest of its own. A
// file whose first unit goes is deleted, the first one too: then the queue is empty.
func (q *Queue) cut(end int64) error {
	size := q.table.opt.FileSize
	for q.last >= q.first && q.last >= end*UnitSize {
		if err := q.removeFile(q.last); err != nil {
			return err
		}
		q.last -= size
	}
	if q.last < q.first {
		q.setFiles(false)
		return nil
	}
	return q.zeroFrom(end * UnitSize)
}

// syncCuts makes truncations durable before anything is appended again: a unit
// that came back after a crash would point into other records.
func (t *Table) syncCuts(cut []*Queue) error {
	if len(cut) >= manySyncs {
		if done, err := vfs.SyncFS(t.opt.FS, t.opt.Dir); done || err != nil {
			return err
		}
	}
	for _, q := range cut {
		if err := t.opt.FS.SyncDir(q.dir()); err != nil {
			return fmt.Errorf("consume queue: truncate: %w", err)
		}
		if !q.hasFiles.Load() {
			continue
		}
		if err := q.syncFile(q.last, false); err != nil {
			return fmt.Errorf("consume queue: truncate: %w", err)
		}
	}
	return nil
}

// zeroFrom zeroes the last file from a byte position on, where it is not zero yet.
func (q *Queue) zeroFrom(at int64) error {
	f, err := q.table.files.acquire(q, q.last)
	if err != nil {
		return err
	}
	defer q.table.files.release(f)
	if err := vfs.ZeroFrom(f, at-q.last); err != nil {
		return fmt.Errorf("consume queue: truncate %s: %w", q.path(q.last), err)
	}
	return nil
}

func (q *Queue) unitInFile(offset int64) (Unit, error) {
	var raw [UnitSize]byte
	if n, err := q.readFiles(raw[:], offset*UnitSize, false); n < UnitSize {
		return Unit{}, fmt.Errorf("consume queue: read %s offset %d: %w", q.dir(), offset, err)
	}
	return unitAt(raw[:]), nil
}
