//go:build linux

package vfs

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// SyncFS makes everything on the file system of a path durable with one call:
// cheaper than thousands of files one by one. done is false on disks that have no
// such call, or where it does not say what could not be written: then each file has to
// be asked.
func SyncFS(fs FS, path string) (done bool, err error) {
	if w, ok := fs.(*Watched); ok {
		err = w.during(func() error { done, err = SyncFS(w.FS, path); return err })
		return done, err
	}
	if all, ok := fs.(interface{ SyncAll(string) error }); ok {
		return true, all.SyncAll(path)
	}
	if fs != Disk {
		return false, nil
	}
	d, err := os.Open(path)
	if err != nil {
		return false, err
	}
	err = retry(func() error { return unix.Syncfs(int(d.Fd())) })
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return false, pathError("syncfs", path, err)
	}
	return sinceLinux(5, 8), nil // before, it does not answer errors of writing back
}

// SyncTree makes everything below a directory durable, each file and each directory by itself:
// for where SyncFS is not done. What is on a read-only file system was.
func SyncTree(fs FS, dir string) error {
	entries, err := fs.ReadDir(dir)
	for i := 0; i < len(entries) && err == nil; i++ {
		path := filepath.Join(dir, entries[i].Name)
		if entries[i].Dir {
			err = SyncTree(fs, path)
		} else {
			err = syncFile(fs, path)
		}
	}
	if err == nil {
		err = fs.SyncDir(dir)
	}
	if errors.Is(err, unix.EROFS) {
		return nil
	}
	return err
}

func syncFile(fs FS, path string) error {
	f, err := fs.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// sinceLinux says whether the kernel is at least that.
func sinceLinux(major, minor int) bool { return atLeast(release(), major, minor) }

var release = sync.OnceValue(func() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
})

// atLeast compares the first two numbers of a kernel's release; one that is none is old.
func atLeast(release string, major, minor int) bool {
	first, rest, _ := strings.Cut(release, ".")
	second := rest
	if end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
		second = rest[:end]
	}
	m, err := strconv.Atoi(first)
	n, nerr := strconv.Atoi(second)
	return err == nil && nerr == nil && (m > major || m == major && n >= minor)
}
