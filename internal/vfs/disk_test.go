package vfs

import (
	"os"
	"path/filepath"
	"testing"
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
