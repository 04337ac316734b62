// Package commitlog is the log: all records of all queues, one after the other,
// in files of one size. It appends, reads, flushes, and walks the records for
// recovery; what a record means to queues and index is the store's to know.
//
// A file ends with a blank record; no record straddles two files:
//
//	| record | record | ... | blank: i32 rest of the file, i32 MagicBlank | (as it was) |
//
// The log is written by pwrite at the position and read by preadv2/pread; it is
// never mapped, so neither a full disk nor a cold page can stop the process.
//
// Positions, each at or behind the one before:
//
//	position   the next byte to write; belongs to whoever holds the append lock
//	written    the same, for other goroutines (flush)
//	readable   what readers may see; with SYNC_FLUSH that is behind written
//	flushed    what the disk has
//
// Run owns one goroutine, which prepares the next file before it is needed.
package commitlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store/mapped"
)

var (
	// ErrRange: the bytes asked for are not (or no longer, or not yet) in the log.
	ErrRange = errors.New("commitlog: outside the log")
	// ErrCold: the bytes are not in memory and the caller does not want to wait.
	ErrCold = errors.New("commitlog: not in memory")
)

// Options say where the log is.
type Options struct {
	FS                   vfs.FS
	Paths, ReadOnlyPaths []string
	Rank                 func(path string) int // see mapped.Options
	FileSize             int64
	// ZeroAhead fills the next file with zeros before it is used: for a log whose
	// flushes somebody waits for.
	ZeroAhead bool
	Clock     clock.Clock
	Log       zerolog.Logger
}

// Log is the commit log.
type Log struct {
	opt Options
	dir *mapped.Dir

	// Under the append lock of the store.
	position int64
	file     *mapped.File // holds position; nil before the first write and between two files
	dirty    int64        // bytes before it and after position may hold the rest of a failed write

	written, readable, flushed atomic.Int64

	flushing sync.Mutex            // one flush at a time
	failed   atomic.Pointer[error] // the first flush error; nothing is flushed after it

	next   nextFile
	pinned [pinPlaces]atomic.Pointer[pinned]
}

// Open lists the files. Where the log ends is not known yet: Recover, then End.
func Open(opt Options) (*Log, error) {
	dir, err := mapped.OpenDir(mapped.Options{FS: opt.FS, Paths: opt.Paths, ReadOnlyPaths: opt.ReadOnlyPaths, Rank: opt.Rank, FileSize: opt.FileSize})
	if err != nil {
		return nil, fmt.Errorf("commitlog: %w", err)
	}
	l := &Log{opt: opt, dir: dir}
	l.next.init()
	return l, nil
}

// FileSize is the length of a file.
func (l *Log) FileSize() int64 { return l.opt.FileSize }

// Files is the list of files now, ascending.
func (l *Log) Files() []*mapped.File { return l.dir.Files() }

// Remove deletes a file: the oldest, and never the one that is written.
func (l *Log) Remove(f *mapped.File) error {
	if f.End() > l.readable.Load() || f != l.dir.First() {
		return fmt.Errorf("commitlog: %s is not the oldest complete file", f.Path())
	}
	return l.dir.Remove(f)
}

// Min is the offset of the oldest byte there is.
func (l *Log) Min() int64 {
	if f := l.dir.First(); f != nil {
		return f.Start
	}
	return l.written.Load()
}

// Max is the end of what readers may see.
func (l *Log) Max() int64 { return l.readable.Load() }

// Written is the end of what was appended.
func (l *Log) Written() int64 { return l.written.Load() }

// Flushed is the end of what the disk has.
func (l *Log) Flushed() int64 { return l.flushed.Load() }

// Position is where the next record goes, under the append lock.
func (l *Log) Position() int64 { return l.position }

// Fits says whether n bytes fit into the current file, with the blank that must
// follow them; else Roll comes first. Under the append lock.
func (l *Log) Fits(n int64) bool {
	return l.file != nil && n+message.BlankSize <= l.file.End()-l.position
}

// Ready says whether n bytes can be appended without waiting for a file: the
// current one has room, or the next one is there, or nobody makes it ahead. Under
// the append lock.
func (l *Log) Ready(n int64) bool { return l.Fits(n) || l.next.ready(l.position, l.file) }

