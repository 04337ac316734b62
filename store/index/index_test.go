package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"pgregory.net/rapid"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
)

const testSlots, testEntries = 7, 50

func testOptions(dir string) Options {
	return Options{
		FS: vfs.Disk, Clock: clock.NewFake(time.UnixMilli(1_700_000_000_000)), Dir: filepath.Join(dir, "index"), NextFile: filepath.Join(dir, "index.next"),
		Slots: testSlots, Entries: testEntries, Log: zerolog.Nop(),
	}
}

func open(t testing.TB, opt Options, abnormal bool, checkpoint int64) *Index {
	t.Helper()
	x, err := Open(opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Load(abnormal, checkpoint); err != nil {
		t.Fatal(err)
	}
	return x
}

func hashOf(key string) int32 { return message.IndexHash(message.HashCode(key)) }

// put adds keys k0, k1 … of records 100 bytes and a second apart.
func put(t testing.TB, x *Index, from, n int) {
	t.Helper()
	for i := from; i < from+n; i++ {
		if err := x.Put([]int32{hashOf(fmt.Sprint("k", i))}, int64(i)*100, 1000+int64(i)*1000); err != nil {
			t.Fatal(err)
		}
	}
}

func query(t testing.TB, x *Index, key string) []int64 {
	t.Helper()
	found, _, _, err := x.Query(key, 64, 0, math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func checkAll(t testing.TB, x *Index, n int) {
	t.Helper()
	for i := range n {
		if found := query(t, x, fmt.Sprint("k", i)); !slices.Contains(found, int64(i)*100) {
			t.Fatalf("k%d of %d: %v", i, n, found)
		}
	}
}

func TestPutRollReload(t *testing.T) {
	t.Parallel()
	for _, tend := range []bool{false, true} {
		var flushed []int64
		opt := testOptions(t.TempDir())
		opt.OnFull = func(end int64) { flushed = append(flushed, end) }
		x := open(t, opt, false, 0)
		for i := range 200 {
			put(t, x, i, 1)
			if tend {
				if err := x.Tend(); err != nil {
					t.Fatal(err)
				}
			}
		}
		checkAll(t, x, 200)
		if n := len(x.list()); n != 5 { // 49 keys a file
			t.Errorf("%d files", n)
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		if want := []int64{49_000, 98_000, 147_000, 196_000}; !slices.Equal(flushed, want) {
			t.Errorf("flushed %v, want %v", flushed, want)
		}
		if list, _ := os.ReadDir(filepath.Dir(opt.Dir)); len(list) != 1 {
			t.Errorf("left beside the index: %v", list)
		}
		x = open(t, opt, false, 0)
		checkAll(t, x, 200)
		put(t, x, 200, 10)
		checkAll(t, x, 210)
		if got := x.EndPhy(); got != 20900 {
			t.Errorf("EndPhy %d", got)
		}
	}
}

// The bytes of a small file, entry by entry.
func TestLayout(t *testing.T) {
	t.Parallel()
	opt := testOptions(t.TempDir())
	x := open(t, opt, false, 0)
	for i, p := range []struct {
		hash    int32
		phy, ts int64
	}{{3, 0, 5000}, {10, 100, 7999}, {4, 200, 8000}, {3, 200, 8000}} { // 3 and 10 share slot 3
		if err := x.Put([]int32{p.hash}, p.phy, p.ts); err != nil {
			t.Fatal(i, err)
		}
	}
	if err := x.Put([]int32{9}, 150, 9000); err != nil { // before the newest: its keys are there
		t.Fatal(err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadDir(opt.Dir)
	if err != nil || len(list) != 1 || len(list[0].Name()) != 17 {
		t.Fatal(list, err)
	}
	raw, err := os.ReadFile(filepath.Join(opt.Dir, list[0].Name()))
	if err != nil || len(raw) != 40+4*testSlots+20*testEntries {
		t.Fatal(len(raw), err)
	}
	if h, want := decodeHeader(raw), (header{5000, 8000, 0, 200, 2, 5}); h != want {
		t.Errorf("head %+v, want %+v", h, want)
	}
	l := layout{testSlots, testEntries}
	for s, want := range []int32{0, 0, 0, 4, 3, 0, 0} {
		if got := int32(binary.BigEndian.Uint32(raw[l.slotAt(int32(s)):])); got != want {
			t.Errorf("slot %d: %d, want %d", s, got, want)
		}
	}
	for n, want := range []entry{{}, {3, 0, 0, 0}, {10, 100, 2, 1}, {4, 200, 3, 0}, {3, 200, 3, 2}, {}} {
		if got := decodeEntry(raw[l.entryAt(int32(n)):]); got != want {
			t.Errorf("entry %d: %+v, want %+v", n, got, want)
		}
	}
}

func TestQueryTimes(t *testing.T) {
	t.Parallel()
	x := open(t, testOptions(t.TempDir()), false, 0)
	for i := range 120 {
		if err := x.Put([]int32{hashOf("k")}, int64(i), 10_000+int64(i)*1000); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name       string
		begin, end int64
		limit      int
		first, n   int64
	}{
		{"all, newest first", 0, math.MaxInt64, 64, 119, 64},
		{"limit", 0, math.MaxInt64, 3, 119, 3},
		{"window", 20_000, 25_000, 64, 15, 6},
		{"across files", 55_000, 62_000, 64, 52, 8},
		{"too early", 0, 9000, 64, 0, 0},
		{"too late", 200_000, 300_000, 64, 0, 0},
	}
	for _, tt := range tests {
		found, lastTime, lastPhy, err := x.Query("k", tt.limit, tt.begin, tt.end)
		if err != nil || int64(len(found)) != tt.n || tt.n > 0 && slices.Max(found) != tt.first {
			t.Errorf("%s: %v, %v", tt.name, found, err)
		}
		if lastTime != 129_000 || lastPhy != 119 {
			t.Errorf("%s: last %d, %d", tt.name, lastTime, lastPhy)
		}
	}
}

func TestDeleteBefore(t *testing.T) {
	t.Parallel()
	x := open(t, testOptions(t.TempDir()), false, 0)
	put(t, x, 0, 200)
	for _, tt := range []struct {
		minPhy int64
		files  int
	}{{0, 5}, {4800, 5}, {4801, 4}, {9000, 4}, {19900, 1}, {1 << 40, 1}} {
		if err := x.DeleteBefore(tt.minPhy); err != nil || len(x.list()) != tt.files {
			t.Errorf("log from %d: %d files, want %d: %v", tt.minPhy, len(x.list()), tt.files, err)
		}
	}
	if found := query(t, x, "k199"); len(found) != 1 {
		t.Errorf("newest: %v", found)
	}
}

// After a crash the newest file keeps all that is whole; with pages lost, all
// before the first lost entry.
func TestRepair(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		harm  func(raw []byte, l layout)
		kept  int // of 30 records
		after int // records that must be found at once
	}{
		{"nothing lost", func([]byte, layout) {}, 29, 29},
		{"slots lost", func(raw []byte, l layout) { clear(raw[l.slotAt(0):l.slotAt(l.slots)]) }, 29, 29},
		{"an entry lost", func(raw []byte, l layout) { clear(raw[l.entryAt(11):l.entryAt(13)]) }, 9, 9},
		{"a chain cut", func(raw []byte, l layout) { binary.BigEndian.PutUint32(raw[l.entryAt(20)+16:], 0) }, 29, 29},
		{"a circle", func(raw []byte, l layout) { binary.BigEndian.PutUint32(raw[l.entryAt(20)+16:], 20) }, 29, 29},
		{"head lost", func(raw []byte, _ layout) { clear(raw[:24]) }, 0, 0},
	}
	for _, tt := range tests {
		opt := testOptions(t.TempDir())
		x := open(t, opt, false, 0)
		put(t, x, 0, 30)
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		path := x.list()[0].path
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		tt.harm(raw, layout{testSlots, testEntries})
		if tt.name == "head lost" {
			binary.BigEndian.PutUint64(raw[atEndTime:], 1<<40)
		}
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		x = open(t, opt, true, 0)
		if tt.after > 0 {
			checkAll(t, x, tt.after)
			if got := x.EndPhy(); got != int64(tt.kept-1)*100 {
				t.Errorf("%s: ends at %d", tt.name, got)
			}
		}
		put(t, x, 0, 40) // recovery dispatches the log again
		checkAll(t, x, 40)
		for i := range 40 {
			if found := query(t, x, fmt.Sprint("k", i)); len(found) != 1 {
				t.Errorf("%s: k%d is there %d times", tt.name, i, len(found))
			}
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTruncate(t *testing.T) {
	t.Parallel()
	for _, kept := range []int{0, 1, 30, 49, 50, 99, 120} {
		opt := testOptions(t.TempDir())
		x := open(t, opt, false, 0)
		put(t, x, 0, 120)
		if err := x.Truncate(int64(kept) * 100); err != nil {
			t.Fatal(err)
		}
		checkAll(t, x, kept)
		for i := kept; i < 120; i++ {
			if found := query(t, x, fmt.Sprint("k", i)); slices.Contains(found, int64(i)*100) {
				t.Errorf("%d kept: k%d is there", kept, i)
			}
		}
		put(t, x, kept, 150-kept)
		checkAll(t, x, 150)
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCutFile: the file is cut under its writer.
func TestCutFile(t *testing.T) {
	t.Parallel()
	opt := testOptions(t.TempDir())
	x := open(t, opt, false, 0)
	put(t, x, 0, 10)
	if err := errors.Join(x.Flush(), os.Truncate(x.list()[0].path, 0)); err != nil {
		t.Fatal(err)
	}
	put(t, x, 10, 1)
	if err := x.Flush(); !errors.Is(err, errCut) {
		t.Errorf("flush of a file that was cut: %v", err)
	}
	if got := query(t, x, "k10"); !slices.Equal(got, []int64{1000}) {
		t.Errorf("what was put afterwards is at %v", got)
	}
	if err := os.Truncate(x.list()[0].path, (layout{testSlots, testEntries}).size()); err != nil {
		t.Fatal(err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	x = open(t, opt, false, 0)
	if err := os.Truncate(x.list()[0].path, headerSize+4); err != nil {
		t.Fatal(err)
	}
	if err := x.Put([]int32{1}, 2000, 2000); !errors.Is(err, errCut) {
		t.Errorf("put where slots cannot be read: %v", err)
	}
}

// TestLargeTable has more slots than a flush copies at once, and a tail of several pieces, with a reader and a flush beside
// the writer.
func TestLargeTable(t *testing.T) {
	t.Parallel()
	opt := testOptions(t.TempDir())
	opt.Slots, opt.Entries = 300_000, 200_000
	x := open(t, opt, false, 0)
	const n = 150_000
	hash := func(i int) int32 { return int32(uint32(i) * 2654435761 & math.MaxInt32) }
	at := func(i int) []int64 {
		var found []int64
		for _, f := range x.list() {
			var err error
			if found, err = f.query(hash(i), 64, 0, math.MaxInt64, found); err != nil {
				t.Error(err)
			}
		}
		return found
	}
	var done atomic.Int64
	var others sync.WaitGroup
	others.Go(func() {
		for done.Load() < n {
			if err := errors.Join(x.Tend(), x.Flush()); err != nil {
				t.Error(err)
			}
		}
	})
	others.Go(func() {
		for i := int64(0); i < n; i = done.Load() {
			if i > 0 && !slices.Contains(at(int(i-1)), (i-1)*100) {
				t.Errorf("%d cannot be found", i-1)
				return
			}
		}
	})
	for i := range n {
		if err := x.Put([]int32{hash(i)}, int64(i)*100, 1000); err != nil {
			t.Fatal(err)
		}
		done.Store(int64(i + 1))
	}
	others.Wait()
	for _, when := range []string{"at the end", "opened again"} {
		for i := range n {
			if !slices.Contains(at(i), int64(i)*100) {
				t.Fatalf("%s: %d cannot be found", when, i)
			}
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		x = open(t, opt, false, 0)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestKilledBehindARoll: a file that its writer has left is not whole on the disk, and one behind it is.
func TestKilledBehindARoll(t *testing.T) {
	t.Parallel()
	disk := vfs.NewMemory(time.Now)
	if err := disk.MkdirAll("/killed/index"); err != nil {
		t.Fatal(err)
	}
	opt := testOptions("/killed")
	opt.FS = disk
	x := open(t, opt, false, 0)
	put(t, x, 0, 40)
	if err := x.Tend(); err != nil {
		t.Fatal(err)
	}
	put(t, x, 40, 30) // 49 keys a file
	if err := x.current.writeEntries(); err != nil {
		t.Fatal(err)
	}
	opt.FS = disk.KillClone()
	x = open(t, opt, true, 0)
	if got := x.EndPhy(); got < 3800 || got > 3900 {
		t.Errorf("the index ends at %d, want where its first gap begins", got)
	}
	put(t, x, 0, 70) // dispatched again
	for i := range 70 {
		if found := query(t, x, fmt.Sprint("k", i)); len(found) != 1 {
			t.Errorf("k%d is there %d times", i, len(found))
		}
	}
}

// Random puts, queries, closes and crashes against a map.
func TestModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		disk := vfs.NewMemory(time.Now)
		if err := errors.Join(disk.MkdirAll("/model"), disk.SyncDir("/")); err != nil {
			t.Fatal(err)
		}
		opt := testOptions("/model")
		opt.FS = disk
		x, err := Open(opt)
		if err != nil {
			t.Fatal(err)
		}
		model, phy := map[int32][]int64{}, int64(0)
		sure := int64(0) // a flush covered the records up to it
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				for range rapid.IntRange(1, 20).Draw(t, "n") {
					hash := rapid.Int32Range(0, 30).Draw(t, "hash")
					phy += 10
					if err := x.Put([]int32{hash}, phy, phy); err != nil {
						t.Fatal(err)
					}
					model[hash] = append(model[hash], phy)
				}
			},
			"tend": func(t *rapid.T) {
				if err := x.Tend(); err != nil {
					t.Fatal(err)
				}
			},
			"flush": func(t *rapid.T) {
				if err := x.Flush(); err != nil {
					t.Fatal(err)
				}
				sure = phy
			},
			"crash": func(t *rapid.T) {
				disk = disk.CrashClone(rapid.Uint64().Draw(t, "seed"))
				opt.FS = disk
				if x, err = Open(opt); err == nil {
					err = x.Load(true, 0)
				}
				if err != nil {
					t.Fatal(err)
				}
				// As recovery does: from where it would begin anyway, or from further back where the index lost its end.
				sure = min(rapid.Int64Range(0, sure/10).Draw(t, "from")*10, max(x.EndPhy(), 0))
				if err := x.Truncate(sure); err != nil {
					t.Fatal(err)
				}
				for at := sure; at <= phy; at += 10 { // dispatched again
					for hash, list := range model {
						if !slices.Contains(list, at) {
							continue
						}
						if err := x.Put([]int32{hash}, at, at); err != nil {
							t.Fatal(err)
						}
					}
				}
			},
			"reopen": func(t *rapid.T) {
				abnormal := rapid.Bool().Draw(t, "abnormal")
				if err := x.Close(); err != nil {
					t.Fatal(err)
				}
				if x, err = Open(opt); err == nil {
					err = x.Load(abnormal, 0)
				}
				if err != nil {
					t.Fatal(err)
				}
				for hash, list := range model { // dispatched again
					if slices.Contains(list, phy) {
						if err := x.Put([]int32{hash}, phy, phy); err != nil {
							t.Fatal(err)
						}
					}
				}
			},
			"": func(t *rapid.T) {
				hash := rapid.Int32Range(0, 30).Draw(t, "asked")
				var found []int64
				for _, f := range slices.Backward(x.list()) {
					if found, err = f.query(hash, math.MaxInt32, 0, math.MaxInt64, found); err != nil {
						t.Fatal(err)
					}
				}
				// A record may be there twice: its keys are put again after a stop.
				slices.Sort(found)
				found = slices.Compact(found)
				want := slices.Compact(slices.Sorted(slices.Values(model[hash])))
				if !slices.Equal(found, want) {
					t.Fatalf("hash %d: %v, want %v", hash, found, want)
				}
			},
		})
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzLoad(f *testing.F) {
	opt := testOptions(f.TempDir())
	x := open(f, opt, false, 0)
	put(f, x, 0, 30)
	if err := x.Close(); err != nil {
		f.Fatal(err)
	}
	raw, err := os.ReadFile(x.list()[0].path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw, true)
	f.Add(raw[:100], false)
	f.Fuzz(func(t *testing.T, data []byte, abnormal bool) {
		opt := testOptions("/fuzz")
		opt.FS = vfs.NewMemory(time.Now)
		if err := opt.FS.MkdirAll(opt.Dir); err != nil {
			t.Fatal(err)
		}
		l := layout{testSlots, testEntries}
		file := make([]byte, l.size())
		copy(file, data)
		if err := vfs.WriteFile(opt.FS, filepath.Join(opt.Dir, "20260101000000000"), file); err != nil {
			t.Fatal(err)
		}
		x, err := Open(opt)
		if err != nil {
			t.Fatal(err)
		}
		if err := x.Load(abnormal, 0); err != nil {
			t.Fatal(err)
		}
		_, _, _, _ = x.Query("k1", 64, 0, math.MaxInt64)
		end := max(x.EndPhy(), 0)
		if end < math.MaxInt64-10 {
			if err := x.Put([]int32{hashOf("new")}, end+1, 1); err != nil {
				t.Fatal(err)
			}
		}
		if err := x.Truncate(end / 2); err != nil {
			t.Fatal(err)
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// BenchmarkPut puts the keys of 64 records of two keys each, as a turn does.
func BenchmarkPut(b *testing.B) {
	opt := testOptions(b.TempDir())
	opt.Slots, opt.Entries = 5_000_000, 20_000_000
	x := open(b, opt, false, 0)
	defer func() { _ = x.Close() }()
	hash, n := int32(1), int64(0)
	keys := make([]int32, 128)
	b.ReportAllocs()
	for b.Loop() {
		for i := range keys {
			hash = (hash*1664525 + 1013904223) & math.MaxInt32
			keys[i] = hash
		}
		x.Warm(keys)
		for i := 0; i < len(keys); i += 2 {
			n++
			if err := x.Put(keys[i:i+2], n, n); err != nil {
				b.Fatal(err)
			}
		}
		if n%131072 == 0 {
			if err := x.Tend(); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n)/2, "ns/key")
}
