package store

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/store/consumequeue"
)

// What a start after a crash may cost a queue, in calls to the file system: there may
// be a hundred thousand of them. A queue whose units are in its file is looked at and
// synced, nothing else; units that the process took with it are one write.
func TestFileOperationsOfRecovery(t *testing.T) {
	t.Parallel()
	const topics, perTopic = 25, 8
	const queues = topics * perTopic
	each := func(s *Store) {
		for n := range queues {
			send(t, s, msg(fmt.Sprintf("Topic%02d", n/perTopic), int32(n%perTopic), "x", ""))
		}
	}
	disk := vfs.NewMemory(nil)
	cfg := small("/store", func(c *Config) { c.MappedFileSizeCommitLog = 1 << 20 })
	s := open(t, disk, cfg)
	each(s)
	each(s)
	if err := s.queues.Flush(1 << 20); err != nil { // written, not synced
		t.Fatal(err)
	}
	for _, row := range []struct {
		name   string
		before func()
		most   map[string]int // calls a queue
	}{
		{"all is in the files", func() {}, map[string]int{"stat": 1, "open": 1, "pread": 5, "nextdata": 1, "fsync": 1}},
		{"the last units are not", func() { each(s) }, map[string]int{"stat": 1, "open": 1, "pread": 5, "nextdata": 1, "fsync": 1, "pwrite": 1}},
	} {
		row.before()
		faulty := vfs.NewFaulty(disk.KillClone())
		calls, mu := map[string]int{}, sync.Mutex{}
		faulty.OnCall = func(op, name string) {
			if strings.Contains(name, "/consumequeue/") {
				mu.Lock()
				calls[op]++
				mu.Unlock()
			}
		}
		again := open(t, faulty, cfg)
		if low, high := calls["readdir"], calls["syncdir"]; low > topics+2*queues || high > topics+queues {
			t.Errorf("%s: %d directories listed, %d synced", row.name, low, high)
		}
		delete(calls, "readdir")
		delete(calls, "syncdir")
		for op, n := range calls {
			if n > row.most[op]*queues+topics { // what is refused is looked for once, in some of them
				t.Errorf("%s: %s: %d calls for %d queues, want at most %d a queue", row.name, op, n, queues, row.most[op])
			}
		}
		if got, want := again.MaxOffset("Topic24", 7), s.MaxOffset("Topic24", 7); got != want {
			t.Errorf("%s: max %d, want %d", row.name, got, want)
		}
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// Recovery that is ended itself, at any of its changes of the disk, by a kill or a
// power cut: the next one finds everything that was durable, and leaves files that
// hold the units of the log and nothing behind them.
func TestCrashInRecovery(t *testing.T) {
	t.Parallel()
	for seed := range uint64(rounds(t, 60)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 3))
			clk := clock.NewFake(time.UnixMilli(1_700_000_000_000))
			disk := vfs.NewMemory(clk.Now)
			cfg := small("/store")
			h := &history{}
			s := openAt(t, disk, cfg, clk)
			h.work(t, s, r, 20+r.IntN(60))
			disk = disk.CrashClone(seed)
			for life := range 1 + r.IntN(4) {
				faulty := vfs.NewFaulty(disk)
				if err := faulty.Inject(fmt.Sprintf("change * after=%d err=EIO", r.IntN(40))); err != nil {
					t.Fatal(err)
				}
				if s, err := Open(cfg, Options{FS: faulty, Clock: clk, StoreHost: stood, Log: testLog()}); err == nil {
					s.abandonForTest(t)
				}
				if r.IntN(2) == 0 {
					disk = disk.KillClone()
				} else {
					disk = disk.CrashClone(seed*31 + uint64(life))
				}
			}
			s = openAt(t, disk, cfg, clk)
			h.check(t, s)
			filesAgree(t, s, disk)
			h.durable = len(h.sent)
			h.work(t, s, r, 10)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = openAt(t, disk, cfg, clk)
			h.durable = len(h.sent)
			h.check(t, s)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// filesAgree looks at the queue files of a store that was just recovered: they hold
// what the queues say, and zeros behind it.
func filesAgree(t *testing.T, s *Store, disk *vfs.Memory) {
	t.Helper()
	size := int64(s.cfg.Get().MappedFileSizeConsumeQueue)
	for _, name := range disk.Names() {
		var id int32
		var start int64
		if n, _ := fmt.Sscanf(name, "/store/consumequeue/T/%d/%d", &id, &start); n != 2 {
			continue
		}
		raw, err := vfs.ReadFile(disk, name)
		if err != nil {
			t.Fatal(err)
		}
		q, ok := s.queues.Lookup("T", id)
		if !ok || int64(len(raw)) != size {
			t.Fatalf("%s: %d bytes, queue %t", name, len(raw), ok)
		}
		for at := int64(0); at < size; at += consumequeue.UnitSize {
			offset := (start + at) / consumequeue.UnitSize
			want, _ := q.Unit(offset)
			if got := consumequeue.DecodeUnit(raw[at:]); got != want {
				t.Fatalf("%s: unit %d is %+v, want %+v; the queue ends at %d", name, offset, got, want, q.MaxOffset())
			}
		}
	}
}
