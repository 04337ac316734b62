// Package vfs is the disk as the store sees it: two small interfaces, the real
// disk behind them, a disk in memory that can lose what was never synced
// (Memory), and a wrapper that fails chosen calls on demand (Faulty).
//
// Nothing above this package opens a file by itself, so a full disk, a failed
// flush and a power cut are ordinary unit tests.
package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

var (
	// ErrWouldBlock is what TryReadAt answers when some of the bytes are not in
	// the page cache.
	ErrWouldBlock = errors.New("vfs: the bytes are not in memory")
	// ErrLocked is what Lock answers when another process (or this one) holds the lock.
	ErrLocked = errors.New("vfs: locked by another process")
)

// FS is a disk. Paths are ordinary operating system paths.
type FS interface {
	// Open opens an existing file for reading and writing.
	Open(name string) (File, error)
	// Create opens a file for reading and writing, makes it when it is not
	// there, and keeps what it holds when it is.
	Create(name string) (File, error)
	// Remove removes one file or one empty directory.
	Remove(name string) error
	RemoveAll(name string) error
	Rename(from, to string) error
	MkdirAll(dir string) error
	// ReadDir lists a directory sorted by name.
	ReadDir(dir string) ([]Entry, error)
	Stat(name string) (Info, error)
	// SyncDir makes creations, removals and renames in a directory durable.
	SyncDir(dir string) error
	// Lock takes the exclusive lock of byte [0,1) of a file, as the Java broker
	// does, without waiting: ErrLocked when it is taken. Closing releases it.
	Lock(name string) (Lock, error)
	// Usage says how large the file system that holds a path is, and how much
	// of it is left to us.
	Usage(path string) (Usage, error)
}

// File is an open file. All calls may be made by several goroutines at once;
// overlapping writes and reads are the caller's to order.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Name() string
	Size() (int64, error)
	ModTime() (time.Time, error)
	// TryReadAt reads only what is in the page cache: all of p, or ErrWouldBlock.
	TryReadAt(p []byte, off int64) (int, error)
	// WriteWithZeros is WriteAt of p and so many zeros behind it, a Page at most, with one call; n
	// counts bytes of p. Whoever fills the page that p ends in saves the kernel reading it first.
	WriteWithZeros(p []byte, off int64, behind int) (n int, err error)
	// WriteZeros writes n zeros past the page cache, where the file system can do that: they take
	// no memory, and no flush of other bytes has to write them.
	WriteZeros(off, n int64) error
	// NextData is the first offset at or after off that may hold anything but zeros,
	// io.EOF when there is none: what was never written is skipped without reading.
	NextData(off int64) (int64, error)
	// Truncate sets the length; new bytes are zero (and sparse on a real disk).
	Truncate(size int64) error
	// Allocate sets the length and reserves the blocks, so that writes inside it
	// cannot meet a full disk.
	Allocate(size int64) error
	// Sync makes content and attributes durable, Datasync what is needed to read
	// the content back.
	Sync() error
	Datasync() error
	// Map maps the first size bytes for reading, shared. Unmap before Close is not
	// needed for the file to be closed, but the mapping lives until Unmap.
	Map(size int64) ([]byte, error)
	Unmap(m []byte) error
}

// Lock is a held file lock. The text may be replaced while it is held.
type Lock interface {
	WriteText(text string) error
	Close() error
}

// Entry is one name in a directory.
type Entry struct {
	Name string
	Dir  bool
}

// Info is what Stat knows.
type Info struct {
	Size    int64
	ModTime time.Time
	Dir     bool
}

// Usage is the state of a file system in bytes. Total is more than Used and Free
// together where the file system keeps a part for root.
type Usage struct {
	Total, Used, Free uint64
}

// Ratio is the used part of what anyone may use, in whole percents rounded up, as
// the Java broker computes it (UtilAll): 0 to 1; -1 when unknown.
func (u Usage) Ratio() float64 {
	usable := u.Used + u.Free
	if usable == 0 {
		return -1
	}
	return float64((u.Used*100+usable-1)/usable) / 100
}

// ReadFile returns the whole content of a file, which need not be one that may be written.
func ReadFile(disk FS, name string) ([]byte, error) {
	if disk == Disk {
		disk = ReadOnly
	}
	f, err := disk.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	data := make([]byte, size)
	n, err := f.ReadAt(data, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return data[:n], nil
}

// WriteFile replaces the content of a file and syncs it. It is not atomic: see
// internal/statefile for files that must survive a crash.
func WriteFile(disk FS, name string, data []byte) error {
	f, err := disk.Create(name)
	if err != nil {
		return err
	}
	if err = f.Truncate(0); err == nil {
		if _, err = f.WriteAt(data, 0); err == nil {
			err = f.Sync()
		}
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// Exists says whether a name is there.
func Exists(disk FS, name string) (bool, error) {
	_, err := disk.Stat(name)
	if err == nil {
		return true, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return false, err
}

// NotOpened says whether an error is that of opening a file or directory, of whatever
// call: no descriptor, no right. It passes with its cause, while one of writing back does
// not: nothing was tried yet.
func NotOpened(err error) bool {
	var p *os.PathError
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.As(err, &p) && p.Op == "open"
}

// pathError gives errors of the memory disk the form of those of the real one.
func pathError(op, name string, err error) error {
	return &os.PathError{Op: op, Path: name, Err: err}
}
