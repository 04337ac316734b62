package check

import (
	"errors"
	"io"
	"strconv"

	"github.com/skylarkmq/skylark/internal/vfs"
)

// view is a disk on which some files look as they should: of full length (zeros
// where there is nothing), and with names that are offsets. So the ordinary
// readers go through a damaged directory, and see a file that was cut off as one
// whose end is lost.
type view struct {
	vfs.FS
	sizes map[string]int64       // by path: the length to show
	dirs  map[string][]vfs.Entry // the listing to show: a running broker makes files meanwhile
}

func (v *view) ReadDir(dir string) ([]vfs.Entry, error) {
	if entries, ok := v.dirs[dir]; ok {
		return entries, nil
	}
	return v.FS.ReadDir(dir)
}

func (v *view) Stat(name string) (vfs.Info, error) {
	info, err := v.FS.Stat(name)
	if size, ok := v.sizes[name]; ok {
		info.Size = size
	}
	return info, err
}

func (v *view) Open(name string) (vfs.File, error) {
	f, err := v.FS.Open(name)
	if size, ok := v.sizes[name]; ok && err == nil {
		return &viewFile{f, size}, nil
	}
	return f, err
}

type viewFile struct {
	vfs.File
	size int64
}

func (f *viewFile) Size() (int64, error) { return f.size, nil }

func (f *viewFile) ReadAt(p []byte, off int64) (int, error) {
	if off >= f.size {
		return 0, io.EOF
	}
	short := off+int64(len(p)) > f.size
	if short {
		p = p[:f.size-off]
	}
	n, err := f.File.ReadAt(p, off)
	if errors.Is(err, io.EOF) {
		clear(p[n:])
		n, err = len(p), nil
	}
	if short && err == nil {
		err = io.EOF
	}
	return n, err
}

// startOf is the offset that a file's name says: in 20 digits, as both brokers write it.
func startOf(name string) (int64, bool) {
	n, err := strconv.ParseUint(name, 10, 63)
	return int64(n), err == nil && len(name) == 20
}
