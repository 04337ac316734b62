package mapped

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/skylarkmq/skylark/internal/vfs"
)

// ErrGone is what a removed or closed file answers.
var ErrGone = errors.New("mapped: the file is gone")

// File is one file of a Dir. Offsets given to its methods count from its own
// first byte.
//
// The descriptor and the mapping are there between Acquire and Release at least:
// Acquire opens what is not open, and neither Rest, Remove nor Close takes
// anything away while a user is counted. One descriptor serves all users of a
// file, because the first one to ask is the only one to hear of a failed
// write-back.
type File struct {
	Start int64 // offset of the first byte in the log
	Size  int64

	fs   vfs.FS
	dir  string
	path string

	mu      sync.Mutex
	users   int
	gone    bool
	file    vfs.File
	mapping []byte
}

// Path is where the file is.
func (f *File) Path() string { return f.path }

// End is the offset in the log after the last byte.
func (f *File) End() int64 { return f.Start + f.Size }

// Acquire counts a user and opens the file when it rests.
func (f *File) Acquire() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.gone {
		return fmt.Errorf("%s: %w", f.path, ErrGone)
	}
	if f.file == nil {
		file, err := f.fs.Open(f.path)
		if err != nil {
			return fmt.Errorf("mapped: %w", err)
		}
		f.file = file
	}
	f.users++
	return nil
}

// Release ends what Acquire began.
func (f *File) Release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.users--; f.users == 0 && f.gone {
		_ = f.shut() // removed or closed before: nobody is left to hear of an error
	}
}

// Map maps the whole file for reading, the first time. The bytes may be used until
// Release.
func (f *File) Map() ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.users == 0 {
		return nil, fmt.Errorf("mapped: %s: mapped without Acquire", f.path)
	}
	if f.mapping == nil {
		m, err := f.file.Map(f.Size)
		if err != nil {
			return nil, fmt.Errorf("mapped: %w", err)
		}
		f.mapping = m
	}
	return f.mapping, nil
}

// ReadAt reads all of p; it may wait for the disk.
func (f *File) ReadAt(p []byte, off int64) error {
	if err := f.Acquire(); err != nil {
		return err
	}
	defer f.Release()
	if n, err := f.file.ReadAt(p, off); n < len(p) {
		return fmt.Errorf("mapped: read %d bytes of %s at %d: %w", len(p), f.path, off, err)
	}
	return nil
}

// TryReadAt reads all of p when it is in the page cache; else vfs.ErrWouldBlock.
func (f *File) TryReadAt(p []byte, off int64) error {
	if err := f.Acquire(); err != nil {
		return err
	}
	defer f.Release()
	n, err := f.file.TryReadAt(p, off)
	if err == vfs.ErrWouldBlock { //nolint:errorlint // never wrapped, and this is the hot way
		return err
	}
	if n < len(p) {
		return fmt.Errorf("mapped: read %d bytes of %s at %d: %w", len(p), f.path, off, err)
	}
	return nil
}

// NextData is the first offset from off on that was ever written, as far as the file
// system knows; io.EOF when there is none.
func (f *File) NextData(off int64) (int64, error) {
	if err := f.Acquire(); err != nil {
		return 0, err
	}
	defer f.Release()
	return f.file.NextData(off)
}

// WriteAt writes all of p inside the file.
func (f *File) WriteAt(p []byte, off int64) error {
	return f.write(off, int64(len(p)), func() error { _, err := f.file.WriteAt(p, off); return err })
}

// WriteFilling writes all of p, and with the same call zeros behind it up to the end of the
// page or of the file: what is there must be zero. See vfs.File.WriteWithZeros; where pages are larger
// than vfs.Page the kernel reads one now and then.
func (f *File) WriteFilling(p []byte, off int64) error {
	end := off + int64(len(p))
	behind := int(min(-end&(vfs.Page-1), f.Size-end))
	return f.write(off, int64(len(p)), func() error { _, err := f.file.WriteWithZeros(p, off, behind); return err })
}

// WriteZeros writes zeros inside the file, past the page cache where that can be done.
func (f *File) WriteZeros(off, n int64) error {
	return f.write(off, n, func() error { return f.file.WriteZeros(off, n) })
}

func (f *File) write(off, n int64, write func() error) error {
	if off < 0 || n > f.Size-off {
		return fmt.Errorf("mapped: write %d bytes of %s at %d: the file has %d", n, f.path, off, f.Size)
	}
	if err := f.Acquire(); err != nil {
		return err
	}
	defer f.Release()
	if err := write(); err != nil {
		return fmt.Errorf("mapped: %w", err)
	}
	return nil
}

// Datasync makes everything written so far durable, through WriteAt or Map.
func (f *File) Datasync() error {
	if err := f.Acquire(); err != nil {
		return err
	}
	defer f.Release()
	if err := f.file.Datasync(); err != nil {
		return fmt.Errorf("mapped: %w", err)
	}
	return nil
}

// ModTime is when the file was last written, as the file system knows it.
func (f *File) ModTime() (time.Time, error) {
	info, err := f.fs.Stat(f.path)
	if err != nil {
		return time.Time{}, fmt.Errorf("mapped: %w", err)
	}
	return info.ModTime, nil
}

// Rest closes the descriptor and the mapping of a file that nobody uses; the next
// Acquire opens it again. It says whether the file rests now.
func (f *File) Rest() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.users == 0 && f.shut() == nil
}

// Open says whether the file has a descriptor now.
func (f *File) Open() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.file != nil
}

// Users says how many hold the file.
func (f *File) Users() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.users
}

func (f *File) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gone = true
	if f.users > 0 {
		return nil
	}
	return f.shut()
}

// Discard removes the file from the disk, unlinking first: a crash in between leaves nothing half done.
func (f *File) Discard() error {
	err := f.fs.Remove(f.path)
	if err != nil {
		err = fmt.Errorf("mapped: %w", err)
	}
	return errors.Join(err, f.close())
}

// shut closes mapping and descriptor; f.mu is held.
func (f *File) shut() error {
	var errs []error
	if f.mapping != nil {
		errs = append(errs, f.file.Unmap(f.mapping))
		f.mapping = nil
	}
	if f.file != nil {
		errs = append(errs, f.file.Close())
		f.file = nil
	}
	return errors.Join(errs...)
}
