package check

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/internal/goldenstore"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store"
)

// state is every name of a directory with all that a change would leave a mark on.
func state(t *testing.T, root string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		fmt.Fprintln(&out, path, st.Ino, st.Mode, st.Size, st.Mtim, st.Ctim)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// A check, a plan, a look at a takeover and a dump leave no mark, not even in a
// damaged store.
func TestLookingChangesNothing(t *testing.T) {
	t.Parallel()
	root := goldenstore.Unpack(t, "java-5.4.0-crashed")
	h := hurt{t, root}
	h.flip(firstLog, 5)
	h.truncate(someQueue, 1000)
	h.truncate(indexFile(h), 100)
	h.write("commitlog/00000000000009437184", 0, nil) // empty: a start would remove it
	before := state(t, root)
	opt := Options{Config: settings(root)}
	r, err := Run(t.Context(), opt)
	if err != nil || r.Clean() || len(Plan(r, opt.Config).Steps) == 0 {
		t.Fatal(err, r)
	}
	if _, err := Takeover(t.Context(), opt); err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"records", "units", "index", "state"} {
		var out bytes.Buffer
		d, err := NewDumper(t.Context(), opt, Filter{Queue: -1}, &out)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Dump(what); err != nil && what != "index" && what != "state" || out.Len() == 0 && what != "index" {
			t.Errorf("dump %s: %v, %d bytes", what, err, out.Len())
		}
	}
	if after := state(t, root); after != before {
		t.Errorf("changed from\n%s to\n%s", before, after)
	}
}

// While a broker runs, what it has not written yet is no problem, and a repair is refused.
func TestInUse(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	cfg := settings(root)
	cfg.MappedFileSizeCommitLog, cfg.MappedFileSizeConsumeQueue, cfg.MaxHashSlotNum, cfg.MaxIndexNum = 1<<16, 2000, 64, 256
	s, err := store.Open(config.NewSection(*cfg), store.Options{Log: zerolog.Nop(), StoreHost: netip.MustParseAddrPort("127.0.0.1:10911")})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 300 {
		m := message.Message{Topic: "T", QueueID: int32(n % 3), Body: []byte("body"), Properties: fmt.Appendf(nil, "KEYS\x01k%d\x02TAGS\x01a\x02", n)}
		if res := s.Put(&m); res.Status != store.PutOK {
			t.Fatal(res)
		}
	}
	r := run2(t, cfg)
	if !r.InUse || !r.Clean() || r.Log.Records != 300 {
		t.Errorf("in use %t, %d records, %+v", r.InUse, r.Log.Records, r.Problems)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := range 3000 {
			m := message.Message{Topic: "T", QueueID: int32(n % 3), Body: bytes.Repeat([]byte{'x'}, n%900), Properties: []byte("KEYS\x01k\x02TAGS\x01a\x02")}
			s.Put(&m)
		}
	}()
	for more := true; more; {
		select {
		case <-done:
			more = false
		default:
		}
		if r := run2(t, cfg); !r.Clean() {
			t.Errorf("while messages come: %+v", r.Problems)
			break
		}
	}
	<-done
	if _, err := Plan(r, cfg).Write(t.Context(), vfs.Disk, time.Now()); !errors.Is(err, vfs.ErrLocked) {
		t.Errorf("a repair beside a running broker: %v", err)
	}
	starts, err := Takeover(t.Context(), Options{Config: cfg})
	if err != nil || !starts[0].Refuses || !starts[1].Refuses {
		t.Errorf("a second start: %+v %v", starts, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if r := run2(t, cfg); r.InUse || r.Unclean || !r.Clean() || r.Queues.Units != 3300 || r.Index.Keys != 6600 {
		t.Errorf("after a clean stop: %+v %+v %+v", r.Queues, r.Index, r.Problems)
	}
}

func run2(t *testing.T, cfg *store.Config) *Report {
	t.Helper()
	r, err := Run(t.Context(), Options{Config: cfg})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Queues, index and checkpoint can all be made from the log alone; queue files are
// then the bytes that Java wrote.
func TestEverythingFromTheLog(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"java-4.9.4-clean", "java-5.4.0-features", "java-5.5.0-light"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root, original := goldenstore.Unpack(t, name), goldenstore.Unpack(t, name)
			cfg := settings(root)
			h := hurt{t, root}
			for _, dir := range []string{"consumequeue", "index", "checkpoint"} {
				h.remove(dir)
			}
			if name == "java-5.4.0-features" {
				h.truncate("batchconsumequeue/FeatBatchCQ/0/00000000000000000000", 46)
			}
			repair(t, run2(t, cfg), cfg)
			for _, kind := range []string{"consumequeue", "batchconsumequeue"} {
				sameQueues(t, original, root, kind)
			}
		})
	}
}

