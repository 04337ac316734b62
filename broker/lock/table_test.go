package lock

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLock(t *testing.T) {
	t.Parallel()
	now := int64(0)
	l := New(Options{NowMs: func() int64 { return now }})
	q0, q1 := Queue{BrokerName: "b", Topic: "T"}, Queue{BrokerName: "b", Topic: "T", QueueID: 1}
	want := func(what string, got []Queue, want ...Queue) {
		t.Helper()
		if !cmp.Equal(got, append([]Queue{}, want...)) {
			t.Fatalf("%s: holds %v, want %v", what, got, want)
		}
	}
	want("first", l.Lock("G", "c1", []Queue{q0, q1}), q0, q1)
	want("another client", l.Lock("G", "c2", []Queue{q0, q1}))
	want("another group", l.Lock("H", "c2", []Queue{q0}), q0)
	now = 30_000
	want("renewed", l.Lock("G", "c1", []Queue{q0}), q0)
	now = 60_000
	want("at 60 s the lock still holds", l.Lock("G", "c2", []Queue{q1}))
	now = 60_001
	want("after it is taken over", l.Lock("G", "c2", []Queue{q0, q1}), q1)
	l.Unlock("G", "c2", []Queue{q0, q1})
	want("unlock gives back only one's own", l.Lock("G", "c3", []Queue{q0, q1}), q1)
	if l.AllExpired("G") || !l.AllExpired("none") {
		t.Fatal("AllExpired while locks live")
	}
	now = 200_000
	if !l.AllExpired("G") {
		t.Fatal("AllExpired after all expired")
	}
	l.Sweep()
	if len(l.groups) != 0 {
		t.Fatalf("swept, left %v", l.groups)
	}
}

// All groups together have room for so many queues. In a full table clients keep what
// they have, take over what has expired, and get what others give back.
func TestQueuesOfAllGroups(t *testing.T) {
	t.Parallel()
	now := int64(0)
	l := New(Options{NowMs: func() int64 { return now }})
	list := make([]Queue, MaxQueuesPerGroup+1)
	for i := range list {
		list[i] = Queue{BrokerName: "b", Topic: "T", QueueID: int32(i)}
	}
	const groups = maxQueues / MaxQueuesPerGroup
	for i := range groups {
		if n := len(l.Lock(fmt.Sprint("G", i), "c", list)); n != MaxQueuesPerGroup {
			t.Fatalf("group %d has %d queues, want %d", i, n, MaxQueuesPerGroup)
		}
	}
	count := func(what, group, client string, queues []Queue, want int) {
		t.Helper()
		if n := len(l.Lock(group, client, queues)); n != want {
			t.Errorf("%s: %d queues, want %d", what, n, want)
		}
		have := 0
		for _, m := range l.groups {
			have += len(m)
		}
		if have != l.queues || have > maxQueues {
			t.Errorf("%s: %d queues are there, %d are counted", what, have, l.queues)
		}
	}
	count("a new group", "new", "c", list[:3], 0)
	if _, known := l.groups["new"]; known {
		t.Error("a group without queues is kept")
	}
	now = DefaultMaxLiveMs
	count("what is known", "G0", "c", list[:5], 5)
	now++
	count("what has expired", "G1", "d", list[:5], 5)
	l.Unlock("G0", "d", list[:2])
	count("after an unlock of another's", "new", "c", list[:3], 0)
	l.Unlock("G0", "c", list[:2])
	l.Unlock("G0", "c", list[:2])
	count("after an unlock", "new", "c", list[:3], 2)
	l.Sweep()
	count("after a sweep", "new", "c", list[:3], 3)
	if l.queues != 11 { // 3 of G0, 5 of G1, 3 of new
		t.Errorf("%d queues are left", l.queues)
	}
}

func TestBoundOfMemoryLimit(t *testing.T) {
	t.Parallel()
	for limit, most := range map[int64]int{0: maxQueues, 1 << 40: maxQueues, 256 << 20: 1 << 17} {
		l := New(Options{NowMs: func() int64 { return 0 }, MemoryLimit: limit})
		if l.most != most {
			t.Errorf("limit %d: %d queues, want %d", limit, l.most, most)
		}
	}
	l := New(Options{NowMs: func() int64 { return 0 }, MemoryLimit: 2 * queuesOfLimit * queueBytes})
	if held := l.Lock("G", "c", []Queue{{QueueID: 0}, {QueueID: 1}, {QueueID: 2}}); len(held) != 2 {
		t.Errorf("%d queues of a table for two", len(held))
	}
}
