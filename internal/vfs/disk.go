//go:build linux

package vfs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Disk is the real disk.
var Disk FS = disk{}

type disk struct{}

func (disk) Open(name string) (File, error)   { return openFile(name, os.O_RDWR) }
func (disk) Create(name string) (File, error) { return openFile(name, os.O_RDWR|os.O_CREATE) }

// openFile goes past os.OpenFile, which asks the poller whether it wants the file:
// it never does, and finding out takes five system calls for each of many files.
func openFile(name string, flag int) (File, error) {
	// Else a read notes its time in the file, which waits for the journal when the disk
	// stalls. Only the owner may ask for it.
	fd, err := openRetry(name, flag|unix.O_NOATIME)
	if errors.Is(err, unix.EPERM) {
		fd, err = openRetry(name, flag)
	}
	if err != nil {
		return nil, pathError("open", name, err)
	}
	f := &diskFile{File: os.NewFile(uintptr(fd), name), fd: fd}
	f.cached.Store(flag&os.O_RDWR == 0) // whoever may not write is told so by an ordinary write
	return f, nil
}

func openRetry(name string, flag int) (fd int, err error) {
	err = retry(func() (err error) {
		fd, err = unix.Open(name, flag|unix.O_CLOEXEC, 0o644)
		return err
	})
	return fd, err
}

func (disk) Remove(name string) error     { return os.Remove(name) }
func (disk) RemoveAll(name string) error  { return os.RemoveAll(name) }
func (disk) Rename(from, to string) error { return os.Rename(from, to) }
func (disk) MkdirAll(dir string) error    { return os.MkdirAll(dir, 0o755) }

func (disk) ReadDir(dir string) ([]Entry, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	entries := make([]Entry, len(list))
	for i, e := range list {
		entries[i] = Entry{Name: e.Name(), Dir: e.IsDir()}
	}
	return entries, nil
}

func (disk) Stat(name string) (Info, error) {
	st, err := os.Stat(name)
	if err != nil {
		return Info{}, err
	}
	return Info{Size: st.Size(), ModTime: st.ModTime(), Dir: st.IsDir()}, nil
}

func (disk) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	if err = d.Sync(); err == nil {
		_, err = d.Stat() // see stillWritable
	}
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	return err
}

func (disk) Usage(path string) (Usage, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return Usage{}, pathError("statfs", path, err)
	}
	size := uint64(st.Bsize)
	return Usage{Total: st.Blocks * size, Used: (st.Blocks - st.Bfree) * size, Free: st.Bavail * size}, nil
}

// Lock uses an open-file-description lock: it excludes the record lock that Java
// takes on the same byte, and, unlike one, a second opening in this process.
func (disk) Lock(name string) (Lock, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	span := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart, Start: 0, Len: 1}
	err = unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &span)
	if errors.Is(err, unix.EINVAL) {
		err = unix.FcntlFlock(f.Fd(), unix.F_SETLK, &span)
	}
	if err != nil {
		_ = f.Close()
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
			return nil, fmt.Errorf("%s: %w", name, ErrLocked)
		}
		return nil, pathError("lock", name, err)
	}
	return diskLock{f}, nil
}

type diskLock struct{ f *os.File }

func (l diskLock) WriteText(text string) error {
	if err := l.f.Truncate(int64(len(text))); err != nil {
		return err
	}
	_, err := l.f.WriteAt([]byte(text), 0)
	return err
}

// Close unlocks before it closes: a child that was forked at this moment, for some command, shares the open file until it runs, and
// with it would keep the lock. Where the lock is an ordinary record lock the close alone releases it.
func (l diskLock) Close() error {
	span := unix.Flock_t{Type: unix.F_UNLCK, Whence: io.SeekStart, Start: 0, Len: 1}
	_ = unix.FcntlFlock(l.f.Fd(), unix.F_OFD_SETLK, &span)
	return l.f.Close()
}

type diskFile struct {
	*os.File
	fd int
	// blocking: this file system knows no reads that do not wait (RWF_NOWAIT), so
	// TryReadAt is an ordinary read.
	blocking atomic.Bool
	// cached: nor writes past the page cache (O_DIRECT), so that WriteZeros goes through it.
	cached atomic.Bool
}

func (f *diskFile) Size() (int64, error) {
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}

func (f *diskFile) ModTime() (time.Time, error) {
	st, err := f.Stat()
	if err != nil {
		return time.Time{}, err
	}
	return st.ModTime(), nil
}

