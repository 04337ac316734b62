package consumequeue

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

const pageSize = 4096

// markDirty puts a queue on the list of those that Flush writes out. Only the
// writer calls it, so a queue is on the list once.
func (t *Table) markDirty(q *Queue) {
	q.dirty.Store(true)
	t.dirtyMu.Lock()
	t.dirty = append(t.dirty, q)
	t.dirtyMu.Unlock()
}

// Flush writes all new units to their files, then makes those queues durable that
// have leastPages pages to show, or all with 0 (the thorough flush). After a
// thorough flush without error FlushedTimestamp has moved on.
//
// A failed write is tried again next time: the units are still in memory. A failed
// sync is final, as the kernel may have dropped the pages; every later Flush
// answers the same error.
func (t *Table) Flush(leastPages int) error {
	t.flushing.Lock()
	defer t.flushing.Unlock()
	if t.syncFailed != nil {
		return t.syncFailed
	}
	timestamp := t.lastTimestamp.Load()
	t.dirtyMu.Lock()
	list := t.dirty
	t.dirty = t.spare[:0]
	t.dirtyMu.Unlock()
	var failed error
	for _, q := range list {
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
	clear(list)
	t.spare = list[:0]
	err := t.sync(leastPages)
	if err == nil && leastPages == 0 {
		t.EachBatch(func(q *BatchQueue) bool { err = q.sync(); return err == nil })
	}
	if err != nil {
		t.syncFailed = err
		return err
	}
	if leastPages == 0 && failed == nil {
		t.flushedTimestamp.Store(timestamp)
	}
	return failed
}

// markAgain is markDirty for the flusher, who may meet the writer.
func (t *Table) markAgain(q *Queue) {
	if q.dirty.CompareAndSwap(false, true) {
		t.dirtyMu.Lock()
		t.dirty = append(t.dirty, q)
		t.dirtyMu.Unlock()
	}
}

// sync makes written units durable, under flushing.
func (t *Table) sync(leastPages int) error {
	rest := t.unsynced[:0]
	for i, q := range t.unsynced {
		if !q.worthSync(leastPages) {
			rest = append(rest, q)
			continue
		}
		if err := q.sync(); err != nil {
			t.unsynced = append(rest, t.unsynced[i:]...)
			return err
		}
		q.waiting = false
	}
	clear(t.unsynced[len(rest):])
	t.unsynced = rest
	return nil
}

// worthSync is Java's rule (MappedFile#isAbleToFlush), by the queue's position.
func (q *Queue) worthSync(leastPages int) bool {
	q.io.Lock()
	from, to := q.synced*UnitSize, q.filed.Load()*UnitSize
	q.io.Unlock()
	size := q.table.opt.FileSize
	return leastPages == 0 || from/size != to/size || to/pageSize-from/pageSize >= int64(leastPages)
}

// sync makes the files with units in [synced, filed) durable. It waits for the
// disk without the lock; a queue destroyed or cut meanwhile (its generation shows)
// keeps the position that gave it.
func (q *Queue) sync() error {
	size := q.table.opt.FileSize
	q.io.Lock()
	to, created, generation := q.filed.Load(), q.newFiles, q.generation
	begin, end := max(min(q.synced, to)*UnitSize/size*size, q.first), min(q.last, to*UnitSize)
	exists := q.hasFiles.Load()
	q.newFiles = false
	q.io.Unlock()
	for start := begin; exists && start <= end; start += size {
		if err := q.syncFile(start, created); err != nil {
			return fmt.Errorf("consume queue: sync: %w", err)
		}
	}
	if created && exists {
		for _, dir := range []string{q.dir(), filepath.Dir(q.dir()), q.table.opt.Dir} {
			if err := q.table.opt.FS.SyncDir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("consume queue: sync: %w", err)
			}
		}
	}
	q.io.Lock()
	if q.generation == generation {
		q.synced = to
	}
	q.io.Unlock()
	return nil
}

// syncFile syncs one file, unless it has been deleted since.
func (q *Queue) syncFile(start int64, created bool) error {
	f, err := q.table.files.acquire(q, start)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer q.table.files.release(f)
	if created {
		return f.Sync()
	}
	return f.Datasync()
}

// flushUnits writes the published units that are only in memory. The units it
// may miss because the writer turns the tail meanwhile have been written by it.
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
		f, err := q.fileFor(start)
		if err != nil {
			return err
		}
		_, err = f.WriteAt(t.from(from, upto), at-start)
		q.table.files.release(f)
		if err != nil {
			return fmt.Errorf("consume queue: write: %w", err)
		}
		from = upto
		q.filed.Store(upto)
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
