package store

import (
	"runtime"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/vfs"
)

// TestRecent: what was appended in the last minute is believed, what is older than two is not, and never more than a part of the memory.
func TestRecent(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	for _, row := range []struct{ memory, bytes int64 }{{256 * mib, 16 * mib}, {8192 * mib, 256 * mib}, {1 << 40, 1024 * mib}} {
		var r recent
		r.init(row.memory, 0, 0)
		if r.bytes != row.bytes {
			t.Errorf("%d MiB of %d MiB memory, want %d", r.bytes/mib, row.memory/mib, row.bytes/mib)
		}
	}
	const start = 1000 // what the log had; a byte more comes each millisecond
	var r recent
	r.init(0, start, 0)
	for now := int64(0); now < 1_000_000; now += 10_000 {
		r.note(start+now, now)
		switch age := start + now - r.mark.Load(); {
		case r.mark.Load() < start, r.mark.Load() == start && now >= 2*recentMs:
			t.Fatalf("after %d ms the log is believed from %d on", now, r.mark.Load())
		case r.mark.Load() > start && (age < recentMs || age >= 2*recentMs):
			t.Fatalf("after %d ms what is %d ms old is believed", now, age)
		}
	}
}

// TestBelievedAfterOpen: what another process has written is compared, what this one has is not; of an empty store, too.
func TestBelievedAfterOpen(t *testing.T) {
	t.Parallel()
	disk := vfs.NewMemory(nil)
	end := int64(0)
	for range 3 {
		s := openAt(t, disk, small("/store"), clock.Real)
		if got := s.suspectBelow(); got != end {
			t.Fatalf("opened with %d bytes: compared below %d", end, got)
		}
		putN(t, s, "T", 0, 20, 100, 1)
		if got := s.suspectBelow(); got != end || s.commitLog.Max() <= end {
			t.Fatalf("with %d bytes more, of %d: compared below %d", s.commitLog.Max()-end, s.commitLog.Max(), got)
		}
		end = s.commitLog.Max()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNotBelievedForLong: a store that runs compares what it appended minutes ago.
func TestNotBelievedForLong(t *testing.T) {
	t.Parallel()
	clk := clock.NewFake(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC))
	s := running(t, vfs.NewMemory(clk.Now), small("/store"), clk)
	putN(t, s, "T", 0, 5, 100, 1)
	if got := s.suspectBelow(); got != 0 {
		t.Fatalf("compared below %d as soon as it is appended", got)
	}
	end := s.commitLog.Max()
	for limit := time.Now().Add(20 * time.Second); s.suspectBelow() != end; {
		if time.Now().After(limit) {
			t.Fatalf("after %s compared below %d, want %d", clk.Now().Sub(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)), s.suspectBelow(), end)
		}
		clk.Advance(time.Second)
		runtime.Gosched()
	}
}
