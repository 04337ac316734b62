//go:build linux

package vfs

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// Alike gives a file the mode and, where that is allowed, the owner of another. Only the
// real disk has either.
func Alike(fs FS, name, other string) error {
	if fs != Disk {
		return nil
	}
	info, err := os.Stat(other)
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		if err := os.Chown(name, int(st.Uid), int(st.Gid)); err != nil && !errors.Is(err, unix.EPERM) {
			return err
		}
	}
	return os.Chmod(name, info.Mode().Perm())
}

// Resolve is the file that a name stands for when it is a symbolic link, else the name.
func Resolve(fs FS, name string) (string, error) {
	if fs != Disk {
		return name, nil
	}
	real, err := filepath.EvalSymlinks(name)
	if errors.Is(err, os.ErrNotExist) {
		return name, nil
	}
	return real, err
}
