package transaction

import (
	"bytes"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/internal/goldenstore"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store"
)

// openGolden opens a store that a Java broker wrote (store/testdata/golden), and
// loads its half messages without any progress.
func openGolden(t *testing.T, name string) (*store.Store, *Coordinator) {
	t.Helper()
	root := goldenstore.Unpack(t, name)
	cfg := store.Defaults()
	cfg.StorePathRootDir = root
	cfg.MappedFileSizeCommitLog, cfg.MappedFileSizeConsumeQueue = 1<<20, 20000
	cfg.MappedFileSizeConsumeQueueExt, cfg.MapperFileSizeBatchConsumeQueue = 65536, 46*1000
	cfg.MaxHashSlotNum, cfg.MaxIndexNum = 1000, 4000
	s, err := store.Open(config.NewSection(cfg), store.Options{FS: vfs.Disk, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	c := New(Options{
		Store: shelf{s}, Offsets: &table{now: map[string]int64{}}, Settings: settings, Host: host, Clock: clock.NewFake(time.UnixMilli(1795379000000)),
		Log: zerolog.Nop(), Check: func(*Check) bool { return true }, Disk: vfs.Disk,
	})
	c.Load()
	return s, c
}

func records(t *testing.T, s *store.Store, topic string) (list []message.View) {
	t.Helper()
	_, high := shelf{s}.Bounds(topic, 0)
	for at := int64(0); at < high; at++ {
		rec, _ := shelf{s}.Get(topic, 0, at, 1, nil)
		var v message.View
		if err := message.Decode(rec, &v); err != nil {
			t.Fatal(err)
		}
		list = append(list, v)
	}
	return list
}

// pairs is a property string as a map.
func pairs(props []byte) map[string]string {
	m := map[string]string{}
	message.EachProperty(props, func(n, v []byte) bool { m[string(n)] = string(v); return true })
	return m
}

// TestRecordsOfJava compares what this package would have written with what Java
// did write, from the same half messages.
func TestRecordsOfJava(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		store string
		five  bool // 5.x: transaction id in the half message, real places gone from the committed one
	}{{"java-5.4.0-clean", true}, {"java-4.9.4-clean", false}} {
		t.Run(row.store, func(t *testing.T) {
			t.Parallel()
			s, c := openGolden(t, row.store)
			halves := records(t, s, message.TopicHalf)
			byPhy := map[int64]*message.View{}
			byUniq := map[string][]*message.View{}
			for i := range halves {
				v := &halves[i]
				f, ok := ReadFacts(v.Properties)
				if !ok || v.SysFlag != 0 {
					t.Fatalf("half message %d: %+v", i, f)
				}
				byPhy[v.PhyOffset] = v
				byUniq[string(f.Uniq)] = append(byUniq[string(f.Uniq)], v)
				if row.five && f.Checks < 0 { // rebuilt from what its producer sent
					sent := appendWithout(nil, v.Properties, Reserved)
					again, _ := AppendHalf(sent, string(f.RealTopic), f.RealQueue, f.Uniq)
					if got := pairs(again); !maps.Equal(got, pairs(v.Properties)) {
						t.Errorf("half message %d: %v, Java wrote %v", i, got, pairs(v.Properties))
					}
				}
			}
			checkCopies(t, byUniq)
			checkCommits(t, s, byPhy, row.five)
			checkOps(t, s, row.five)
			for _, i := range openList(c) {
				if n := len(byUniq[string(mustFacts(t, halves, i.Offset).Uniq)]); n < 1 {
					t.Errorf("open offset %d", i.Offset)
				}
			}
			if len(openList(c)) != c.Open() {
				t.Errorf("%d listed, %d open", len(openList(c)), c.Open())
			}
			t.Logf("%d half records, %d open", len(halves), c.Open())
		})
	}
}

func openList(c *Coordinator) []Info {
	page, _ := c.List(Query{Max: 1000})
	return page
}

func mustFacts(t *testing.T, halves []message.View, offset int64) Facts {
	t.Helper()
	f, ok := ReadFacts(halves[offset].Properties)
	if !ok {
		t.Fatalf("no half message at %d", offset)
	}
	return f
}

// checkCopies: each copy is the record before it, renewed.
func checkCopies(t *testing.T, byUniq map[string][]*message.View) {
	t.Helper()
	copies := 0
	for uniq, list := range byUniq {
		for i := 1; i < len(list); i++ {
			before, _ := ReadFacts(list[i-1].Properties)
			if got := pairs(renewed(list[i-1].Properties, max(0, before.Checks)+1, -1)); !maps.Equal(got, pairs(list[i].Properties)) {
				t.Errorf("%s copy %d: %v, Java wrote %v", uniq, i, got, pairs(list[i].Properties))
			}
			if !bytes.Equal(list[i].Body, list[0].Body) || list[i].BornTimestamp != list[0].BornTimestamp || list[i].BornHost != list[0].BornHost {
				t.Errorf("%s copy %d differs", uniq, i)
			}
			copies++
		}
	}
	if copies == 0 {
		t.Error("no copies in this store")
	}
}

// checkCommits: the real messages.
func checkCommits(t *testing.T, s *store.Store, byPhy map[int64]*message.View, five bool) {
	t.Helper()
	commits := 0
	err := s.Walk(0, func(v *message.View) error {
		if v.SysFlag&message.FlagTransactionMask != message.FlagTransactionCommit || string(v.Topic) != "GoldenTx" {
			return nil
		}
		half := byPhy[v.PreparedTransactionOffset]
		if half == nil {
			t.Errorf("committed message at %d of no half message", v.PhyOffset)
			return nil
		}
		want := pairs(half.Properties)
		if five {
			props, _, _ := CommitProperties(nil, half.Properties, new(message.Facts))
			want = pairs(props)
		}
		if got := pairs(v.Properties); !maps.Equal(got, want) {
			t.Errorf("committed: we write %v, Java wrote %v", want, got)
		}
		commits++
		return nil
	})
	if err != nil || commits == 0 {
		t.Errorf("%d commits, %v", commits, err)
	}
}

// checkOps: bodies are read and, in the form of 5.x, written back byte for byte.
func checkOps(t *testing.T, s *store.Store, five bool) {
	t.Helper()
	for _, v := range records(t, s, message.TopicOpHalf) {
		var offsets []int64
		var again []byte
		EachOp(v.Body, func(o int64) {
			offsets = append(offsets, o)
			again = AppendOp(again, o)
		})
		if !five {
			again = bytes.TrimSuffix(again, []byte(","))
		}
		if !bytes.Equal(again, v.Body) || len(offsets) == 0 || slices.Max(offsets) > 1000 {
			t.Errorf("op record %q read as %v", v.Body, offsets)
		}
		if !maps.Equal(pairs(v.Properties), pairs([]byte(opProperties))) {
			t.Errorf("op properties %q", v.Properties)
		}
	}
}

// Bodies that no broker writes are read for what they hold.
func TestEachOp(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][]int64{
		"17": {17}, "17,18,20,": {17, 18, 20}, "": nil, ",,": nil, "x,5,-3,99999999999999999999,6": {5, 6}, "7, 8": {7},
	} {
		var got []int64
		EachOp([]byte(body), func(o int64) { got = append(got, o) })
		if !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", body, got, want)
		}
	}
}
