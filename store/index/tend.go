package index

import (
	"errors"
	"fmt"
)

// Tend flushes full files, makes the next one ready when the current one fills
// up, and writes what is only in memory. The store calls it about every second.
func (x *Index) Tend() error {
	x.tending.Lock()
	defer x.tending.Unlock()
	// A file is not written before those in front of it: what a kill leaves has no gap.
	if err := x.flushFull(); err != nil {
		return err
	}
	files := x.list()
	if len(files) == 0 {
		return nil
	}
	f := files[len(files)-1]
	h, herr := f.readHeader()
	if herr == nil && f.entries-h.count < f.entries/10 {
		herr = x.makeNext(f.size())
	}
	return errors.Join(ifThere(herr), ifThere(f.writeEntries()))
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
		err := f.freeze()
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

// Flush makes the current file durable too: at shutdown, and now and then so that
// a power cut costs little.
func (x *Index) Flush() error {
	x.tending.Lock()
	defer x.tending.Unlock()
	for left := true; left; left = x.leftFull() { // the writer may leave a file meanwhile
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
	}
	if err := x.opt.FS.SyncDir(x.opt.Dir); err != nil {
		return fmt.Errorf("index: %w", err)
	}
	return nil
}

func (x *Index) leftFull() bool {
	x.fullMu.Lock()
	defer x.fullMu.Unlock()
	return len(x.full) > 0
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
