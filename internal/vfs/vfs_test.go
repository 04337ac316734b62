package vfs

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/skylarkmq/skylark/internal/clock"
)

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Both disks must behave alike.
func TestDisks(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func(t *testing.T) (FS, string){
		"real":   func(t *testing.T) (FS, string) { return Disk, t.TempDir() },
		"memory": func(*testing.T) (FS, string) { return NewMemory(nil), "/store" },
		"faulty": func(t *testing.T) (FS, string) { return NewFaulty(Disk), t.TempDir() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disk, root := make(t)
			names(t, disk, root)
			content(t, disk, root)
			zerosWritten(t, disk, root)
			locks(t, disk, root)
		})
	}
}

func names(t *testing.T, disk FS, root string) {
	dir := filepath.Join(root, "a", "b")
	if _, err := disk.Create(filepath.Join(dir, "f")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("create in a directory that is not there: %v", err)
	}
	ok(t, disk.MkdirAll(dir))
	ok(t, disk.MkdirAll(dir))
	f := must[File](t)(disk.Create(filepath.Join(dir, "f")))
	ok(t, f.Close())
	if _, err := disk.Open(filepath.Join(dir, "g")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open what is not there: %v", err)
	}
	ok(t, disk.MkdirAll(filepath.Join(dir, "sub")))
	ok(t, disk.Rename(filepath.Join(dir, "f"), filepath.Join(dir, "e")))
	want := []Entry{{Name: "e"}, {Name: "sub", Dir: true}}
	if d := cmp.Diff(want, must[[]Entry](t)(disk.ReadDir(dir))); d != "" {
		t.Error(d)
	}
	if err := disk.Remove(filepath.Join(root, "a")); err == nil {
		t.Error("a full directory was removed")
	}
	ok(t, disk.SyncDir(dir))
	if there := must[bool](t)(Exists(disk, filepath.Join(dir, "e"))); !there {
		t.Error("renamed file is not there")
	}
	ok(t, disk.RemoveAll(filepath.Join(root, "a")))
	if there := must[bool](t)(Exists(disk, dir)); there {
		t.Error("removed tree is there")
	}
	if u, err := disk.Usage(root); err != nil || u.Total == 0 || u.Ratio() < 0 || u.Ratio() > 1 {
		t.Errorf("usage %+v %v", u, err)
	}
}

func zerosWritten(t *testing.T, disk FS, root string) {
	f := must[File](t)(disk.Create(filepath.Join(root, "zeros")))
	const size = 3*256<<10 + 100
	full := bytes.Repeat([]byte{1}, size)
	for _, part := range []struct{ off, n int }{
		{0, size}, {4096, 8192}, {0, 512 << 10}, {256 << 10, size - 256<<10}, // O_DIRECT takes all of these but the last piece of those that end with the file
		{100, 200}, {4000, 200 << 10}, {5, 0},
	} {
		must[int](t)(f.WriteAt(full, 0))
		ok(t, f.WriteZeros(int64(part.off), int64(part.n)))
		want := slices.Clone(full)
		clear(want[part.off:][:part.n])
		if got := must[[]byte](t)(ReadFile(disk, filepath.Join(root, "zeros"))); !bytes.Equal(got, want) {
			t.Errorf("%d zeros at %d: %d bytes, not what they should be", part.n, part.off, len(got))
		}
	}
	must[int](t)(f.WriteAt(full, 0))
	for _, part := range []struct{ off, n, behind int }{{0, 5, 4091}, {5, 7, 0}, {4097, 9000, 3}, {8000, 0, 0}} {
		p := bytes.Repeat([]byte{2}, part.n)
		if n, err := f.WriteWithZeros(p, int64(part.off), part.behind); n != part.n || err != nil {
			t.Fatalf("%+v: %d, %v", part, n, err)
		}
		copy(full[part.off:], p)
		clear(full[part.off+part.n:][:part.behind])
	}
	if got := must[[]byte](t)(ReadFile(disk, filepath.Join(root, "zeros"))); !bytes.Equal(got, full) {
		t.Error("bytes with zeros behind them: not what they should be")
	}
	ok(t, f.Close())
}