// Write appends bytes that Fits accepted. When it fails, partly or whole, the
// position stays, and nothing of what may have reached the file is left to be
// found by recovery. Under the append lock.
func (l *Log) Write(data []byte) error {
	if l.file == nil || l.position+int64(len(data)) > l.file.End() {
		return fmt.Errorf("commitlog: write of %d bytes at %d does not fit", len(data), l.position)
	}
	if err := l.wipe(); err != nil {
		return err
	}
	l.next.stopZeroing(l.file)
	end := l.position + int64(len(data))
	if err := l.file.WriteFilling(data, l.position-l.file.Start); err != nil {
		l.dirty = end
		_ = l.wipe() // else before the next write
		return fmt.Errorf("commitlog: append at %d: %w", l.position, err)
	}
	l.position = end
	l.written.Store(end)
	if 2*(l.position-l.file.Start) >= l.opt.FileSize {
		l.next.want(l.file.End())
	}
	return nil
}

// wipe zeroes what a failed write may have left after the position: whole records
// of it would look like appended ones to a recovery.
func (l *Log) wipe() error {
	if l.dirty <= l.position {
		return nil
	}
	zeros := make([]byte, l.dirty-l.position)
	if err := l.file.WriteAt(zeros, l.position-l.file.Start); err != nil {
		return fmt.Errorf("commitlog: wipe a failed write at %d: %w", l.position, err)
	}
	l.dirty = 0
	return nil
}

// Roll ends the current file with a blank record and goes to the next, which
// should be ready; waiting for it is bounded. Under the append lock.
func (l *Log) Roll() error {
	if l.file != nil {
		if err := l.wipe(); err != nil {
			return err
		}
		l.next.stopZeroing(l.file)
		rest := l.file.End() - l.position
		if rest > 0 { // always at least 8, unless the file was written by something else
			var blank [message.BlankSize]byte
			binary.BigEndian.PutUint32(blank[:], uint32(rest))
			binary.BigEndian.PutUint32(blank[4:], message.MagicBlank)
			if err := l.file.WriteAt(blank[:min(rest, message.BlankSize)], l.position-l.file.Start); err != nil {
				return fmt.Errorf("commitlog: blank record at %d: %w", l.position, err)
			}
		}
		l.position, l.file = l.file.End(), nil
		l.written.Store(l.position)
	}
	f, err := l.nextFile(l.position)
	if err != nil {
		return err
	}
	if err := l.dir.Add(f); err != nil {
		return err
	}
	l.file = f
	return nil
}

// Publish lets readers see everything before an offset.
func (l *Log) Publish(end int64) { l.readable.Store(end) }

// Read appends n bytes at an offset to dst. residentOnly: ErrCold when some of
// them are not in the page cache; else it may wait for the disk.
func (l *Log) Read(phy int64, n int, dst []byte, residentOnly bool) ([]byte, error) {
	if n < 0 || phy < 0 || phy+int64(n) > l.readable.Load() {
		return dst, ErrRange
	}
	f := l.dir.Find(phy)
	if f == nil || phy+int64(n) > f.End() {
		return dst, ErrRange
	}
	dst = slices.Grow(dst, n)
	into := dst[len(dst) : len(dst)+n]
	var err error
	if residentOnly {
		err = f.TryReadAt(into, phy-f.Start)
	} else {
		err = f.ReadAt(into, phy-f.Start)
	}
	switch {
	case err == nil:
		return dst[:len(dst)+n], nil
	case errors.Is(err, vfs.ErrWouldBlock):
		return dst, ErrCold
	case errors.Is(err, mapped.ErrGone):
		return dst, ErrRange
	}
	return dst, err
}

// Flush makes everything written before the call durable and returns its end.
// After the first error the log flushes nothing more: what the kernel could not
// write it may have dropped, and a second try would seem to succeed.
func (l *Log) Flush() (int64, error) {
	l.flushing.Lock()
	defer l.flushing.Unlock()
	if err := l.Failed(); err != nil {
		return l.flushed.Load(), err
	}
	from, to := l.flushed.Load(), l.written.Load()
	if from >= to {
		return from, nil
	}
	for _, f := range l.dir.Files() {
		if f.End() <= from || f.Start >= to {
			continue
		}
		if err := f.Datasync(); err != nil && !errors.Is(err, mapped.ErrGone) {
			err = fmt.Errorf("commitlog: flush: %w", err)
			l.failed.Store(&err)
			return from, err
		}
	}
	l.flushed.Store(to)
	return to, nil
}

// Failed is the first flush error.
func (l *Log) Failed() error {
	if err := l.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// Close removes a prepared file that nothing was written to, and closes the rest.
func (l *Log) Close() error {
	err := l.next.drop()
	if l.file != nil && l.file.Start == l.position && l.file.Start > 0 {
		// Rolled to, then never written.
		err = errors.Join(err, l.dir.Remove(l.file))
	}
	return errors.Join(err, l.dir.Sync(), l.dir.Close())
}
