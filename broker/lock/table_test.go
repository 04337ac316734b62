package lock

import (
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
