//go:build linux

package vfs

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// ReadOnly is the real disk for those who only look: files are opened without
// the right to write, and everything that would change something answers EROFS.
var ReadOnly FS = readOnly{}

type readOnly struct{ disk }

func (readOnly) Open(name string) (File, error) {
	return openFile(name, os.O_RDONLY|unix.O_NONBLOCK)
}

func (readOnly) Create(name string) (File, error) { return nil, pathError("create", name, unix.EROFS) }
func (readOnly) Remove(name string) error         { return pathError("remove", name, unix.EROFS) }
func (readOnly) RemoveAll(name string) error      { return pathError("remove", name, unix.EROFS) }
func (readOnly) Rename(from, _ string) error      { return pathError("rename", from, unix.EROFS) }
func (readOnly) MkdirAll(dir string) error        { return pathError("mkdir", dir, unix.EROFS) }
func (readOnly) SyncDir(string) error             { return nil }
func (readOnly) Lock(name string) (Lock, error)   { return nil, pathError("lock", name, unix.EROFS) }

// Locked says whether someone holds the lock that FS.Lock would take. It takes
// none itself, and the file is opened for reading.
func Locked(name string) (bool, error) {
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }()
	span := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart, Start: 0, Len: 1}
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &span); err != nil {
		return false, pathError("lock", name, err)
	}
	return span.Type != unix.F_UNLCK, nil
}
