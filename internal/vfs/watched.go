package vfs

import (
	"sync/atomic"

	"github.com/skylarkmq/skylark/internal/clock"
)

// Waits knows since when calls have been waiting for the disk: whoever may not
// wait asks it before it touches the disk itself. Nothing of it is a lock.
type Waits struct {
	calls atomic.Int32
	began [maxWaits]atomic.Int64 // ms, 0: free
}

// maxWaits is how many calls at once are remembered; more are not missed, as those
// before them wait too.
const maxWaits = 16

// Longest is how long the oldest of the calls that wait now has waited, ms.
func (w *Waits) Longest(clk clock.Clock) int64 {
	if w.calls.Load() == 0 {
		return 0
	}
	now, longest := clk.MonoMs(), int64(0)
	for i := range w.began {
		if at := w.began[i].Load(); at != 0 {
			longest = max(longest, now-at)
		}
	}
	return longest
}

func (w *Waits) begin(now int64) (slot int) {
	for i := range w.began {
		if w.began[i].Load() == 0 && w.began[i].CompareAndSwap(0, now) {
			w.calls.Add(1)
			return i
		}
	}
	return -1
}

func (w *Waits) end(slot int) {
	if slot >= 0 {
		w.calls.Add(-1)
		w.began[slot].Store(0)
	}
}

// Watched is a disk whose writes, syncs and changes of names and lengths are noted
// while they last.
type Watched struct {
	FS
	clk    clock.Clock
	waits  *Waits
	writes bool
}

// Watch wraps a disk.
func Watch(disk FS, clk clock.Clock) *Watched {
	return &Watched{FS: disk, clk: clk, waits: new(Waits), writes: true}
}

// Waits is what is noted.
func (d *Watched) Waits() *Waits { return d.waits }

// WithoutWrites is the same disk for files whose writes are not noted: those of
// somebody who has no time for it.
func (d *Watched) WithoutWrites() *Watched {
	return &Watched{FS: d.FS, clk: d.clk, waits: d.waits}
}

func (d *Watched) during(call func() error) error {
	slot := d.waits.begin(d.clk.MonoMs())
	defer d.waits.end(slot)
	return call()
}

func (d *Watched) wrap(f File, err error) (File, error) {
	if err != nil {
		return nil, err
	}
	return &watchedFile{File: f, disk: d}, nil
}

// Open opens a file.
func (d *Watched) Open(name string) (File, error) { return d.wrap(d.FS.Open(name)) }

// Create opens or makes a file.
func (d *Watched) Create(name string) (f File, err error) {
	err = d.during(func() error { f, err = d.FS.Create(name); return err })
	return d.wrap(f, err)
}

// Remove removes one name.
func (d *Watched) Remove(name string) error {
	return d.during(func() error { return d.FS.Remove(name) })
}

// Rename moves a file.
func (d *Watched) Rename(from, to string) error {
	return d.during(func() error { return d.FS.Rename(from, to) })
}

// MkdirAll makes directories.
func (d *Watched) MkdirAll(dir string) error {
	return d.during(func() error { return d.FS.MkdirAll(dir) })
}

// SyncDir makes names durable.
func (d *Watched) SyncDir(dir string) error {
	return d.during(func() error { return d.FS.SyncDir(dir) })
}

type watchedFile struct {
	File
	disk *Watched
}

func (f *watchedFile) Truncate(size int64) error {
	return f.disk.during(func() error { return f.File.Truncate(size) })
}

func (f *watchedFile) Allocate(size int64) error {
	return f.disk.during(func() error { return f.File.Allocate(size) })
}

func (f *watchedFile) Sync() error     { return f.disk.during(f.File.Sync) }
func (f *watchedFile) Datasync() error { return f.disk.during(f.File.Datasync) }

func (f *watchedFile) WriteAt(p []byte, off int64) (n int, err error) {
	err = f.write(func() error { n, err = f.File.WriteAt(p, off); return err })
	return n, err
}

func (f *watchedFile) WriteWithZeros(p []byte, off int64, behind int) (n int, err error) {
	err = f.write(func() error { n, err = f.File.WriteWithZeros(p, off, behind); return err })
	return n, err
}

func (f *watchedFile) WriteZeros(off, n int64) error {
	return f.write(func() error { return f.File.WriteZeros(off, n) })
}

func (f *watchedFile) write(call func() error) error {
	if !f.disk.writes {
		return call()
	}
	return f.disk.during(call)
}
