//go:build linux

package vfs

import "golang.org/x/sys/unix"

// WriteAt writes into a file that exists and that nobody wants open: for many files with a
// few bytes each, where what a File costs beside its three system calls would be most of it.
func WriteAt(fs FS, name string, p []byte, off int64) error {
	switch fs := fs.(type) {
	case *Watched:
		if !fs.writes {
			return WriteAt(fs.FS, name, p, off)
		}
		return fs.during(func() error { return WriteAt(fs.FS, name, p, off) })
	case disk:
		return fs.writeAt(name, p, off)
	}
	f, err := fs.Open(name)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(p, off)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

func (disk) writeAt(name string, p []byte, off int64) error {
	fd, err := openRetry(name, unix.O_WRONLY)
	if err != nil {
		return pathError("open", name, err)
	}
	for len(p) > 0 && err == nil {
		n := 0
		err = retry(func() (err error) { n, err = unix.Pwrite(fd, p, off); return err })
		p, off = p[max(n, 0):], off+int64(max(n, 0))
	}
	if cerr := unix.Close(fd); err == nil {
		err = cerr
	}
	if err != nil {
		return pathError("pwrite", name, err)
	}
	return nil
}