func content(t *testing.T, disk FS, root string) {
	ok(t, disk.MkdirAll(root))
	f := must[File](t)(disk.Create(filepath.Join(root, "file")))
	ok(t, f.Allocate(8192))
	m := must[[]byte](t)(f.Map(8192))
	if _, err := f.WriteAt([]byte("written"), 4000); err != nil {
		t.Fatal(err)
	}
	if string(m[4000:4007]) != "written" {
		t.Errorf("the mapping shows %q", m[4000:4007])
	}
	if _, err := f.WriteAt([]byte("mapped"), 100); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 6)
	if n, err := f.TryReadAt(buf, 100); n != 6 || err != nil || string(buf) != "mapped" {
		t.Errorf("read %q %v", buf[:n], err)
	}
	if n, err := f.ReadAt(buf, 8190); n != 2 || !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %d %v", n, err)
	}
	if n, err := f.TryReadAt(buf, 8190); n != 2 || !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %d %v", n, err)
	}
	if at, err := f.NextData(0); err != nil || at > 100 {
		t.Errorf("next data at %d, %v", at, err)
	}
	if _, err := f.NextData(8192); !errors.Is(err, io.EOF) {
		t.Errorf("next data at the end: %v", err)
	}
	ok(t, f.Datasync())
	ok(t, f.Sync())
	ok(t, f.Unmap(m))
	ok(t, f.Truncate(4003))
	ok(t, f.Truncate(5000))
	if data := must[[]byte](t)(ReadFile(disk, filepath.Join(root, "file"))); len(data) != 5000 || !bytes.Equal(data[3990:4010], []byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00wri\x00\x00\x00\x00\x00\x00\x00")) {
		t.Errorf("after truncation %d %q", len(data), data[3990:4010])
	}
	ok(t, f.Close())
	ok(t, WriteFile(disk, filepath.Join(root, "file"), []byte("new")))
	if data := must[[]byte](t)(ReadFile(disk, filepath.Join(root, "file"))); string(data) != "new" {
		t.Errorf("rewritten: %q", data)
	}
}

func locks(t *testing.T, disk FS, root string) {
	l := must[Lock](t)(disk.Lock(filepath.Join(root, "lock")))
	if _, err := disk.Lock(filepath.Join(root, "lock")); !errors.Is(err, ErrLocked) {
		t.Errorf("locked twice: %v", err)
	}
	ok(t, l.WriteText("lock"))
	if data := must[[]byte](t)(ReadFile(disk, filepath.Join(root, "lock"))); string(data) != "lock" {
		t.Errorf("text %q", data)
	}
	ok(t, l.Close())
	l = must[Lock](t)(disk.Lock(filepath.Join(root, "lock")))
	ok(t, l.Close())
}

// Java takes a POSIX record lock on byte 0; another process must not get it while
// we hold ours.
func TestLockExcludesOtherProcesses(t *testing.T) {
	t.Parallel()
	name := os.Getenv("SKYLARK_TEST_LOCK")
	if name != "" {
		f := must[*os.File](t)(os.OpenFile(name, os.O_RDWR, 0))
		err := syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &syscall.Flock_t{Type: syscall.F_WRLCK, Len: 1})
		if !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EACCES) {
			t.Fatalf("a record lock beside ours: %v", err)
		}
		return
	}
	path := filepath.Join(t.TempDir(), "lock")
	l := must[Lock](t)(Disk.Lock(path))
	defer func() { ok(t, l.Close()) }()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestLockExcludesOtherProcesses$")
	cmd.Env = append(os.Environ(), "SKYLARK_TEST_LOCK="+path)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// Whoever shares the open file, as a child does between fork and exec, does not keep the lock.
func TestLockEndsWithItsOwner(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	l := must[Lock](t)(Disk.Lock(path))
	shared := must[int](t)(syscall.Dup(int(l.(diskLock).f.Fd())))
	defer func() { ok(t, syscall.Close(shared)) }()
	ok(t, l.Close())
	l = must[Lock](t)(Disk.Lock(path))
	ok(t, l.Close())
}

