package consumequeue

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/skylarkmq/skylark/internal/vfs"
)

// Random puts, gets, flushes, clean stops, crashes and truncations against a slice.
func TestModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		disk := vfs.NewMemory(time.Now)
		opt := testOptions("/model")
		opt.FS = disk
		if err := errors.Join(disk.MkdirAll("/model"), disk.SyncDir("/")); err != nil {
			t.Fatal(err)
		}
		open := func(abnormal bool) *Table {
			table, err := Open(opt)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := table.Recover(abnormal); err != nil {
				t.Fatal(err)
			}
			return table
		}
		table, phy := open(false), int64(0)
		var model []Unit // what the log would dispatch again
		sure := 0        // units that a thorough flush covered
		replay := func() {
			q := table.Queue("T", 0)
			for offset, u := range model {
				if err := q.Put(int64(offset), u.PhyOffset, u.Size, u.TagsCode, 1); err != nil {
					t.Fatal(err)
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				for range rapid.IntRange(1, 40).Draw(t, "n") {
					u := Unit{phy, rapid.Int32Range(1, 500).Draw(t, "size"), rapid.Int64().Draw(t, "tags")}
					if err := table.Queue("T", 0).Put(int64(len(model)), u.PhyOffset, u.Size, u.TagsCode, 1); err != nil {
						t.Fatal(err)
					}
					model, phy = append(model, u), phy+int64(u.Size)
				}
			},
			"flush": func(t *rapid.T) {
				least := rapid.IntRange(0, 2).Draw(t, "least pages")
				if err := table.Flush(least); err != nil {
					t.Fatal(err)
				}
				if least == 0 {
					sure = len(model)
				}
			},
			"reopen": func(t *rapid.T) {
				clean := rapid.Bool().Draw(t, "clean")
				if err := table.Close(clean); err != nil {
					t.Fatal(err)
				}
				table = open(!clean)
			},
			"crash": func(t *rapid.T) {
				disk = disk.CrashClone(rapid.Uint64().Draw(t, "seed"))
				opt.FS = disk
				table = open(true)
				from := int64(0)
				if len(model) > 0 {
					sure = rapid.IntRange(0, min(sure, len(model)-1)).Draw(t, "from")
					from = model[sure].PhyOffset
				}
				if _, err := table.Rebuild(from); err != nil {
					t.Fatal(err)
				}
				replay()
				if err := table.Rebuilt(); err != nil {
					t.Fatal(err)
				}
			},
			"truncate": func(t *rapid.T) {
				kept := rapid.IntRange(0, len(model)).Draw(t, "kept")
				if kept < len(model) {
					phy = model[kept].PhyOffset
				}
				model, sure = model[:kept], min(sure, kept)
				if err := table.Truncate(phy); err != nil {
					t.Fatal(err)
				}
			},
			"": func(t *rapid.T) {
				q := table.Queue("T", 0)
				if q.MaxOffset() != int64(len(model)) {
					t.Fatalf("max %d, want %d", q.MaxOffset(), len(model))
				}
				if len(model) == 0 {
					return
				}
				at := rapid.IntRange(0, len(model)-1).Draw(t, "at")
				units, status, _ := q.Units(int64(at), rapid.IntRange(1, 300).Draw(t, "n"), nil, rapid.Bool().Draw(t, "resident"))
				if status != Found || len(units) == 0 {
					t.Fatalf("offset %d: status %d, min %d first %d last %d tail %d filed %d, files %v", at, status, q.min.Load(), q.first, q.last, q.tail.Load().base, q.filed.Load(), disk.Names())
				}
				for i, u := range units {
					if u != model[at+i] {
						t.Fatalf("offset %d: %+v, want %+v", at+i, u, model[at+i])
					}
				}
			},
		})
	})
}

// Whatever the files hold: no panic, offsets in order, and the queue goes on.
func FuzzRecover(f *testing.F) {
	whole := bytes.Buffer{}
	for i := range int64(10) {
		var raw [UnitSize]byte
		putUnit(raw[:], Unit{i * 100, 100, i})
		whole.Write(raw[:])
	}
	f.Add(whole.Bytes(), whole.Bytes()[:45], []byte(savedMagic), true)
	f.Add(whole.Bytes(), []byte{}, encodeSaved([]*Queue{{Topic: "T", saved: ends{10, 1000, true}}}), false)
	f.Fuzz(func(t *testing.T, first, second, saved []byte, abnormal bool) {
		opt := testOptions("/fuzz")
		opt.FS = vfs.NewMemory(time.Now)
		dir := filepath.Join(opt.Dir, "T", "0")
		if err := opt.FS.MkdirAll(dir); err != nil {
			t.Fatal(err)
		}
		for i, data := range [][]byte{first, second} {
			file := make([]byte, testFileSize)
			copy(file, data)
			if err := vfs.WriteFile(opt.FS, filepath.Join(dir, fileName(int64(i)*testFileSize)), file); err != nil {
				t.Fatal(err)
			}
		}
		if err := vfs.WriteFile(opt.FS, opt.SavedFile, saved); err != nil {
			t.Fatal(err)
		}
		table, err := Open(opt)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := table.Recover(abnormal); err != nil {
			t.Fatal(err)
		}
		q := table.Queue("T", 0)
		table.CorrectMin(500)
		if low, high := q.MinOffset(), q.MaxOffset(); low < 0 || low > high || high > 20 {
			t.Fatalf("[%d, %d)", low, high)
		}
		if err := table.Truncate(700); err != nil {
			t.Fatal(err)
		}
		before := q.MaxOffset()
		if err := q.Put(before, max(q.MaxPhy(), 0)+1, 100, 1, 1); err != nil {
			t.Fatal(err)
		}
		if q.MaxPhy() > 0 && q.MaxOffset() != before+1 {
			t.Fatalf("max %d after a put at %d", q.MaxOffset(), before)
		}
		if err := table.Close(true); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkPut(b *testing.B) {
	opt := testOptions(b.TempDir())
	opt.FileSize = 6_000_000
	table, _ := openTable(b, opt, false)
	q, phy := table.Queue("T", 0), int64(0)
	b.ReportAllocs()
	for b.Loop() {
		if err := q.Put(q.max.Load(), phy, 100, phy, 1); err != nil {
			b.Fatal(err)
		}
		phy += 100
	}
}
