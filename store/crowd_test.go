package store

import (
	"strconv"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/internal/vfs"
)

// Many queues have a few units each that no round wrote: a kill and a power cut lose none of them,
// as the checkpoint vouches for what a thorough flush wrote and the log has the rest.
func TestCrowdedQueuesAfterACrash(t *testing.T) {
	t.Parallel()
	const queues = 600 // more than files may be open
	clk := clock.NewFake(upstreamStart)
	disk := vfs.NewMemory(clk.Now)
	c := Defaults()
	c.StorePathRootDir = "/store"
	c.MappedFileSizeCommitLog, c.MappedFileSizeConsumeQueue = 4<<20, 20*1000
	c.MaxHashSlotNum, c.MaxIndexNum = 1024, 8192
	cfg := config.NewSection(c)
	s := openAt(t, disk, cfg, clk)
	n := 0
	round := func() {
		for id := range int32(queues) {
			send(t, s, numbered("T", id, n))
			n++
		}
		clk.Advance(5 * time.Second)
	}
	round()
	s.flushQueues(0)
	vouched := s.checkpoint.LogicsTime.Load()
	round()
	round()
	s.flushQueues(2)
	if dirty := s.queues.Dirty(); dirty != queues {
		t.Errorf("%d queues wait for a write, want all %d: nothing is tested here", dirty, queues)
	}
	if at := s.checkpoint.LogicsTime.Load(); at != vouched || vouched == 0 {
		t.Errorf("the checkpoint went from %d to %d with units in memory", vouched, at)
	}
	if err := s.flushLog(); err != nil {
		t.Fatal(err)
	}
	cut := disk.CrashClone(1)
	s.abandonForTest(t)
	for name, image := range map[string]*vfs.Memory{"kill": disk, "power cut": cut} {
		s := openAt(t, image, cfg, clk)
		for id := range queues {
			got := bodies(t, s, "T", int32(id))
			if len(got) != 3 || got[0] != "body-"+strconv.Itoa(id) || got[2] != "body-"+strconv.Itoa(2*queues+id) {
				t.Fatalf("%s: queue %d has %q", name, id, got)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestThoroughAfter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		queues int
		bytes  int64
	}{
		{0, thoroughBytes}, {8, thoroughBytes}, {thoroughBytes/thoroughQueue + 1, thoroughBytes + thoroughQueue}, {1_000_000, thoroughMost},
	} {
		if got := thoroughAfter(c.queues); got != c.bytes {
			t.Errorf("%d queues: %d, want %d", c.queues, got, c.bytes)
		}
	}
}
