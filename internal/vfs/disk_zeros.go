//go:build linux

package vfs

import (
	"errors"
	"io"
	"runtime"
	"strconv"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

func (f *diskFile) WriteWithZeros(p []byte, off int64, behind int) (n int, err error) {
	for len(p) > 0 {
		done, errno := pwriteWithZeros(f.fd, p, off, behind)
		runtime.KeepAlive(f.File)
		switch {
		case errno == unix.EINTR:
			continue
		case errno != 0:
			return n, pathError("pwritev", f.Name(), errno)
		case done == 0:
			return n, pathError("pwritev", f.Name(), io.ErrShortWrite)
		}
		if done >= len(p) {
			return n + len(p), nil // fewer zeros are no harm: whoever wants them holds that they are there
		}
		p, off, n = p[done:], off+int64(done), n+done
	}
	return n, nil
}

// pwriteWithZeros is pwritev with two pieces, without the allocations of the wrapper in x/sys.
func pwriteWithZeros(fd int, p []byte, off int64, behind int) (int, unix.Errno) {
	pieces := [2]unix.Iovec{{Base: &p[0]}, {Base: &zeros[0]}}
	pieces[0].SetLen(len(p))
	pieces[1].SetLen(min(behind, len(zeros)))
	n, _, errno := unix.Syscall6(unix.SYS_PWRITEV, uintptr(fd), uintptr(unsafe.Pointer(&pieces)), uintptr(len(pieces)),
		uintptr(off), uintptr(uint64(off)>>32>>(uintSize-32)), 0)
	return int(n), errno
}

// zeroMemory is memory that a write past the page cache may be made from: it wants whole pages. Nobody
// writes to it, so that all of it is one page of zeros of the kernel's.
var zeroMemory = sync.OnceValues(func() ([]byte, error) {
	return unix.Mmap(-1, 0, 256<<10, unix.PROT_READ, unix.MAP_ANON|unix.MAP_PRIVATE)
})

// WriteZeros opens the file once more for each call: O_DIRECT is of an open file, and f writes through the cache.
func (f *diskFile) WriteZeros(off, n int64) error {
	var done int64
	if !f.cached.Load() {
		fd, err := openRetry("/proc/self/fd/"+strconv.Itoa(f.fd), unix.O_WRONLY|unix.O_DIRECT)
		runtime.KeepAlive(f.File)
		if err == nil {
			if done, err = f.writeZerosDirect(fd, off, n); err == nil {
				return nil
			}
			if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EOPNOTSUPP) {
				return err
			}
		}
		if !errors.Is(err, unix.EMFILE) && !errors.Is(err, unix.ENFILE) { // else it may be possible the next time
			f.cached.Store(true)
		}
	}
	return writeZerosCached(f, off+done, n-done)
}

// writeZerosDirect writes to a descriptor that is past the cache, and closes it.
func (f *diskFile) writeZerosDirect(fd int, off, n int64) (done int64, err error) {
	defer func() { _ = unix.Close(fd) }()
	memory, err := zeroMemory()
	if err != nil {
		return 0, pathError("mmap", f.Name(), err)
	}
	for done < n {
		var wrote int
		err := retry(func() error {
			wrote, err = unix.Pwrite(fd, memory[:min(int64(len(memory)), n-done)], off+done)
			return err
		})
		if err == nil && wrote == 0 {
			err = io.ErrShortWrite
		}
		if err != nil {
			return done, pathError("pwrite", f.Name(), err)
		}
		done += int64(wrote)
	}
	return done, nil
}
