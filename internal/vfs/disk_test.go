package vfs

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestSyncAsksOnceMore goes both ways, that of kernels whose writes tell of everything and that of older ones. What a broken file system
// answers is in test/crash.
func TestSyncAsksOnceMore(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, flags := range []int{os.O_RDWR, os.O_RDONLY} {
		f, err := openFile(name, flags)
		if err != nil {
			t.Fatal(err)
		}
		for _, sync := range []func() error{
			f.Sync, f.Datasync,
			func() error { return f.(*diskFile).stillWritable(true) },
			func() error { return f.(*diskFile).stillWritable(false) },
		} {
			if err := sync(); err != nil {
				t.Errorf("flags %#x: %v", flags, err)
			}
		}
		if got, err := os.ReadFile(name); err != nil || string(got) != "abc" {
			t.Errorf("flags %#x: %q, %v", flags, got, err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestZerosWhereTheyCannotBe: a file that was opened for reading only is not opened once more for writing, and where there is no writing past
// the cache the zeros go through it.
func TestZerosWhereTheyCannotBe(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "f")
	ok(t, os.WriteFile(name, bytes.Repeat([]byte{1}, 8192), 0o600))
	f := must[File](t)(ReadOnly.Open(name))
	if err := f.WriteZeros(0, 4096); !errors.Is(err, unix.EBADF) {
		t.Errorf("a file opened for reading: %v", err)
	}
	if _, err := f.WriteWithZeros([]byte("x"), 0, 10); !errors.Is(err, unix.EBADF) {
		t.Errorf("a file opened for reading: %v", err)
	}
	ok(t, f.Close())
	if got := must[[]byte](t)(os.ReadFile(name)); got[0] != 1 {
		t.Error("it was written to")
	}
	f = must[File](t)(Disk.Open(name))
	f.(*diskFile).cached.Store(true)
	ok(t, f.WriteZeros(0, 8192))
	ok(t, f.Close())
	if got := must[[]byte](t)(os.ReadFile(name)); !allZero(got) {
		t.Error("through the cache: not zero")
	}
	full := must[File](t)(Disk.Open("/dev/full"))
	if err := full.WriteZeros(0, 8192); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("a full disk: %v", err)
	}
	if n, err := full.WriteWithZeros([]byte("x"), 0, 10); n != 0 || !errors.Is(err, unix.ENOSPC) {
		t.Errorf("a full disk: %d, %v", n, err)
	}
	ok(t, full.Close())
}