// sameQueues compares queue files. Units that Java had extended have the plain
// code of their tags now, and light queues are a matter of settings.
func sameQueues(t *testing.T, original, root, kind string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(original, kind, "*", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		rel, _ := filepath.Rel(original, path)
		if strings.Contains(rel, message.LMQPrefix) {
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(root, rel))
		if err != nil {
			if len(bytes.Trim(want, "\x00")) > 0 {
				t.Error(err)
			}
			continue
		}
		for at := 0; kind == "consumequeue" && at+20 <= len(want); at += 20 {
			if int64(binary.BigEndian.Uint64(want[at+12:])) < -1<<31 {
				copy(want[at+12:at+20], got[at+12:at+20])
			}
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs from what Java wrote", rel)
		}
	}
}

// Any bit may flip anywhere: a check never fails, and what it finds a repair takes
// away. The seed of a failing round is its name.
func TestRandomFlips(t *testing.T) {
	t.Parallel()
	rounds := 25
	if testing.Short() {
		rounds = 5
	}
	for seed := range uint64(rounds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			root := goldenstore.Unpack(t, "java-4.9.4-clean")
			cfg := settings(root)
			rnd := rand.New(rand.NewPCG(seed, 1))
			var files []string
			err := filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
				if err == nil && info.Mode().IsRegular() && info.Size() > 0 && filepath.Base(path) != "lock" && filepath.Ext(path) != ".bak" && !strings.Contains(path, "/config/") {
					files = append(files, path)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			for range 1 + rnd.IntN(8) {
				flipAnywhere(t, rnd, files)
			}
			r := run2(t, cfg)
			if r.Clean() {
				return // in bytes that nothing reads
			}
			p := Plan(r, cfg)
			if _, err := p.Write(t.Context(), vfs.Disk, time.Now()); err != nil {
				t.Fatalf("%v, of the plan %+v", err, p.Steps)
			}
			if again := run2(t, cfg); !again.Clean() {
				t.Errorf("before %+v\nplan %+v\nafter %+v", r.Problems, p.Steps, again.Problems)
			}
		})
	}
}

func flipAnywhere(t *testing.T, rnd *rand.Rand, files []string) {
	t.Helper()
	path := files[rnd.IntN(len(files))]
	if rnd.IntN(2) == 0 { // the log is worth half of them
		path = files[slices.IndexFunc(files, func(f string) bool { return strings.Contains(f, "/commitlog/") })]
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	used := len(bytes.TrimRight(data, "\x00"))
	at := rnd.IntN(max(used, 1))
	data[at] ^= 1 << rnd.IntN(8)
	t.Logf("%s at %d", path, at)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Records that stand for lost ones are whole for every reader, whatever the room.
func TestCover(t *testing.T) {
	t.Parallel()
	ids := func(n int) (list []identity) {
		for i := range n {
			list = append(list, identity{queueKey{"Topic", int32(i % 4)}, int64(i), 0})
		}
		return list
	}
	for _, row := range []struct {
		size     int64
		ids      int
		endsFile bool
		left     int
	}{
		{92, 0, false, 0},
		{93, 0, false, 0},
		{200, 1, false, 0},
		{96, 1, false, 0},
		{1000, 3, false, 0},
		{1000, 10, false, 0},
		{1000, 50, false, 40},
		{188, 1, false, 0},
		{3 << 20, 2, false, 0},
		{8, 0, true, 0},
		{100, 1, true, 0},
		{103, 1, true, 0},
		{4096, 2, true, 0},
	} {
		for _, sealed := range []bool{false, true} {
			data := make([]byte, row.size)
			p := patch{from: 1000, to: 1000 + row.size, endsFile: row.endsFile, storeTime: 77, write: func(at int64, rec []byte) error {
				copy(data[at-1000:], rec)
				return nil
			}}
			for _, p.style = range styles(sealed) {
				if _, left, _ := p.place(ids(row.ids)); len(left) == 0 {
					break
				}
			}
			left, err := p.cover(ids(row.ids))
			if err != nil || !sealed && len(left) != row.left {
				t.Errorf("%+v sealed %t: %v, %d left", row, sealed, err, len(left))
			}
			stood := walkCover(t, data, row.endsFile)
			if stood+len(left) != row.ids {
				t.Errorf("%+v sealed %t: %d stand-ins, %d left", row, sealed, stood, len(left))
			}
		}
	}
}

// walkCover reads the records; it returns how many are of a queue.
func walkCover(t *testing.T, data []byte, endsFile bool) (stood int) {
	t.Helper()
	for at := 0; at < len(data); {
		var v message.View
		err := message.Decode(data[at:], &v)
		if errors.Is(err, message.ErrBlank) && endsFile {
			if size := int(binary.BigEndian.Uint32(data[at:])); size != len(data)-at {
				t.Errorf("blank of %d bytes, %d left", size, len(data)-at)
			}
			return stood
		}
		if err != nil || v.CheckBody() != nil || v.PhyOffset != int64(1000+at) || v.StoreTimestamp != 77 {
			t.Fatalf("at %d of %d: %v", at, len(data), err)
		}
		if message.Indexed(v.SysFlag) {
			stood++
		}
		at += int(v.Size)
	}
	return stood
}

func TestRunNeedsADirectory(t *testing.T) {
	t.Parallel()
	if _, err := Run(context.Background(), Options{Config: settings(filepath.Join(t.TempDir(), "none"))}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a check of nothing: %v", err)
	}
}
