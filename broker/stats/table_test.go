package stats

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/skylarkmq/skylark/internal/clock"
)

func newTable(c clock.Clock) *Table {
	return New(Options{Clock: c, Cluster: "C", IsSystem: func(topic string) bool { return topic == "SYS" }})
}

func TestSnapshots(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	table := newTable(now)
	table.Sample()
	for range 12 { // two minutes, ten messages of 100 bytes in two calls every ten seconds
		table.Put([]byte("T"), 4, 400)
		table.Put([]byte("T"), 6, 600)
		table.Get([]byte("g"), []byte("T"), 5, 500)
		now.Advance(sampleEvery)
		table.Sample()
	}
	tests := []struct {
		name, key string
		want      Snapshot
	}{
		{TopicPutNums, "T", Snapshot{Sum: 60, Tps: 1, AvgPt: 5}},
		{TopicPutSize, "T", Snapshot{Sum: 6000, Tps: 100, AvgPt: 500}},
		{GroupGetNums, "T@g", Snapshot{Sum: 30, Tps: 0.5, AvgPt: 5}},
		{GroupGetSize, "T@g", Snapshot{Sum: 3000, Tps: 50, AvgPt: 500}},
		{BrokerPutNums, "C", Snapshot{Sum: 60, Tps: 1, AvgPt: 5}},
		{BrokerGetNumsWithoutSystem, "C", Snapshot{Sum: 30, Tps: 0.5, AvgPt: 5}},
	}
	for _, tt := range tests {
		v, ok := table.View(tt.name, tt.key)
		if !ok {
			t.Errorf("%s %s: not there", tt.name, tt.key)
			continue
		}
		if diff := cmp.Diff(tt.want, v.Minute); diff != "" {
			t.Errorf("%s %s in one minute (-want +got):\n%s", tt.name, tt.key, diff)
		}
	}
	if tps := table.TopicPutTps("T"); tps != 1 {
		t.Errorf("TopicPutTps = %v, want 1", tps)
	}
	if tps := table.GroupGetTps("g", "T"); tps != 0.5 {
		t.Errorf("GroupGetTps = %v, want 0.5", tps)
	}
	for _, missing := range [][2]string{{TopicPutNums, "U"}, {GroupAckNums, "T@g"}, {BrokerPutNums, "other"}, {"NOTHING", "T"}} {
		if _, ok := table.View(missing[0], missing[1]); ok {
			t.Errorf("%v: there, though nothing was counted", missing)
		}
	}
}

// An item that appears between two samplings shows what it counted at the next one, over one step.
func TestFirstSamplingStartsFromZero(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	table := newTable(now)
	for range 3 {
		table.Put([]byte("T"), 10, 100)
	}
	table.Sample()
	v, ok := table.View(TopicPutNums, "T")
	want := Snapshot{Sum: 30, Tps: 3, AvgPt: 10}
	if diff := cmp.Diff(want, v.Minute); !ok || diff != "" {
		t.Errorf("View ok=%v (-want +got):\n%s", ok, diff)
	}
}

func TestDaysLeaveOutSystemTopics(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(time.Date(2026, 3, 1, 23, 59, 55, 0, time.UTC))
	table := newTable(now)
	table.Sample()
	table.Put([]byte("T"), 7, 70)
	table.Put([]byte("SYS"), 100, 1000)
	table.Get([]byte("g"), []byte("T"), 3, 30)
	now.Advance(sampleEvery)
	table.Sample() // past midnight
	table.Put([]byte("T"), 2, 20)
	want := Days{PutTodayMorning: 7, PutNow: 9, GetTodayMorning: 3, GetNow: 3}
	if diff := cmp.Diff(want, table.Days()); diff != "" {
		t.Errorf("Days (-want +got):\n%s", diff)
	}
	now.Advance(24 * time.Hour)
	table.Sample()
	want = Days{PutYesterdayMorning: 7, PutTodayMorning: 9, PutNow: 9, GetYesterdayMorning: 3, GetTodayMorning: 3, GetNow: 3}
	if diff := cmp.Diff(want, table.Days()); diff != "" {
		t.Errorf("Days after another midnight (-want +got):\n%s", diff)
	}
}

func TestDeletions(t *testing.T) {
	t.Parallel()
	table := newTable(clock.NewFake(time.Unix(0, 0)))
	for _, topic := range []string{"T", "T2"} {
		table.Put([]byte(topic), 1, 1)
		for _, group := range []string{"g", "h"} {
			table.Get([]byte(group), []byte(topic), 1, 1)
		}
	}
	table.TopicDeleted("T")
	table.GroupDeleted("h")
	for key, want := range map[string]bool{"T@g": false, "T@h": false, "T2@g": true, "T2@h": false} {
		if _, ok := table.View(GroupGetNums, key); ok != want {
			t.Errorf("%s: there is %v, want %v", key, ok, want)
		}
	}
	if _, ok := table.View(TopicPutNums, "T"); ok {
		t.Error("a deleted topic still has statistics")
	}
}

func TestCountingDoesNotAllocate(t *testing.T) {
	table := newTable(clock.Real)
	topic, group := []byte("TopicWithAnOrdinaryName"), []byte("group_with_an_ordinary_name")
	allocs := testing.AllocsPerRun(100, func() {
		table.Put(topic, 1, 1024)
		table.Get(group, topic, 32, 32<<10)
	})
	if allocs != 0 {
		t.Errorf("%v allocations a send and a pull, want 0", allocs)
	}
}

// Under a small memory limit fewer topics and groups are counted apart; the broker's sums have all.
func TestBoundOfMemoryLimit(t *testing.T) {
	t.Parallel()
	for limit, most := range map[int64]int{0: maxRows, 1 << 40: maxRows, 256 << 20: 16_384} {
		if s := New(Options{Clock: clock.Real, MemoryLimit: limit}); s.most != most {
			t.Errorf("limit %d: %d rows, want %d", limit, s.most, most)
		}
	}
	s := New(Options{Clock: clock.Real, Cluster: "C", IsSystem: func(string) bool { return false }, MemoryLimit: 2 * rowsOfLimit * rowBytes})
	for _, name := range []string{"T", "U", "V"} {
		s.topic([]byte(name))
		s.group([]byte("G"), []byte(name))
	}
	if s.topics.Len() != 2 || s.groups.Len() != 2 {
		t.Errorf("%d topics and %d groups in tables for two", s.topics.Len(), s.groups.Len())
	}
}
