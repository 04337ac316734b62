package vfs

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/skylarkmq/skylark/internal/clock"
)

func TestWriteAt(t *testing.T) {
	t.Parallel()
	watched := Watch(Disk, clock.Real)
	for name, disk := range map[string]FS{
		"real": Disk, "watched": watched, "watched, not its writes": watched.WithoutWrites(), "memory": NewMemory(nil), "faulty": NewFaulty(Disk),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			ok(t, disk.MkdirAll(dir))
			path := filepath.Join(dir, "f")
			if err := WriteAt(disk, path, []byte("x"), 0); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
				t.Errorf("a file that is not there: %v", err)
			}
			f := must[File](t)(disk.Create(path))
			ok(t, f.Truncate(10))
			ok(t, WriteAt(disk, path, []byte("abc"), 4))
			ok(t, WriteAt(disk, path, nil, 0))
			got := make([]byte, 10)
			if _, err := f.ReadAt(got, 0); err != nil || string(got) != "\x00\x00\x00\x00abc\x00\x00\x00" {
				t.Errorf("%q %v", got, err)
			}
			ok(t, f.Close())
		})
	}
}

func TestWriteAtFails(t *testing.T) {
	t.Parallel()
	disk := NewFaulty(NewMemory(nil))
	ok(t, disk.MkdirAll("/d"))
	ok(t, must[File](t)(disk.Create("/d/f")).Close())
	ok(t, disk.Inject("pwrite d/f times=1 err=ENOSPC"))
	if err := WriteAt(disk, "/d/f", []byte("abc"), 0); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a full disk: %v", err)
	}
	ok(t, WriteAt(disk, "/d/f", []byte("abc"), 0))
	if err := WriteAt(Disk, "/dev/full", []byte("abc"), 0); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("the real disk, full: %v", err)
	}
}
