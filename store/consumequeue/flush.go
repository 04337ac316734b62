package consumequeue

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/skylarkmq/skylark/internal/vfs"
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

// SyncFailed is the failed sync after which nothing is flushed any more, or nil.
func (t *Table) SyncFailed() error {
	t.flushing.Lock()
	defer t.flushing.Unlock()
	return t.syncFailed
}

// markAgain is markDirty for the flusher, who may meet the writer.
func (t *Table) markAgain(q *Queue) {
	if q.dirty.CompareAndSwap(false, true) {
		t.dirtyMu.Lock()
		t.dirty = append(t.dirty, q)
		t.dirtyMu.Unlock()
	}
}

// manySyncs is from how many queues on the file system is synced as a whole.
const manySyncs = 256

// sync makes written units durable, under flushing.
func (t *Table) sync(leastPages int) error {
	due, rest := t.due[:0], t.unsynced[:0]
	for _, q := range t.unsynced {
		if q.worthSync(leastPages) {
			due = append(due, q.beginSync())
		} else {
			rest = append(rest, q)
		}
	}
	clear(t.unsynced[len(rest):])
	t.unsynced = rest
	err := t.syncDue(due)
	for i := range due {
		if err == nil {
			due[i].done()
		}
		due[i].q.waiting = false
	}
	clear(due)
	t.due = due[:0]
	return err
}

func (t *Table) syncDue(due []syncing) error {
	if len(due) >= manySyncs {
		if done, err := vfs.SyncFS(t.opt.FS, t.opt.Dir); done || err != nil {
			return err
		}
	}
	dirs := make(map[string]bool)
	for i := range due {
		if err := due[i].files(); err != nil {
			return fmt.Errorf("consume queue: sync: %w", err)
		}
		if q := due[i].q; due[i].created {
			dirs[q.dir()], dirs[filepath.Dir(q.dir())], dirs[t.opt.Dir] = true, true, true
		}
	}
	for dir := range dirs {
		if err := t.opt.FS.SyncDir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("consume queue: sync: %w", err)
		}
	}
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

// syncing is one queue while its units become durable: what it had when that
// began. A queue destroyed or cut meanwhile (its generation shows) keeps the
// position that gave it.
type syncing struct {
	q          *Queue
	to         int64 // units below will be durable
	begin, end int64 // byte positions of the files that hold what is not
	created    bool
	generation uint32
}

func (q *Queue) beginSync() syncing {
	q.io.Lock()
	defer q.io.Unlock()
	size := q.table.opt.FileSize
	s := syncing{q: q, to: q.filed.Load(), created: q.newFiles, generation: q.generation}
	s.begin = max(min(q.synced, s.to)*UnitSize/size*size, q.first)
	s.end = min(q.last, s.to*UnitSize)
	if !q.hasFiles.Load() {
		s.end, s.created = s.begin-1, false
	}
	q.newFiles = false
	return s
}

// files waits for the disk, without a lock.
func (s *syncing) files() error {
	if err := s.q.syncExt(); err != nil {
		return err
	}
	for start := s.begin; start <= s.end; start += s.q.table.opt.FileSize {
		if err := s.q.syncFile(start, s.created); err != nil {
			return err
		}
	}
	return nil
}

func (s *syncing) done() {
	s.q.io.Lock()
	defer s.q.io.Unlock()
	if s.q.generation == s.generation {
		s.q.synced = s.to
	}
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
