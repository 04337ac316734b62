package index

import (
	"errors"
	"fmt"
)

// ahead is how far before the writer pages are made present: what it used since
// the last time, twice, within these bounds.
const (
	aheadLeast = 256 << 10
	aheadMost  = 64 << 20
)

// Tend flushes full files, makes the next one ready when the current one fills
// up, and populates pages ahead of the writer. The store calls it about every second.
func (x *Index) Tend() error {
	x.tending.Lock()
	defer x.tending.Unlock()
	err := x.flushFull()
	files := x.list()
	if len(files) == 0 {
		return err
	}
	f := files[len(files)-1]
	written := f.written.Load()
	if f.size()-written < f.size()/10 {
		err = errors.Join(err, x.makeNext(f.size()))
	}
	return errors.Join(err, f.populateAhead(written, x.opt.AheadMost))
}

// flushFull makes the files that the writer has left durable, oldest first.
func (x *Index) flushFull() error {
	for {
		x.fullMu.Lock()
		if len(x.full) == 0 {
			x.fullMu.Unlock()
			return nil
		}
		f := x.full[0]
		x.fullMu.Unlock()
		if err := f.sync(); err != nil {
			return err
		}
		if err := x.opt.FS.SyncDir(x.opt.Dir); err != nil {
			return fmt.Errorf("index: %w", err)
		}
		end := f.head.endTime
		f.mu.Lock()
		err := f.unmapLocked()
		f.mu.Unlock()
		x.fullMu.Lock()
		x.full = x.full[1:]
		x.fullMu.Unlock()
		if err != nil {
			return fmt.Errorf("index: %w", err)
		}
		if x.opt.OnFull != nil {
			x.opt.OnFull(end)
		}
	}
}

func (f *file) sync() error {
	raw, err := f.acquire()
	if err != nil {
		if errors.Is(err, errGone) {
			return nil
		}
		return err
	}
	defer f.release()
	if err := raw.Sync(); err != nil {
		return fmt.Errorf("index: %s: %w", f.path, err)
	}
	return nil
}

func (x *Index) makeNext(size int64) error {
	if x.opt.NextFile == "" || x.nextOK.Load() {
		return nil
	}
	if err := x.allocate(x.opt.NextFile, size); err != nil {
		return err
	}
	x.nextOK.Store(true)
	return nil
}

// populateAhead runs while the writer may leave the file, so it counts as a user.
func (f *file) populateAhead(written, most int64) error {
	raw, err := f.acquire()
	if err != nil {
		return nil //nolint:nilerr // gone: nothing to do
	}
	defer f.release()
	ready := f.ready.Load()
	step := min(max(2*(written-f.tended), aheadLeast), most)
	f.tended = written
	end := min(written+step, f.size())
	if end <= ready {
		return nil
	}
	f.mu.Lock()
	m := f.mapping
	f.mu.Unlock()
	if m == nil {
		return nil
	}
	// No room is the writer's error to report, when it gets there.
	if err := raw.Populate(m[max(ready, written):end]); err == nil {
		f.ready.Store(end)
	}
	return nil
}

// Flush makes the current file durable too: at shutdown, and now and then so that
// a power cut costs little.
func (x *Index) Flush() error {
	x.tending.Lock()
	defer x.tending.Unlock()
	if err := x.flushFull(); err != nil {
		return err
	}
	files := x.list()
	if len(files) == 0 {
		return nil
	}
	if err := files[len(files)-1].sync(); err != nil {
		return err
	}
	if err := x.opt.FS.SyncDir(x.opt.Dir); err != nil {
		return fmt.Errorf("index: %w", err)
	}
	return nil
}

// Close flushes and closes; the caller keeps writers out.
func (x *Index) Close() error {
	err := x.Flush()
	for _, f := range x.list() {
		err = errors.Join(err, f.retire())
	}
	if x.nextOK.Swap(false) {
		err = errors.Join(err, x.opt.FS.Remove(x.opt.NextFile))
	}
	return err
}
