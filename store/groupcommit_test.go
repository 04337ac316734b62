package store

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/vfs"
)

// alone appends one message whose sender makes it durable himself.
func alone(t *testing.T, s *Store, n int) *Batch {
	t.Helper()
	b := NewBatch()
	if _, st := s.Stage(b, numbered("T", 0, n)); st != PutOK {
		t.Fatal(st)
	}
	b.CommitHere()
	s.Append(b) // the first file of the log may not be there yet
	if st := b.Result(0).Status; st != PutOK {
		t.Fatalf("not appended: %v", st)
	}
	return b
}

// outcome is what becomes of a batch.
func outcome(s *Store, b *Batch) <-chan PutStatus {
	told := make(chan PutStatus, 1)
	s.AwaitFlush(b.End(), func(st PutStatus) { told <- st })
	return told
}

// Whoever appends for a lone sender flushes for it: nothing is seen before, and nobody else is woken.
func TestCommitByTheOneWhoAppends(t *testing.T) {
	t.Parallel()
	s := running(t, vfs.NewMemory(nil), small("/store", syncFlush), clock.Real)
	b := alone(t, s, 0)
	if s.Flushed(b.End()) || s.MaxOffset("T", 0) != 0 {
		t.Fatal("visible before it was flushed")
	}
	s.Commit()
	if !s.Flushed(b.End()) || s.MaxOffset("T", 0) != 1 {
		t.Fatal("not there after its flush")
	}
	if st := <-outcome(s, b); st != PutOK {
		t.Fatal(st)
	}
	s.commit.took.Store(int64(quickFlush) + 1)
	if s.FlushesQuickly() {
		t.Error("the loop waits for a slow disk")
	}
	if s.commit.took.Store(int64(quickFlush)); !s.FlushesQuickly() {
		t.Error("a quick disk is not used")
	}
}

// While the group commit is at work, it takes such a batch along.
func TestCommitBehindAnotherRound(t *testing.T) {
	t.Parallel()
	s := running(t, vfs.NewMemory(nil), small("/store", syncFlush), clock.Real)
	s.commit.round.Lock()
	end := sync.OnceFunc(s.commit.round.Unlock)
	defer end() // Close waits for it
	b := alone(t, s, 0)
	s.Commit()
	told := outcome(s, b)
	if s.Flushed(b.End()) {
		t.Fatal("two rounds at once")
	}
	end()
	if st := <-told; st != PutOK || s.MaxOffset("T", 0) != 1 {
		t.Fatal(st, s.MaxOffset("T", 0))
	}
}

// A flush that fails is said to the one who asked for it, and to all after him.
func TestCommitThatFails(t *testing.T) {
	t.Parallel()
	disk := vfs.NewFaulty(vfs.NewMemory(nil))
	s := running(t, disk, small("/store", syncFlush), clock.Real)
	s.Put(numbered("T", 0, 0))
	inject(t, disk, "fdatasync commitlog/* err=EIO")
	b := alone(t, s, 1)
	s.Commit()
	if st := <-outcome(s, b); st != ServiceNotAvailable || s.MaxOffset("T", 0) != 1 {
		t.Fatalf("%v, %d messages", st, s.MaxOffset("T", 0))
	}
	disk.Heal()
	if r := s.Put(numbered("T", 0, 2)); r.Status != ServiceNotAvailable {
		t.Fatal(r.Status)
	}
}

// A fault of ours within a round does not end the process when a loop runs it, and no message is acknowledged after it.
func TestCommitThatBreaks(t *testing.T) {
	t.Parallel()
	s := open(t, vfs.NewMemory(nil), small("/store", syncFlush))
	stop := run(t, s)
	s.OnArrival(func(Arrival) { panic("a fault") })
	b := alone(t, s, 0)
	waited := outcome(s, b)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the fault was hidden")
			}
		}()
		s.Commit()
	}()
	for name, told := range map[string]<-chan PutStatus{"before": waited, "after": outcome(s, b)} {
		if st := <-told; st != ServiceNotAvailable {
			t.Fatalf("who waited from %s the fault on: %v", name, st)
		}
	}
	if ok, reason := s.Writeable(); ok {
		t.Fatal("messages are accepted", reason)
	}
	// What the broken round took is nobody's: no round after it says that it is there, and the next start reads it again.
	s.commit.round.Lock()
	s.commitRound()
	s.commit.round.Unlock()
	if s.Flushed(b.End()) {
		t.Error("a later round says that it is there")
	}
	stop()
	if err := s.Close(); err == nil {
		t.Error("the stop was clean")
	}
}

// Who comes after syncFlushTimeout was made shorter is told before those who came earlier.
func TestShorterTimeoutOfWaiters(t *testing.T) {
	t.Parallel()
	clk, cfg := clock.NewFake(time.UnixMilli(1_700_000_000_000)), small("/store", syncFlush)
	s := openAt(t, vfs.NewMemory(nil), cfg, clk)
	var told []string
	wait := func(name string, limit int) {
		cfg.Change(func(c *Config) { c.SyncFlushTimeout = limit })
		s.AwaitFlush(1<<40, func(st PutStatus) { told = append(told, fmt.Sprint(name, st == FlushDiskTimeout)) })
	}
	wait("long ", 3000)
	wait("short ", 100)
	wait("longest ", 5000)
	for _, step := range []struct {
		ms   int
		want string
	}{{99, "[]"}, {2, "[short true]"}, {2898, "[short true]"}, {2, "[short true long true]"}, {2000, "[short true long true longest true]"}} {
		clk.Advance(time.Duration(step.ms) * time.Millisecond)
		if got := fmt.Sprint(told); got != step.want {
			t.Fatalf("%d ms on: %s, want %s", step.ms, got, step.want)
		}
	}
}