func TestCrashKeepsWhatWasSynced(t *testing.T) {
	t.Parallel()
	kept, lost, names := 0, 0, map[bool]int{}
	for seed := range uint64(60) {
		m := NewMemory(nil)
		ok(t, m.MkdirAll("/d"))
		f := must[File](t)(m.Create("/d/f"))
		ok(t, f.Allocate(64*sector))
		_, err := f.WriteAt(bytes.Repeat([]byte{1}, 64*sector), 0)
		ok(t, err)
		ok(t, f.Sync())
		ok(t, m.SyncDir("/d"))
		_, err = f.WriteAt(bytes.Repeat([]byte{2}, 32*sector), 0)
		ok(t, err)
		must[File](t)(m.Create("/d/later"))
		c := m.CrashClone(seed)
		data := must[[]byte](t)(ReadFile(c, "/d/f"))
		for at := 0; at < len(data); at += sector {
			for _, b := range data[at : at+sector] {
				if b != data[at] {
					t.Fatalf("seed %d: a torn sector at %d", seed, at)
				}
			}
			switch {
			case at >= 32*sector && data[at] != 1:
				t.Fatalf("seed %d: synced byte at %d is lost", seed, at)
			case at < 32*sector && data[at] == 2:
				kept++
			case at < 32*sector:
				lost++
			}
		}
		names[must[bool](t)(Exists(c, "/d/later"))]++
		again := must[[]byte](t)(ReadFile(m.CrashClone(seed), "/d/f"))
		if !bytes.Equal(data, again) {
			t.Fatalf("seed %d gives two images", seed)
		}
	}
	if kept == 0 || lost == 0 || names[true] == 0 || names[false] == 0 {
		t.Errorf("sectors kept %d lost %d, names %v: want some of each", kept, lost, names)
	}
}

func TestFaultRules(t *testing.T) {
	t.Parallel()
	d := NewFaulty(NewMemory(nil))
	ok(t, d.MkdirAll("/s/commitlog"))
	f := must[File](t)(d.Create("/s/commitlog/0"))
	ok(t, d.Inject("pwrite commitlog/* after=1 times=2 short=3 err=ENOSPC"))
	results := ""
	for range 4 {
		n, err := f.WriteAt([]byte("abcdef"), 0)
		switch {
		case err == nil:
			results += "ok "
		case errors.Is(err, syscall.ENOSPC) && n == 3:
			results += "full "
		default:
			results += err.Error()
		}
	}
	if results != "ok full full ok " {
		t.Error(results)
	}
	ok(t, d.Inject("fdatasync *"))
	if err := f.Datasync(); !errors.Is(err, syscall.EIO) {
		t.Error(err)
	}
	d.Heal()
	ok(t, f.Datasync())
	for _, bad := range []string{"pwrite", "pwrite * err=EFOO", "pwrite * after=x", "pwrite * when=1"} {
		if d.Inject(bad) == nil {
			t.Errorf("rule %q was taken", bad)
		}
	}
}

func BenchmarkRead4KiB(b *testing.B) {
	f, err := Disk.Create(filepath.Join(b.TempDir(), "f"))
	if err != nil {
		b.Fatal(err)
	}
	if _, err := f.WriteAt(make([]byte, 1<<20), 0); err != nil {
		b.Fatal(err)
	}
	m, err := f.Map(1 << 20)
	if err != nil {
		b.Fatal(err)
	}
	for _, size := range []int{1024, 4096, 32768} {
		buf := make([]byte, size)
		b.Run("preadv2", func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := f.TryReadAt(buf, int64(i*size)&(1<<19)); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("mapping", func(b *testing.B) {
			b.SetBytes(int64(size))
			for i := 0; b.Loop(); i++ {
				copy(buf, m[(i*size)&(1<<19):])
			}
		})
	}
}

// A sync that failed leaves clean pages: what it should have written is lost to a
// crash, even when later syncs succeed, until it is written again.
func TestFailedSyncLoses(t *testing.T) {
	t.Parallel()
	memory := NewMemory(nil)
	disk := NewFaulty(memory)
	if err := memory.MkdirAll("/d"); err != nil {
		t.Fatal(err)
	}
	f, err := disk.Create("/d/f")
	if err != nil {
		t.Fatal(err)
	}
	write := func(text string, at int64) {
		t.Helper()
		if _, err := f.WriteAt([]byte(text), at); err != nil {
			t.Fatal(err)
		}
	}
	write("old", 0)
	if err := errors.Join(f.Sync(), disk.SyncDir("/d"), disk.SyncDir("/")); err != nil {
		t.Fatal(err)
	}
	if err := disk.Inject("sync * times=1 err=EIO"); err != nil {
		t.Fatal(err)
	}
	write("new", 0)
	if f.Datasync() == nil {
		t.Fatal("it did not fail")
	}
	write("more", 2*sector)
	if err := f.Datasync(); err != nil {
		t.Fatal(err)
	}
	after := func() string {
		data, err := ReadFile(memory.CrashClone(7), "/d/f")
		if err != nil {
			t.Fatal(err)
		}
		return string(data[:3]) + string(data[2*sector:])
	}
	if got := after(); got != "oldmore" {
		t.Errorf("after a crash: %q", got)
	}
	write("new", 0)
	write("!", sector-1)
	if err := f.Datasync(); err != nil {
		t.Fatal(err)
	}
	if got := after(); got != "newmore" {
		t.Errorf("written again: %q", got)
	}
}

// A call that hangs goes on when the disk heals.
func TestHang(t *testing.T) {
	t.Parallel()
	disk := NewFaulty(NewMemory(nil))
	if err := disk.Inject("mkdir * hang"); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- disk.MkdirAll("/d") }()
	for disk.Hanging() == 0 {
		runtime.Gosched()
	}
	select {
	case <-done:
		t.Fatal("it did not hang")
	default:
	}
	disk.Heal()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if ok, err := Exists(disk, "/d"); !ok || err != nil {
		t.Error(ok, err)
	}
}

