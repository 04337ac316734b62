package store

import (
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
)

// stalledStore is one whose background flush hangs for longer than stalledAfter.
func stalledStore(t *testing.T, rule string) (*Store, *vfs.Faulty, *vfs.Memory, *clock.Fake) {
	t.Helper()
	clk := clock.NewFake(upstreamStart)
	memory := vfs.NewMemory(clk.Now)
	disk := vfs.NewFaulty(memory)
	s := openAt(t, disk, small("/store"), clk)
	put(t, s, keyed(0))
	inject(t, disk, rule)
	return s, disk, memory, clk
}

func keyed(n int) *message.Message {
	m := numbered("T", 0, n)
	m.Properties = []byte("KEYS\x01k\x02")
	return m
}

func untilHanging(disk *vfs.Faulty) {
	for disk.Hanging() == 0 {
		runtime.Gosched()
	}
}

func found(t *testing.T, s *Store) int {
	t.Helper()
	phys, _, _, err := s.index.Query("T#k", 64, 0, math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	return len(phys)
}

// A flush that hangs makes the disk a stalled one; appends go on, and so does the index,
// whose entries are in memory first.
func TestStalledFlush(t *testing.T) {
	t.Parallel()
	s, disk, memory, clk := stalledStore(t, "fdatasync commitlog/* hang")
	flushed := make(chan error, 1)
	go func() { flushed <- s.flushLog() }()
	untilHanging(disk)
	if s.Stalled() {
		t.Error("stalled at once")
	}
	clk.Advance(stalledAfter + time.Millisecond)
	if !s.Stalled() {
		t.Fatal("not stalled")
	}
	for n := 1; n < 4; n++ {
		if r := put(t, s, keyed(n)); r.Status != PutOK {
			t.Fatalf("message %d: %v", n, r.Status)
		}
	}
	wantBodies(t, s, 0, bodyNames(0, 4))
	if n := found(t, s); n != 4 {
		t.Errorf("%d entries in the index while the disk stalls, want 4", n)
	}
	killed := memory.KillClone()
	disk.Heal()
	if err := <-flushed; err != nil {
		t.Fatal(err)
	}
	if s.Stalled() {
		t.Error("still stalled")
	}
	put(t, s, keyed(4))
	s.flushQueues(0)
	if n := found(t, s); n != 5 {
		t.Errorf("%d entries in the index, want 5", n)
	}
	if s.checkpoint.LogicsTime.Load() == 0 {
		t.Error("the checkpoint does not vouch for a store that is whole")
	}
	put(t, s, keyed(5))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for name, image := range map[string]*vfs.Memory{"killed while it stalled": killed, "stopped": memory} {
		s := openAt(t, image, small("/store"), clk)
		want := 4
		if name == "stopped" {
			want = 6
		}
		wantBodies(t, s, 0, bodyNames(0, want))
		if n := found(t, s); n != want {
			t.Errorf("%s: %d entries in the index, want %d", name, n, want)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A write that hangs keeps the append lock: who may not wait is told soon, who may
// after osPageCacheBusyTimeOutMills, and nothing of theirs is in the log.
func TestStalledWrite(t *testing.T) {
	t.Parallel()
	s, disk, _, clk := stalledStore(t, "pwrite commitlog/* times=1 hang")
	first := make(chan Result, 1)
	go func() { first <- put(t, s, keyed(1)) }()
	untilHanging(disk)
	clk.Advance(heldLong + time.Millisecond)
	if !s.Stalled() {
		t.Error("not stalled")
	}
	soon, late := NewBatch(), NewBatch()
	for i, b := range []*Batch{soon, late} { // before the clock moves on: after a second the store is busy, and stages nothing
		if _, st := s.Stage(b, keyed(7+i)); st != PutOK {
			t.Fatalf("stage: %v", st)
		}
	}
	await(t, clk, func() bool { return !s.AppendSoon(soon) })
	await(t, clk, func() bool { s.Append(late); return true })
	if st := late.Result(0).Status; st != OSPageCacheBusy {
		t.Errorf("who could wait: %v", st)
	}
	if !s.Busy() {
		t.Error("not busy")
	}
	disk.Heal()
	if r := <-first; r.Status != PutOK || r.QueueOffset != 1 {
		t.Errorf("the write that hung: %+v", r)
	}
	if !s.AppendSoon(soon) || soon.Result(0).QueueOffset != 2 {
		t.Errorf("afterwards: %+v", soon.Result(0))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// await moves the clock until a call that waits has answered yes.
func await(t *testing.T, clk *clock.Fake, call func() bool) {
	t.Helper()
	answer := make(chan bool, 1)
	go func() { answer <- call() }()
	for {
		select {
		case ok := <-answer:
			if !ok {
				t.Error("no")
			}
			return
		default:
			clk.Advance(10 * time.Millisecond)
			runtime.Gosched()
		}
	}
}

// The next file of the log is not there: who may not wait does not.
func TestNoFileSoon(t *testing.T) {
	t.Parallel()
	disk := vfs.NewFaulty(vfs.NewMemory(nil))
	s := running(t, disk, small("/store"), nil)
	send(t, s, numbered("T", 0, 0))
	inject(t, disk, "allocate commitlog/* hang")
	b, n := NewBatch(), 0
	for soon := true; soon; n++ {
		b.Reset()
		if _, st := s.Stage(b, msg("T", 0, string(make([]byte, 1000)), "")); st != PutOK || n > 100 {
			t.Fatal(st, n)
		}
		if soon = s.AppendSoon(b); n == 4 {
			untilHanging(disk) // more than half of the file is full: the next one is being made
		}
	}
	disk.Heal()
	s.Append(b)
	if st := b.Result(0).Status; st != PutOK {
		t.Error(st)
	}
}
