package store

import (
	"testing"

	"github.com/skylarkmq/skylark/internal/vfs"
)

// TestHide: what is hidden is as if expired, stays so when minima are corrected, and comes back with the files.
func TestHide(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, vfs.Disk, small(dir))
	stop := run(t, s)
	for _, body := range []string{"a", "b", "c", "d"} {
		if r := s.Put(msg("T", 0, body, "")); r.Status != PutOK {
			t.Fatal(r.Status)
		}
	}
	units, _, _, _ := s.Units("T", 0, 0, 4)
	if len(units) != 4 {
		t.Fatalf("%d units", len(units))
	}
	for _, wrong := range []struct {
		topic       string
		queue       int32
		offset, phy int64
	}{{"none", 0, 3, units[2].PhyOffset}, {"T", 1, 3, units[2].PhyOffset}, {"T", 0, 3, units[1].PhyOffset}, {"T", 0, 5, units[3].PhyOffset}, {"T", 0, 0, 0}} {
		if hidden, err := s.Hide(wrong.topic, wrong.queue, wrong.offset, wrong.phy); hidden || err != nil {
			t.Errorf("hidden: %+v", wrong)
		}
	}
	if hidden, err := s.Hide("T", 0, 3, units[2].PhyOffset); !hidden || err != nil {
		t.Fatal("not hidden")
	}
	if _, err := s.CleanExpired(); err != nil {
		t.Fatal(err)
	}
	if low, high := s.MinOffset("T", 0), s.MaxOffset("T", 0); low != 3 || high != 4 {
		t.Errorf("[%d, %d)", low, high)
	}
	for offset, want := range map[int64]GetStatus{0: GetOffsetTooSmall, 2: GetOffsetTooSmall, 3: GetFound} {
		if res, _ := s.Get(&GetRequest{Topic: "T", Offset: offset, MaxCount: 32}, nil); res.Status != want || res.Status == GetFound && res.Count != 1 {
			t.Errorf("at %d: %v, %d messages", offset, res.Status, res.Count)
		}
	}
	if at, err := s.OffsetByTime("T", 0, 0, false); at != 3 || err != nil {
		t.Errorf("the first is %d", at)
	}
	stop()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, vfs.Disk, small(dir))
	stop = run(t, s)
	defer stop()
	if low := s.MinOffset("T", 0); low != 0 {
		t.Errorf("the files begin at %d", low)
	}
	if hidden, err := s.Hide("T", 0, 4, units[3].PhyOffset); !hidden || err != nil || s.MinOffset("T", 0) != 4 {
		t.Error("a whole queue is not hidden")
	}
	if r := s.Put(msg("T", 0, "e", "")); r.Status != PutOK || r.QueueOffset != 4 {
		t.Errorf("%v at %d", r.Status, r.QueueOffset)
	}
}
