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
		if q.MaxPhy() > phy {
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
	low, err := q.search(phy)
	if err != nil {
		return err
	}
	kept := ends{max: low, maxPhy: -1, known: true}
	if low > q.first/UnitSize {
		u, err := q.unitInFile(low - 1)
		if err != nil {
			return err
		}
		if !u.filler() {
			// A damaged unit must not claim what comes next.
			kept.maxPhy = min(u.end(), phy)
		}
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

// search is the offset of the first unit of a record at or behind a position of
// the log, or of the first that was lost.
func (q *Queue) search(phy int64) (int64, error) {
	low, high := q.first/UnitSize, q.max.Load()
	for low < high {
		mid := low + (high-low)/2
		behind, err := q.isBehind(mid, phy)
		if err != nil {
			return 0, err
		}
		if behind {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return low, nil
}

// isBehind says whether the unit of an offset is one of those that search looks for.
func (q *Queue) isBehind(offset, phy int64) (bool, error) {
	return vote(offset, q.first/UnitSize, q.max.Load(), func(at int64) (bool, error) {
		u, err := q.unitInFile(at)
		return !u.written() || u.PhyOffset >= phy && !u.filler(), err
	})
}

// vote answers a question whose answers are false up to some unit and true from there
// on. A damaged unit would send a search astray, and a whole queue might be cut for it:
// so the two units on each side are asked too, and what most of them say together counts.
func vote(offset, low, high int64, ask func(at int64) (bool, error)) (bool, error) {
	const around = 2
	from, to := max(offset-around, low), min(offset+around+1, high)
	var answers [2*around + 1]bool
	for at := from; at < to; at++ {
		var err error
		if answers[at-from], err = ask(at); err != nil {
			return false, err
		}
	}
	return inOrder(answers[:to-from], int(offset-from)), nil
}

// inOrder is the value at i of the list that has all of its false before all of its
// true and differs least from the given one; where two do, the given value counts.
func inOrder(list []bool, i int) bool {
	wrong := func(value bool) int { // at least, when i has the value
		least := len(list) + 1
		for firstTrue := range len(list) + 1 {
			if (i >= firstTrue) != value {
				continue
			}
			n := 0
			for at, v := range list {
				if v != (at >= firstTrue) {
					n++
				}
			}
			least = min(least, n)
		}
		return least
	}
	if yes, no := wrong(true), wrong(false); yes != no {
		return yes < no
	}
	return list[i]
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
		q.hasFiles.Store(false)
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
