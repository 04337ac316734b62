package consumequeue

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/skylarkmq/skylark/internal/vfs"
)

const pageSize = 4096

// Flush writes new units to their files, then makes those queues durable that have
// leastPages pages to show, or all with 0 (the thorough flush). After a thorough flush
// without error FlushedTimestamp has moved on.
//
// Units of crowded queues stay in memory until they are worth a write, or until the
// thorough flush: the log has them, and a start after a crash takes what
// FlushedTimestamp does not vouch for from there.
//
// A failed write is tried again next time: the units are still in memory. So is a file
// that could not be opened for its sync. A failed sync is final, as the kernel may have
// dropped the pages; every later Flush answers the same error.
func (t *Table) Flush(leastPages int) error {
	t.flushing.Lock()
	defer t.flushing.Unlock()
	if t.syncFailed != nil {
		return t.syncFailed
	}
	timestamp := t.lastTimestamp.Load()
	failed := t.writeDirty(leastPages == 0)
	err := t.sync(leastPages)
	if err == nil && leastPages == 0 {
		t.EachBatch(func(q *BatchQueue) bool { err = q.sync(); return err == nil })
	}
	if err != nil {
		if !vfs.NotOpened(err) {
			t.syncFailed = err
		}
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
		if err != nil {
			due[i].again()
			t.unsynced = append(t.unsynced, due[i].q)
			continue
		}
		due[i].done()
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

// again leaves everything to the next time.
func (s *syncing) again() {
	s.q.io.Lock()
	defer s.q.io.Unlock()
	s.q.newFiles = s.q.newFiles || s.created
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
