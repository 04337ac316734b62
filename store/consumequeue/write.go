package consumequeue

import (
	"fmt"

	"github.com/skylarkmq/skylark/internal/vfs"
)

// crowd is from how many queues with new units on their files cannot all stay open. Each
// then costs an open, a write and a close, some 10 µs, for a unit or two if every round
// wrote them all.
func (t *Table) crowd() int { return t.files.max }

// worthUnits is how many units of a crowded queue are worth a write: as many as leave
// room in the smallest full-grown tail for those that come until the next round.
const worthUnits = tailCrowded / 2

// markDirty puts a queue on the list of those that Flush writes out. Only the
// writer calls it, so a queue is on the list once.
func (t *Table) markDirty(q *Queue) {
	q.dirty.Store(true)
	t.dirtyMu.Lock()
	t.dirty = append(t.dirty, q)
	t.dirtyMu.Unlock()
}

// markAgain is markDirty for the flusher, who may meet the writer.
func (t *Table) markAgain(q *Queue) {
	if q.dirty.CompareAndSwap(false, true) {
		t.dirtyMu.Lock()
		t.dirty = append(t.dirty, q)
		t.dirtyMu.Unlock()
	}
}

// Dirty is how many queues have units that are only in memory.
func (t *Table) Dirty() int {
	t.dirtyMu.Lock()
	defer t.dirtyMu.Unlock()
	return len(t.dirty)
}

// writeDirty writes the units that are only in memory, under flushing; of crowded queues,
// unless all are wanted, where it is worth it. It returns the last error.
func (t *Table) writeDirty(all bool) (failed error) {
	t.dirtyMu.Lock()
	list := t.dirty
	t.dirty = t.spare[:0]
	t.dirtyMu.Unlock()
	crowded := len(list) > t.crowd()
	t.crowded.Store(crowded)
	later := list[:0]
	for _, q := range list {
		if crowded && !all && q.max.Load()-q.filed.Load() < worthUnits {
			later = append(later, q) // stays dirty: the writer does not list it again
			continue
		}
		q.dirty.Store(false)
		if err := q.flushUnits(); err != nil {
			failed = err
			t.markAgain(q)
		}
		if !q.waiting {
			q.waiting = true
			t.unsynced = append(t.unsynced, q)
		}
	}
	t.dirtyMu.Lock()
	t.dirty = append(t.dirty, later...)
	t.dirtyMu.Unlock()
	clear(list)
	t.spare = list[:0]
	return failed
}

// flushUnits writes the published units that are only in memory. max before tail: a tail
// that the writer puts in place meanwhile begins no later than what is not in the file.
func (q *Queue) flushUnits() error {
	q.io.Lock()
	defer q.io.Unlock()
	to := q.max.Load()
	t := q.tail.Load()
	if t == nil {
		return nil
	}
	return q.writeRange(t, max(q.filed.Load(), t.base), min(to, t.end()))
}

// writeOut is what the writer does with a full tail before it turns it.
func (q *Queue) writeOut(t *tail, to int64) error {
	q.io.Lock()
	defer q.io.Unlock()
	return q.writeRange(t, max(q.filed.Load(), t.base), to)
}

// writeRange writes units [from, to) of a tail to their files, under io.
func (q *Queue) writeRange(t *tail, from, to int64) error {
	size := q.table.opt.FileSize
	for from < to {
		at := from * UnitSize
		start := at / size * size
		upto := min(to, (start+size)/UnitSize)
		if err := q.writePiece(start, t.from(from, upto), at-start); err != nil {
			return err
		}
		from = upto
		q.filed.Store(upto)
	}
	return nil
}

// writePiece writes into the file that starts at a byte position, under io; it may be the
// one after the last. Among crowded queues nobody comes back to a file before it would
// have left the set of open ones.
func (q *Queue) writePiece(start int64, units []byte, at int64) error {
	if start <= q.last && q.table.crowded.Load() {
		if err := vfs.WriteAt(q.table.opt.FS, q.path(start), units, at); err != nil {
			return fmt.Errorf("consume queue: write: %w", err)
		}
		return nil
	}
	f, err := q.fileFor(start)
	if err != nil {
		return err
	}
	defer q.table.files.release(f)
	if _, err = f.WriteAt(units, at); err != nil {
		return fmt.Errorf("consume queue: write: %w", err)
	}
	return nil
}

// fileFor opens the file that starts at a byte position; it may be the one after the last.
func (q *Queue) fileFor(start int64) (*openFile, error) {
	if start <= q.last {
		f, err := q.table.files.acquire(q, start)
		if err != nil {
			return nil, fmt.Errorf("consume queue: %w", err)
		}
		return f, nil
	}
	f, err := q.create(start)
	if err == nil {
		q.last = start
	}
	return f, err
}
