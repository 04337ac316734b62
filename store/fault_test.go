package store

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
)

func inject(t *testing.T, disk *vfs.Faulty, rule string) {
	t.Helper()
	if err := disk.Inject(rule); err != nil {
		t.Fatal(err)
	}
}

// put stages and appends one message and returns what became of it.
func put(t *testing.T, s *Store, m *message.Message) Result {
	t.Helper()
	b := NewBatch()
	if _, st := s.Stage(b, m); st != PutOK {
		return Result{Status: st}
	}
	s.Append(b)
	return b.Result(0)
}

// A write that fails takes no offsets and leaves nothing behind: the next message
// takes the place, and a crash finds only what was acknowledged.
func TestFailedWrites(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule string
		want PutStatus
	}{
		{"pwrite commitlog/* times=1 err=ENOSPC", ServiceNotAvailable},
		{"pwrite commitlog/* times=1 short=150 err=ENOSPC", ServiceNotAvailable},
		{"pwrite commitlog/* times=1 err=EIO", UnknownError},
		{"pwrite commitlog/* times=2 short=400 err=EIO", UnknownError},
		{"pwrite commitlog/* times=1 err=EROFS", ServiceNotAvailable},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			memory := vfs.NewMemory(nil)
			disk := vfs.NewFaulty(memory)
			cfg := small("/store")
			s := open(t, disk, cfg)
			send(t, s, numbered("T", 0, 0))
			end := s.MaxPhyOffset()
			inject(t, disk, c.rule)
			b := NewBatch()
			for n := range 3 {
				if _, st := s.Stage(b, numbered("T", int32(n%2), 100+n)); st != PutOK {
					t.Fatal(st)
				}
			}
			s.Append(b)
			for i := range 3 {
				if r := b.Result(i); r.Status != c.want {
					t.Errorf("message %d: %v, want %v", i, r.Status, c.want)
				}
			}
			if s.MaxPhyOffset() != end || s.commitLog.Position() != end {
				t.Errorf("the log moved from %d to %d", end, s.commitLog.Position())
			}
			image := memory.CrashClone(3)
			disk.Heal()
			r := send(t, s, numbered("T", 1, 1), numbered("T", 0, 2))
			if r[0].QueueOffset != 0 || r[1].QueueOffset != 1 || r[0].PhyOffset != end {
				t.Errorf("after the disk healed: %+v", r)
			}
			for q, want := range [][]string{{"body-0", "body-2"}, {"body-1"}} {
				if d := cmp.Diff(want, bodies(t, s, "T", int32(q))); d != "" {
					t.Error(d)
				}
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			s = open(t, image, small("/store"))
			if got := append(bodies(t, s, "T", 0), bodies(t, s, "T", 1)...); len(got) > 1 {
				t.Errorf("a crash brought refused messages to light: %q", got)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A disk that is full when the next file is needed refuses messages, and takes
// them again when there is room.
func TestNoRoomForTheNextFile(t *testing.T) {
	t.Parallel()
	disk := vfs.NewFaulty(vfs.NewMemory(nil))
	s := running(t, disk, small("/store"), nil)
	inject(t, disk, "allocate commitlog/* after=1 err=ENOSPC")
	sent, status := 0, PutOK
	for status == PutOK {
		if status = put(t, s, msg("T", 0, strings.Repeat("x", 1000), "")).Status; status == PutOK {
			sent++
		}
	}
	if status != ServiceNotAvailable || sent != 7 {
		t.Fatalf("%d messages, then %v", sent, status)
	}
	if rec, err := s.Lookup(0, nil); err != nil || len(rec) == 0 {
		t.Errorf("reading stopped too: %v", err)
	}
	disk.Heal()
	deadline := time.Now().Add(30 * time.Second) // a healthy machine needs one or two
	for put(t, s, msg("T", 0, "again", "")).Status != PutOK {
		if time.Now().After(deadline) {
			t.Fatal("not writeable 30 s after there is room")
		}
		<-time.After(20 * time.Millisecond)
	}
	if got := bodies(t, s, "T", 0); len(got) != sent+1 || got[sent] != "again" {
		t.Errorf("%d messages", len(got))
	}
}

// A consume queue that cannot be written stops producers, not the log: what is in
// the log gets its units when the disk has room.
func TestNoRoomForAConsumeQueue(t *testing.T) {
	t.Parallel()
	for _, flush := range []FlushDiskType{AsyncFlush, SyncFlush} {
		t.Run(string(flush), func(t *testing.T) {
			t.Parallel()
			disk := vfs.NewFaulty(vfs.NewMemory(nil))
			s := open(t, disk, small("/store", func(c *Config) { c.FlushDiskType = flush }))
			inject(t, disk, "create T/0/* err=ENOSPC")
			b := NewBatch()
			for n := range 3 {
				if _, st := s.Stage(b, numbered("T", 0, n)); st != PutOK {
					t.Fatal(st)
				}
			}
			s.Append(b)
			if flush == SyncFlush {
				s.commitRound()
			}
			if r := b.Result(2); r.Status != PutOK {
				t.Errorf("stored messages: %v", r.Status)
			}
			if ok, why := s.Writeable(); ok || !strings.Contains(why, "no space") {
				t.Errorf("writeable %v %q", ok, why)
			}
			if _, st := s.Stage(b, numbered("T", 1, 9)); st != ServiceNotAvailable {
				t.Errorf("another message: %v", st)
			}
			if s.DispatchBehindBytes() <= 0 {
				t.Error("nothing is behind")
			}
			if err := s.retryBacklog(); err == nil {
				t.Error("the retry succeeded without room")
			}
			disk.Heal()
			if err := s.retryBacklog(); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff([]string{"body-0", "body-1", "body-2"}, bodies(t, s, "T", 0)); d != "" {
				t.Error(d)
			}
			if ok, why := s.Writeable(); !ok || s.DispatchBehindBytes() != 0 {
				t.Errorf("still refusing: %s, %d behind", why, s.DispatchBehindBytes())
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// The first flush that fails ends acknowledging, whatever later flushes would say;
// a restart recovers.
func TestFailedFlush(t *testing.T) {
	t.Parallel()
	memory := vfs.NewMemory(nil)
	disk := vfs.NewFaulty(memory)
	s, err := Open(small("/store", syncFlush), Options{FS: disk, StoreHost: stood})
	if err != nil {
		t.Fatal(err)
	}
	stop := run(t, s)
	if r := s.Put(numbered("T", 0, 0)); r.Status != PutOK {
		t.Fatal(r.Status)
	}
	inject(t, disk, "fdatasync commitlog/* times=1 err=EIO")
	if r := s.Put(numbered("T", 0, 1)); r.Status != ServiceNotAvailable {
		t.Errorf("not flushed, and answered %v", r.Status)
	}
	if ok, why := s.Writeable(); ok || !strings.Contains(why, "input/output error") {
		t.Errorf("writeable %v %q", ok, why)
	}
	if r := s.Put(numbered("T", 0, 2)); r.Status != ServiceNotAvailable {
		t.Errorf("after the failure: %v", r.Status)
	}
	answer := make(chan PutStatus, 1)
	s.AwaitFlush(s.commitLog.Written(), func(st PutStatus) { answer <- st })
	if st := <-answer; st != ServiceNotAvailable {
		t.Errorf("who asks later: %v", st)
	}
	if d := cmp.Diff([]string{"body-0"}, bodies(t, s, "T", 0)); d != "" {
		t.Error(d)
	}
	stop()
	if s.Close() == nil {
		t.Error("closed as if nothing had happened")
	}
	if there, _ := vfs.Exists(memory, "/store/abort"); !there {
		t.Error("abort is gone")
	}
	s = open(t, memory, small("/store", syncFlush))
	if got := bodies(t, s, "T", 0); len(got) == 0 || got[0] != "body-0" {
		t.Errorf("after the restart: %q", got)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// Every call of the disk fails once, at one place after the other: nothing that
// was acknowledged is lost, and nothing panics.
func TestEveryCallFailsOnce(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"pwrite", "fdatasync", "fsync", "create", "open", "truncate", "allocate", "map", "syncdir", "mkdir"} {
		for _, e := range []string{"EIO", "ENOSPC"} {
			t.Run(op+" "+e, func(t *testing.T) {
				t.Parallel()
				for after := range 40 {
					failOnce(t, fmt.Sprintf("%s * after=%d times=1 err=%s", op, after, e))
				}
			})
		}
	}
}

func failOnce(t *testing.T, rule string) {
	t.Helper()
	memory := vfs.NewMemory(nil)
	disk := vfs.NewFaulty(memory)
	inject(t, disk, rule)
	var acked []string
	s, err := Open(small("/store"), Options{FS: disk, StoreHost: stood})
	if err == nil {
		for n := range 30 {
			if r := put(t, s, numbered("T", 0, n)); r.Status == PutOK {
				acked = append(acked, fmt.Sprintf("body-%d", n))
			}
			if n%5 == 0 {
				_ = s.flushLog()
				s.flushQueues(n % 2)
				if s.flags.has(flagQueueError) {
					_ = s.retryBacklog()
				}
			}
		}
		_ = s.Close()
	}
	disk.Heal()
	s, err = Open(small("/store"), Options{FS: disk, StoreHost: stood})
	if err != nil {
		t.Fatalf("%s: the next start: %v", rule, err)
	}
	if d := cmp.Diff(acked, bodies(t, s, "T", 0)); d != "" {
		t.Errorf("%s: %s", rule, d)
	}
	if err := s.Close(); err != nil {
		t.Errorf("%s: %v", rule, err)
	}
}

// With SYNC_FLUSH nobody sees a message before the disk has it.
func TestNotVisibleBeforeDurable(t *testing.T) {
	t.Parallel()
	s := open(t, vfs.NewMemory(nil), small("/store", syncFlush))
	var told []Arrival
	s.OnArrival(func(a Arrival) { told = append(told, a) })
	b := NewBatch()
	for n := range 4 {
		if _, st := s.Stage(b, numbered("T", int32(n%2), n)); st != PutOK {
			t.Fatal(st)
		}
	}
	s.Append(b)
	order := ""
	s.AwaitFlush(b.End(), func(st PutStatus) { order += st.String() })
	q, _ := s.queues.Lookup("T", 0)
	if s.MaxPhyOffset() != 0 || q.MaxOffset() != 0 || len(told) != 0 || order != "" {
		t.Fatalf("visible before the flush: log %d, queue %d, %d arrivals, %q", s.MaxPhyOffset(), q.MaxOffset(), len(told), order)
	}
	if _, err := s.Lookup(0, nil); err == nil {
		t.Error("found by its place before the flush")
	}
	s.commitRound()
	if s.MaxPhyOffset() != b.End() || q.MaxOffset() != 2 || order != "PUT_OK" || s.FlushedPhyOffset() != b.End() {
		t.Errorf("after the flush: log %d, queue %d, %q", s.MaxPhyOffset(), q.MaxOffset(), order)
	}
	want := []Arrival{{Topic: "T", QueueID: 0, NextOffset: 2, Count: 2}, {Topic: "T", QueueID: 1, NextOffset: 2, Count: 2}}
	same := cmp.Comparer(func(a, b Arrival) bool {
		return a.Topic == b.Topic && a.QueueID == b.QueueID && a.NextOffset == b.NextOffset && a.Count == b.Count
	})
	if d := cmp.Diff(want, told, same); d != "" {
		t.Error(d)
	}
	s.AwaitFlush(b.End(), func(st PutStatus) { order += "+" + st.String() })
	if order != "PUT_OK+PUT_OK" {
		t.Errorf("who asks after the flush: %q", order)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// A flush that hangs does not hold senders longer than syncFlushTimeout.
func TestFlushTimeout(t *testing.T) {
	t.Parallel()
	clk := clock.NewFake(time.UnixMilli(1_700_000_000_000))
	s, err := Open(small("/store", syncFlush), Options{FS: vfs.NewMemory(clk.Now), Clock: clk, StoreHost: stood})
	if err != nil {
		t.Fatal(err)
	}
	b := NewBatch()
	if _, st := s.Stage(b, numbered("T", 0, 0)); st != PutOK {
		t.Fatal(st)
	}
	s.Append(b) // nobody runs the group commit
	var first, second PutStatus = 99, 99
	s.AwaitFlush(b.End(), func(st PutStatus) { first = st })
	clk.Step(-time.Hour) // nobody waits longer for that
	clk.Advance(3 * time.Second)
	s.AwaitFlush(b.End(), func(st PutStatus) { second = st })
	clk.Advance(2 * time.Second)
	if first != FlushDiskTimeout || second != 99 {
		t.Errorf("after 5 s: %d and %d", first, second)
	}
	clk.Advance(3 * time.Second)
	if second != FlushDiskTimeout {
		t.Errorf("after 8 s: %d", second)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// Many senders at once: offsets are dense and unique, places do not overlap, and
// what a sender was told is what is there.
func TestConcurrentSenders(t *testing.T) {
	t.Parallel()
	for _, flush := range []FlushDiskType{AsyncFlush, SyncFlush} {
		t.Run(string(flush), func(t *testing.T) {
			t.Parallel()
			s, err := Open(small(t.TempDir(), func(c *Config) { c.FlushDiskType = flush; c.FlushIntervalCommitLog, c.FlushIntervalConsumeQueue = 5, 5 }), Options{StoreHost: stood})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			var runs, senders sync.WaitGroup
			runs.Go(func() { _ = s.Run(ctx) })
			arrived := make(map[string]int64)
			var mu sync.Mutex
			s.OnArrival(func(a Arrival) {
				mu.Lock()
				defer mu.Unlock()
				arrived[fmt.Sprint(a.Topic, a.QueueID)] = max(arrived[fmt.Sprint(a.Topic, a.QueueID)], a.NextOffset)
			})
			results := make([][]Result, 4)
			for w := range results {
				senders.Go(func() {
					for n := range 100 {
						results[w] = append(results[w], s.Put(msg("T", int32(n%2), fmt.Sprintf("%d-%d", w, n), "TAGS\x01a\x02")))
						if n%10 == 0 {
							s.RuntimeInfo()
						}
					}
				})
			}
			senders.Wait()
			read := [][]string{bodies(t, s, "T", 0), bodies(t, s, "T", 1)}
			if len(read[0]) != 200 || len(read[1]) != 200 {
				t.Fatalf("%d and %d messages", len(read[0]), len(read[1]))
			}
			for w, list := range results {
				for n, r := range list {
					if r.Status != PutOK {
						t.Fatal(r.Status)
					}
					if got, want := read[n%2][r.QueueOffset], fmt.Sprintf("%d-%d", w, n); got != want {
						t.Fatalf("at offset %d: %s, want %s", r.QueueOffset, got, want)
					}
				}
			}
			cancel()
			runs.Wait()
			if mu.Lock(); arrived["T0"] != 200 || arrived["T1"] != 200 {
				t.Errorf("arrivals up to %v", arrived)
			}
			mu.Unlock()
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// Messages may be refused from the middle of an append on. Those before it keep their offsets, and no offset is lost:
// a record would say another one than its unit has from then on.
func TestRefusedInTheMiddle(t *testing.T) {
	t.Parallel()
	s := open(t, vfs.NewMemory(time.Now), small("/store", func(c *Config) { c.MappedFileSizeCommitLog = 1 << 20 }))
	var toggling sync.WaitGroup
	ended := make(chan struct{})
	toggling.Go(func() {
		for {
			select {
			case <-ended:
				return
			default:
				s.flags.set(flagDiskFull, "the test")
				s.flags.clear(flagDiskFull)
			}
		}
	})
	b, cut := NewBatch(), 0
	for n := 0; n < 100_000 && cut < 20; n++ {
		b.Reset()
		for range 8 {
			_, _ = s.Stage(b, msg("T", 0, "body", "")) // refused at times
		}
		if b.Len() == 0 {
			continue
		}
		s.Append(b)
		if b.Result(0).Status == PutOK && b.Result(b.Len()-1).Status == ServiceNotAvailable {
			cut++
		}
		if next, end := s.queues.Queue("T", 0).Next, s.MaxOffset("T", 0); next != end {
			t.Fatalf("the next message gets offset %d, its unit %d", next, end)
		}
	}
	close(ended)
	toggling.Wait()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// A queue that cannot be opened refuses its own messages, and nobody else's.
func TestOneQueueThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	disk := vfs.NewFaulty(vfs.NewMemory(time.Now))
	s := open(t, disk, small("/store"))
	send(t, s, numbered("T", 0, 0), numbered("T", 1, 1))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	inject(t, disk, "open T/1/* err=EIO")
	s = open(t, disk, small("/store"))
	if r := put(t, s, numbered("T", 1, 2)); r.Status != ServiceNotAvailable {
		t.Errorf("to the broken queue: %v", r.Status)
	}
	if r := put(t, s, numbered("T", 0, 3)); r.Status != PutOK || r.QueueOffset != 1 {
		t.Errorf("to its neighbour: %+v", r)
	}
	disk.Heal()
	_ = s.Close() // with a queue that it could not look into
}
