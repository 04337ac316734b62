package mapped

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/skylarkmq/skylark/internal/vfs"
)

const size = 4096

func dir(t *testing.T, disk vfs.FS, path string, starts ...int64) *Dir {
	t.Helper()
	d, err := OpenDir(Options{FS: disk, Paths: []string{path}, FileSize: size})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range starts {
		if _, err := d.Create(s); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func TestFind(t *testing.T) {
	t.Parallel()
	d := dir(t, vfs.NewMemory(nil), "/d", size, 2*size, 3*size, 7*size) // one is missing
	for off, want := range map[int64]int64{
		0: -1, size - 1: -1, size: size, 2*size - 1: size, 2 * size: 2 * size, 3*size + 5: 3 * size, 4 * size: -1, 6 * size: -1, 7 * size: 7 * size, 8*size - 1: 7 * size,
		8 * size: -1, 1 << 60: -1,
	} {
		got := int64(-1)
		if f := d.Find(off); f != nil {
			got = f.Start
		}
		if got != want {
			t.Errorf("offset %d: file %d, want %d", off, got, want)
		}
	}
	if f := dir(t, vfs.NewMemory(nil), "/d").Find(0); f != nil {
		t.Error("a file in an empty list")
	}
	if _, err := d.Create(5 * size); err == nil {
		t.Error("a file was added in the middle")
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOpenChecksLengths(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lengths []int
		files   int // -1: refused
		data    int // in the last one, from here on
	}{
		"whole":                {lengths: []int{size, size}, files: 2},
		"last one empty":       {lengths: []int{size, 0}, files: 1},
		"first one empty":      {lengths: []int{0, size}, files: -1},
		"last one being made":  {lengths: []int{size, size - 1}, files: 1},
		"last one cut":         {lengths: []int{size, size - 1}, files: -1, data: size - 2},
		"first one short":      {lengths: []int{size - 1, size}, files: -1},
		"only one, empty":      {lengths: []int{0}, files: 0},
		"only one, being made": {lengths: []int{size / 2}, files: 0},
		"nothing":              {},
		"last one too big":     {lengths: []int{size, size + 1}, files: -1},
	} {
		disk := vfs.NewMemory(nil)
		if err := disk.MkdirAll("/d/sub"); err != nil { // directories do not count
			t.Fatal(err)
		}
		for i, n := range c.lengths {
			content := make([]byte, n)
			if c.data > 0 && i == len(c.lengths)-1 {
				content[c.data] = 1
			}
			if err := vfs.WriteFile(disk, "/d/"+Name(int64(i)*size), content); err != nil {
				t.Fatal(err)
			}
		}
		d, err := OpenDir(Options{FS: disk, Paths: []string{"/d"}, FileSize: size})
		switch {
		case c.files < 0 && err == nil:
			t.Errorf("%s: opened", name)
		case c.files >= 0 && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.files >= 0 && len(d.Files()) != c.files:
			t.Errorf("%s: %d files, want %d", name, len(d.Files()), c.files)
		}
	}
}

// A removed file goes from the directory at once, and from its readers when they
// let go.
func TestRemoveWhileRead(t *testing.T) {
	t.Parallel()
	disk := vfs.NewMemory(nil)
	d := dir(t, disk, "/d", 0, size)
	f := d.First()
	if err := f.WriteAt([]byte("kept"), 10); err != nil {
		t.Fatal(err)
	}
	if err := f.Acquire(); err != nil {
		t.Fatal(err)
	}
	m, err := f.Map()
	if err != nil {
		t.Fatal(err)
	}
	if f.Rest() {
		t.Error("a file in use was put to rest")
	}
	if err := d.Remove(f); err != nil {
		t.Fatal(err)
	}
	if there, _ := vfs.Exists(disk, f.Path()); there || d.First() == f {
		t.Error("the removed file is there")
	}
	if string(m[10:14]) != "kept" || f.Users() != 1 {
		t.Errorf("its reader sees %q", m[10:14])
	}
	if err := f.ReadAt(make([]byte, 4), 10); !errors.Is(err, ErrGone) {
		t.Errorf("a new reader: %v", err)
	}
	f.Release()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestRestAndUseAgain(t *testing.T) {
	t.Parallel()
	d := dir(t, vfs.Disk, filepath.Join(t.TempDir(), "d"), 0)
	f := d.First()
	for i := range 3 {
		if err := f.WriteAt([]byte{byte(i + 1)}, int64(i)); err != nil {
			t.Fatal(err)
		}
		if !f.Rest() {
			t.Fatal("does not rest")
		}
	}
	if err := f.Acquire(); err != nil {
		t.Fatal(err)
	}
	m, err := f.Map()
	if err != nil || string(m[:4]) != "\x01\x02\x03\x00" {
		t.Errorf("%v %v", m[:4], err)
	}
	f.Release()
	if err := f.WriteAt(make([]byte, 2), size-1); err == nil {
		t.Error("a write across the end")
	}
	if err := errors.Join(f.Datasync(), d.Sync(), d.Close()); err != nil {
		t.Fatal(err)
	}
}

// A file that is cut off under a mapping is an error, not the end of the process.
func TestFaultIsAnError(t *testing.T) {
	t.Parallel()
	d := dir(t, vfs.Disk, filepath.Join(t.TempDir(), "d"), 0)
	f := d.First()
	if err := f.Acquire(); err != nil {
		t.Fatal(err)
	}
	m, err := f.Map()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(f.Path(), 0); err != nil {
		t.Fatal(err)
	}
	err = func() (err error) {
		defer Guard(&err)()
		m[100] = 1
		return nil
	}()
	if err == nil {
		t.Error("a store behind the end of the file succeeded")
	}
	f.Release()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() != "mine" {
			t.Error("another panic was swallowed")
		}
	}()
	_ = func() (err error) {
		defer Guard(&err)()
		panic("mine")
	}()
}

func TestTruncateAndRemoveAll(t *testing.T) {
	t.Parallel()
	disk := vfs.NewMemory(nil)
	d := dir(t, disk, "/d", 0, size, 2*size)
	if err := d.TruncateAfter(size + 1); err != nil {
		t.Fatal(err)
	}
	if d.Last().Start != size || len(d.Files()) != 2 {
		t.Errorf("last file at %d", d.Last().Start)
	}
	if err := d.RemoveAll(); err != nil {
		t.Fatal(err)
	}
	if names := disk.Names(); len(names) != 0 || d.First() != nil {
		t.Errorf("left: %v", names)
	}
}

// A removal from a directory in which no files are made is as durable as one from the others: after
// a power cut the file would be there again, beside the one that was made in its place elsewhere.
func TestRemovalFromReadOnlyPath(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		length int64
		synced bool
	}{"behind the end": {size, true}, "never made": {0, true}, "none removed": {-1, false}} {
		disk := vfs.NewFaulty(vfs.NewMemory(nil))
		dir(t, disk, "/old", 0)
		if c.length > 0 {
			dir(t, disk, "/old", size)
		} else if c.length == 0 {
			if err := vfs.WriteFile(disk, "/old/"+Name(size), nil); err != nil {
				t.Fatal(err)
			}
		}
		synced := false
		disk.OnCall = func(op, name string) { synced = synced || op == "syncdir" && name == "/old" }
		d, err := OpenDir(Options{FS: disk, Paths: []string{"/new"}, ReadOnlyPaths: []string{"/old"}, FileSize: size})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(d.TruncateAfter(size), d.Sync()); err != nil {
			t.Fatal(err)
		}
		if synced != c.synced || len(d.Files()) != 1 {
			t.Errorf("%s: synced %v, %d files", name, synced, len(d.Files()))
		}
	}
}