func (f *diskFile) TryReadAt(p []byte, off int64) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if f.blocking.Load() {
		return f.ReadAt(p, off)
	}
	for done := 0; ; {
		n, errno := preadNoWait(f.fd, p[done:], off+int64(done))
		runtime.KeepAlive(f.File)
		switch {
		case errno == unix.EINTR:
			continue
		case errno == unix.EOPNOTSUPP || errno == unix.ENOSYS || errno == unix.EINVAL:
			f.blocking.Store(true)
			return f.ReadAt(p, off)
		case errno == unix.EAGAIN:
			return 0, ErrWouldBlock
		case errno != 0:
			return 0, pathError("preadv2", f.Name(), errno)
		case n == 0:
			return done, io.EOF
		}
		if done += n; done == len(p) {
			return done, nil
		}
	}
}

// preadNoWait is preadv2 with one piece and RWF_NOWAIT, without the allocations
// of the wrapper in x/sys.
func preadNoWait(fd int, p []byte, off int64) (int, unix.Errno) {
	piece := unix.Iovec{Base: &p[0]}
	piece.SetLen(len(p))
	// The kernel takes the offset in two halves; on 64-bit systems the low one is all of it.
	n, _, errno := unix.Syscall6(unix.SYS_PREADV2, uintptr(fd), uintptr(unsafe.Pointer(&piece)), 1,
		uintptr(off), uintptr(uint64(off)>>32>>(uintSize-32)), unix.RWF_NOWAIT)
	return int(n), errno
}

const uintSize = 32 << (^uint(0) >> 63)

// NextData moves the descriptor's own offset, which nothing here uses.
func (f *diskFile) NextData(off int64) (int64, error) {
	at, err := unix.Seek(f.fd, off, unix.SEEK_DATA)
	runtime.KeepAlive(f.File)
	switch {
	case err == nil:
		return at, nil
	case errors.Is(err, unix.ENXIO):
		return 0, io.EOF
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.EOPNOTSUPP):
		return off, nil // this file system does not know
	}
	return 0, pathError("lseek", f.Name(), err)
}

func (f *diskFile) Allocate(size int64) error {
	err := retry(func() error { return unix.Fallocate(f.fd, 0, 0, size) })
	runtime.KeepAlive(f.File)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return f.Truncate(size)
	}
	if err != nil {
		return pathError("fallocate", f.Name(), err)
	}
	return nil
}

// Datasync does not believe fdatasync alone: it answers 0 when the journal is given up (an error of the disk, a shutdown) while the data are
// on their way into extents that are only allocated. That they stayed allocated, which is to say zeros at the next mount, nothing tells it any
// more: ext4 looks at its state when the call begins, and xfs takes what its journal dropped for what it wrote. So that state is asked for
// once more.
func (f *diskFile) Datasync() error {
	err := retry(func() error { return unix.Fdatasync(f.fd) })
	if err != nil {
		err = pathError("fdatasync", f.Name(), err)
	} else {
		err = f.stillWritable(abortsTold())
	}
	runtime.KeepAlive(f.File)
	return err
}

// Sync is the same for content and attributes.
func (f *diskFile) Sync() error {
	if err := f.File.Sync(); err != nil {
		return err
	}
	err := f.stillWritable(abortsTold())
	runtime.KeepAlive(f.File)
	return err
}

var abortsTold = sync.OnceValue(func() bool { return sinceLinux(6, 6) })

// stillWritable asks whether the file system takes writes. ext4 tells by a write of nothing, xfs does not, but by the attributes. Before
// Linux 6.6 ext4 tells so of a shutdown only, but a journal that was given up has made the file system read-only for everyone.
func (f *diskFile) stillWritable(writesTell bool) error {
	var st unix.Stat_t
	if err := retry(func() error { return unix.Fstat(f.fd, &st) }); err != nil {
		return pathError("fstat after a sync", f.Name(), err)
	}
	if !writesTell {
		var st unix.Statfs_t
		if err := retry(func() error { return unix.Fstatfs(f.fd, &st) }); err != nil {
			return pathError("fstatfs", f.Name(), err)
		}
		if st.Flags&unix.ST_RDONLY != 0 {
			return pathError("write of nothing after a sync", f.Name(), unix.EROFS)
		}
	}
	err := retry(func() error { _, err := unix.Pwrite(f.fd, nil, 0); return err })
	if err != nil && !errors.Is(err, unix.EBADF) { // which is open for reading only: nothing was written through this descriptor
		return pathError("write of nothing after a sync", f.Name(), err)
	}
	return nil
}

func (f *diskFile) Map(size int64) ([]byte, error) {
	m, err := unix.Mmap(f.fd, 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
	runtime.KeepAlive(f.File)
	if err != nil {
		return nil, pathError("mmap", f.Name(), err)
	}
	return m, nil
}

func (f *diskFile) Unmap(m []byte) error {
	if err := unix.Munmap(m); err != nil {
		return pathError("munmap", f.Name(), err)
	}
	return nil
}

func retry(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
