//go:build linux

package vfs

import (
	"os"

	"golang.org/x/sys/unix"
)

// SyncFS makes everything on the file system of a path durable with one call:
// cheaper than thousands of files one by one. done is false on disks that have no
// such call.
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
	return true, nil
}
