package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
)

// Several records of one queue are lost in one place, and the store was killed: those
// behind keep their offsets, in light queues too.
func TestHoleOfSeveralMessages(t *testing.T) {
	t.Parallel()
	const all, firstLost, lost = 12, 4, 3
	clk := clock.NewFake(time.UnixMilli(1_700_000_000_000))
	disk := vfs.NewMemory(clk.Now)
	s := openMore(t, disk, small("/store", lmq), clk)
	var places [all]int64
	for n := range all {
		if n == all-1 {
			clk.Advance(time.Minute) // the checkpoint vouches for those before
		}
		places[n] = send(t, s, dispatched("T", n, "%LMQ%a"))[0].PhyOffset
		clk.Advance(time.Second)
	}
	if err := s.flushLog(); err != nil {
		t.Fatal(err)
	}
	s.flushQueues(0)
	killed := disk.KillClone()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	from, to := places[firstLost], places[firstLost+lost]
	name := fmt.Sprintf("/store/commitlog/%020d", 0)
	file, err := killed.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt(make([]byte, to-from), from); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	s = openMore(t, killed, small("/store", lmq), clk)
	for _, topic := range []string{"T", "%LMQ%a"} {
		if end := s.MaxOffset(topic, 0); end != all {
			t.Errorf("%s ends at %d", topic, end)
		}
		for n := range all {
			_, rec := s.Get(&GetRequest{Topic: topic, Offset: int64(n), MaxCount: 1}, nil)
			want := n
			if n >= firstLost && n < firstLost+lost {
				want = firstLost + lost // these are passed over
			}
			var v message.View
			if err := message.Decode(rec, &v); err != nil || v.PhyOffset != places[want] || v.QueueOffset != int64(want) {
				t.Errorf("%s at %d: record of offset %d at %d, %v", topic, n, v.QueueOffset, v.PhyOffset, err)
			}
		}
	}
	walked := 0
	if err := s.Walk(0, func(*message.View) error { walked++; return nil }); err != nil || walked != all-lost {
		t.Errorf("a walk over the log found %d records, %v", walked, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
