package churn

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"
)

// ledger knows of each place of each queue which message was acknowledged there and
// which was consumed from there.
type ledger struct {
	mu      sync.Mutex
	queue   [queues]places
	repeats int64
	wrong   []string
	changed chan struct{}
}

type places struct {
	acked, consumed []uint64 // numbers of messages by offset, 0: none
	low             int64    // all below are consumed
}

func newLedger() *ledger { return &ledger{changed: make(chan struct{})} }

func put(list *[]uint64, at int64, seq uint64) (before uint64) {
	for int64(len(*list)) <= at {
		*list = append(*list, 0)
	}
	before = (*list)[at]
	(*list)[at] = seq
	return before
}

func (l *ledger) fail(format string, args ...any) {
	if len(l.wrong) < 20 {
		l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
	}
}

func (l *ledger) acked(q int32, offset int64, seq uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if before := put(&l.queue[q].acked, offset, seq); before != 0 {
		l.fail("queue %d offset %d was given to messages %d and %d", q, offset, before, seq)
	}
}

// consumed notes what a member reported.
func (l *ledger) consumed(list []delivery) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range list {
		p := &l.queue[d.queue]
		switch before := put(&p.consumed, d.offset, d.seq); before {
		case 0:
		case d.seq:
			l.repeats++
		default:
			l.fail("queue %d offset %d was consumed as message %d and as %d", d.queue, d.offset, before, d.seq)
		}
		for p.low < int64(len(p.consumed)) && p.consumed[p.low] != 0 {
			p.low++
		}
	}
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *ledger) again() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.repeats
}

// awaitConsumed waits for the reports on all that is before an offset: a member
// reports before it commits, but the report may be on its way.
func (l *ledger) awaitConsumed(ctx context.Context, t *testing.T, q int32, at int64) {
	t.Helper()
	for {
		l.mu.Lock()
		low, changed := l.queue[q].low, l.changed
		l.mu.Unlock()
		if low >= at {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Errorf("queue %d: committed is %d, but nobody has consumed the message at %d", q, at, low)
			return
		}
	}
}

// awaitAll waits until everything is consumed; as long as there is progress it has
// patience.
func (l *ledger) awaitAll(t *testing.T, end [queues]int64) {
	t.Helper()
	const patience = 60 * time.Second
	last := time.Now()
	var before int64
	for {
		l.mu.Lock()
		var low int64
		done, changed := true, l.changed
		for q := range end {
			low += l.queue[q].low
			done = done && l.queue[q].low >= end[q]
		}
		l.mu.Unlock()
		if done {
			return
		}
		if low > before {
			before, last = low, time.Now()
		}
		select {
		case <-changed:
		case <-time.After(time.Until(last.Add(patience))):
			for q := range end {
				t.Errorf("queue %d ends at %d, everything is consumed up to %d only", q, end[q], l.queue[q].low)
			}
			return
		}
	}
}

// report compares what was acknowledged with what was consumed.
func (l *ledger) report(t *testing.T) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for q := range l.queue {
		p := &l.queue[q]
		for at, seq := range p.acked {
			if seq != 0 && (at >= len(p.consumed) || p.consumed[at] != seq) {
				l.fail("queue %d offset %d: message %d was acknowledged and never consumed", q, at, seq)
			}
		}
	}
	for _, w := range l.wrong {
		t.Error(w)
	}
}