// While a call waits for the disk it is seen, and for how long; afterwards it is not.
func TestWatched(t *testing.T) {
	t.Parallel()
	clk := clock.NewFake(time.UnixMilli(1_700_000_000_000))
	faulty := NewFaulty(NewMemory(nil))
	disk := Watch(faulty, clk)
	if err := disk.MkdirAll("/d"); err != nil {
		t.Fatal(err)
	}
	f, err := disk.Create("/d/f")
	if err != nil {
		t.Fatal(err)
	}
	log, err := disk.WithoutWrites().Create("/d/log")
	if err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func(){
		"pwrite f":    func() { _, _ = f.WriteAt([]byte("x"), 0) },
		"pwrite  f":   func() { _ = WriteAt(disk, "/d/f", []byte("x"), 0) },
		"fdatasync f": func() { _ = f.Datasync() },
		"fsync log":   func() { _ = log.Sync() },
		"truncate f":  func() { _ = f.Truncate(7) },
		"syncdir *":   func() { _ = disk.SyncDir("/d") },
		"rename g":    func() { _ = disk.Rename("/d/r", "/d/g") },
	} {
		if err := faulty.Inject(name + " hang"); err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() { defer close(done); call() }()
		for disk.Waits().Longest(clk) == 0 {
			clk.Advance(time.Millisecond)
			runtime.Gosched()
		}
		clk.Advance(time.Second)
		if ms := disk.Waits().Longest(clk); ms < 1000 || ms > 60_000 {
			t.Errorf("%s: seen for %d ms", name, ms)
		}
		faulty.Heal()
		<-done
		if ms := disk.Waits().Longest(clk); ms != 0 {
			t.Errorf("%s: done, and seen for %d ms", name, ms)
		}
	}
	if err := faulty.Inject("pwrite log hang"); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _, _ = log.WriteAt([]byte("x"), 0) }()
	for faulty.Hanging() == 0 {
		runtime.Gosched()
	}
	clk.Advance(time.Second)
	if ms := disk.Waits().Longest(clk); ms != 0 {
		t.Errorf("a write of the log is seen for %d ms", ms)
	}
	faulty.Heal()
	<-done
}

// Kernels whose syncfs hides errors are told from those whose does not.
func TestKernelRelease(t *testing.T) {
	t.Parallel()
	for release, want := range map[string]bool{
		"4.18.0-553.el8_10.x86_64": false, "5.4.0-200-generic": false, "5.7.19": false, "4.19.0-27-amd64": false, "": false, "x.y": false,
		"5.8.0": true, "5.10.0-32-amd64": true, "6.1": true, "6.12-rc1": true, "10.0.1": true,
	} {
		if got := atLeast(release, 5, 8); got != want {
			t.Errorf("%q: %v", release, got)
		}
	}
}
