package commitlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store/mapped"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const fileSize = 64 << 10

func openLog(t *testing.T, disk vfs.FS, clk clock.Clock) *Log {
	t.Helper()
	l, err := Open(Options{FS: disk, Paths: []string{"/log"}, FileSize: fileSize, Clock: clk, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.End(0, 0); err != nil {
		t.Fatal(err)
	}
	return l
}

func record(t *testing.T, body int, phy int64) []byte {
	t.Helper()
	rec, err := message.Encoding{}.AppendRecord(nil, &message.Message{Topic: "T", Body: bytes.Repeat([]byte{7}, body), BornHost: netip.MustParseAddrPort("1.2.3.4:5")})
	if err != nil {
		t.Fatal(err)
	}
	message.Patch(rec, message.StoreTimestampAt(rec), 0, phy, 1)
	return rec
}

// add appends a record as the store does, rolling where it does not fit.
func add(t *testing.T, l *Log, body int) int64 {
	t.Helper()
	if !l.Fits(int64(len(record(t, body, 0)))) {
		if err := l.Roll(); err != nil {
			t.Fatal(err)
		}
	}
	phy := l.Position()
	if err := l.Write(record(t, body, phy)); err != nil {
		t.Fatal(err)
	}
	l.Publish(l.Position())
	return phy
}

func running(t *testing.T, l *Log) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	wait.Go(func() { l.Run(ctx) })
	return func() { cancel(); wait.Wait() }
}

func TestRollAndScan(t *testing.T) {
	t.Parallel()
	disk := vfs.NewMemory(nil)
	l := openLog(t, disk, clock.Real)
	stop := running(t, l)
	var want []int64
	for i := range 40 {
		want = append(want, add(t, l, 7000+i))
	}
	if n := len(l.Files()); n != 5 {
		t.Errorf("%d files for 40 records of 7 KiB, want 5", n)
	}
	stop()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if names := disk.Names(); len(names) != 5 {
		t.Errorf("left after Close: %v", names)
	}
	l = openAgain(t, disk)
	var got []int64
	scan, err := l.Scan(0, Check{BodyCRC: true}, func(phy int64, _ []byte, _ *message.View) error { got = append(got, phy); return nil })
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || scan.Last != want[39] || scan.Records != 40 || !errors.Is(scan.Stop, message.ErrCorrupt) {
		t.Errorf("scan %+v", scan)
	}
	if err := l.End(scan.End, 0); err != nil {
		t.Fatal(err)
	}
	if l.Max() != scan.End || l.Flushed() != scan.End || l.Position() != scan.End {
		t.Errorf("ends at %d %d %d, want %d", l.Max(), l.Flushed(), l.Position(), scan.End)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func openAgain(t *testing.T, disk vfs.FS) *Log {
	t.Helper()
	l, err := Open(Options{FS: disk, Paths: []string{"/log"}, FileSize: fileSize, Clock: clock.Real, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// openZeroing is a new log whose files are filled with zeros before they are used.
func openZeroing(t *testing.T, disk vfs.FS, fileSize int64) *Log {
	t.Helper()
	l, err := Open(Options{FS: disk, Paths: []string{"/log"}, FileSize: fileSize, ZeroAhead: true, Clock: clock.Real, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.End(0, 0); err != nil {
		t.Fatal(err)
	}
	return l
}

// The prepared file may be taken while it is being zeroed; nothing that is
// written to it is lost.
func TestTakenWhileZeroed(t *testing.T) {
	t.Parallel()
	l := openZeroing(t, &slowZeros{FS: vfs.NewMemory(nil)}, 2<<20)
	stop := running(t, l)
	var want []int64
	for i := range 600 {
		want = append(want, add(t, l, 10_000+i%7))
	}
	stop()
	for i, phy := range want {
		rec, err := l.Read(phy, len(record(t, 10_000+i%7, 0)), nil, false)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(rec, record(t, 10_000+i%7, phy)) {
			t.Fatalf("record at %d was overwritten", phy)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// slowZeros lets other goroutines in between the pieces.
type slowZeros struct{ vfs.FS }

func (d *slowZeros) Create(name string) (vfs.File, error) {
	f, err := d.FS.Create(name)
	return slowFile{f}, err
}

type slowFile struct{ vfs.File }

func (f slowFile) WriteZeros(off, n int64) error {
	<-time.After(time.Millisecond)
	return f.File.WriteZeros(off, n)
}

// Zeros that the disk does not take end acknowledging, as nobody knows what it still writes of them; that it is full does not.
func TestZerosThatFail(t *testing.T) {
	t.Parallel()
	for kind, fails := range map[string]bool{"EIO": true, "ENOSPC": false} {
		disk := vfs.NewFaulty(vfs.NewMemory(nil))
		asked := make(chan struct{}, 1)
		disk.OnCall = func(op, name string) {
			if op == "pwrite" && filepath.Base(name) == mapped.Name(1<<20) {
				select {
				case asked <- struct{}{}:
				default:
				}
			}
		}
		if err := disk.Inject("pwrite log/" + mapped.Name(1<<20) + " err=" + kind); err != nil {
			t.Fatal(err)
		}
		l := openZeroing(t, disk, 1<<20)
		stop := running(t, l)
		for l.Position() <= 1<<19 { // from there on the next file is made
			add(t, l, 10_000)
		}
		<-asked
		stop()
		if failed := l.Failed() != nil; failed != fails {
			t.Errorf("%s: the log has failed: %t, want %t", kind, failed, fails)
		}
		disk.Heal()
		if err := l.Close(); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestReadBounds(t *testing.T) {
	t.Parallel()
	disk := vfs.NewFaulty(vfs.NewMemory(nil))
	l := openLog(t, disk, clock.Real)
	first := add(t, l, 100)
	end := l.Position()
	for _, c := range []struct {
		phy int64
		n   int
	}{{-1, 4}, {first, int(end) + 1}, {end, 1}, {1 << 62, 8}, {0, -1}} {
		if _, err := l.Read(c.phy, c.n, nil, false); !errors.Is(err, ErrRange) {
			t.Errorf("%d bytes at %d: %v", c.n, c.phy, err)
		}
	}
	if err := disk.Inject("tryread log/*"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Read(first, 50, nil, true); !errors.Is(err, ErrCold) {
		t.Errorf("what is not in memory: %v", err)
	}
	if rec, err := l.Read(first, 50, []byte("kept"), false); err != nil || len(rec) != 54 || string(rec[:4]) != "kept" {
		t.Errorf("waiting for it: %d bytes, %v", len(rec), err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestRemoveOldest(t *testing.T) {
	t.Parallel()
	l := openLog(t, vfs.NewMemory(nil), clock.Real)
	for range 20 {
		add(t, l, 10_000)
	}
	files := l.Files()
	if err := l.Remove(files[1]); err == nil {
		t.Error("a file in the middle was removed")
	}
	if err := l.Remove(files[len(files)-1]); err == nil {
		t.Error("the file that is written was removed")
	}
	if err := l.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	if l.Min() != fileSize {
		t.Errorf("minimum %d", l.Min())
	}
	if _, err := l.Read(0, 10, nil, false); !errors.Is(err, ErrRange) {
		t.Errorf("read what is removed: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// A scan does not believe a length before its parts add up, and never asks for
// more memory than the file has.
func TestLongRecords(t *testing.T) {
	t.Parallel()
	disk := vfs.NewMemory(nil)
	l, err := Open(Options{FS: disk, Paths: []string{"/log"}, FileSize: 8 << 20, Clock: clock.Real, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.End(0, 0); err != nil {
		t.Fatal(err)
	}
	long := add(t, l, 3<<20)
	small := add(t, l, 10)
	scan, err := l.Scan(0, Check{BodyCRC: true}, func(int64, []byte, *message.View) error { return nil })
	if err != nil || scan.Records != 2 || scan.Last != small {
		t.Errorf("%+v %v", scan, err)
	}
	f := l.Files()[0]
	if err := f.WriteAt([]byte{0, 0x40}, long); err != nil { // 4 MiB more
		t.Fatal(err)
	}
	scan, err = l.Scan(0, Check{}, func(int64, []byte, *message.View) error { return nil })
	if err != nil || scan.Records != 0 || !errors.Is(scan.Stop, message.ErrCorrupt) {
		t.Errorf("a wrong length: %+v %v", scan, err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// What followed the end before a crash is gone, in this file and in later ones.
func TestEndClearsWhatFollows(t *testing.T) {
	t.Parallel()
	disk := vfs.NewMemory(nil)
	l := openLog(t, disk, clock.Real)
	for range 12 {
		add(t, l, 10_000)
	}
	third := int64(len(record(t, 10_000, 0))) * 3
	if err := l.End(third, 0); err != nil {
		t.Fatal(err)
	}
	data, err := vfs.ReadFile(disk, "/log/"+fmt.Sprintf("%020d", 0))
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Files()) != 1 || len(bytes.Trim(data[third:], "\x00")) != 0 || len(bytes.Trim(data[:third], "\x00")) == 0 {
		t.Errorf("%d files; the rest is not zero", len(l.Files()))
	}
	if phy := add(t, l, 5); phy != third {
		t.Errorf("the next record is at %d", phy)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefusesStrangeFiles(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"00000000000000000000": fileSize - 1, "notes.txt": 3} {
		disk := vfs.NewMemory(nil)
		if err := disk.MkdirAll("/log"); err != nil {
			t.Fatal(err)
		}
		if err := vfs.WriteFile(disk, "/log/"+name, bytes.Repeat([]byte{1}, size)); err != nil { // of zeros alone it would be one that was being made
			t.Fatal(err)
		}
		if _, err := Open(Options{FS: disk, Paths: []string{"/log"}, FileSize: fileSize}); err == nil {
			t.Errorf("opened with %s of %d bytes", name, size)
		}
	}
}

func TestSeveralPaths(t *testing.T) {
	t.Parallel()
	disk := vfs.NewMemory(nil)
	opt := Options{FS: disk, Paths: []string{"/a", "/b"}, FileSize: fileSize, Clock: clock.Real, Log: zerolog.Nop()}
	l, err := Open(opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.End(0, 0); err != nil {
		t.Fatal(err)
	}
	for range 18 {
		add(t, l, 10_000)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	want := "[/a/00000000000000000000 /a/00000000000000131072 /b/00000000000000065536]"
	if got := fmt.Sprint(disk.Names()); got != want {
		t.Errorf("files %s, want %s", got, want)
	}
	l, err = Open(opt)
	if err != nil {
		t.Fatal(err)
	}
	scan, err := l.Scan(0, Check{BodyCRC: true}, func(int64, []byte, *message.View) error { return nil })
	if err != nil || scan.Records != 18 {
		t.Errorf("%+v %v", scan, err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}
