package churn

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// passing are refusals that a broker gives while it stops or is busy.
func passing(r *refused) bool {
	return r.code == code.SystemBusy || r.code == code.ServiceNotAvailable || r.code == code.SystemError
}

// One message in slowEvery takes so long.
const (
	slowEvery = 40
	slow      = 20 * time.Millisecond
)

// orders is what one queue's consumers saw, checked as it happens.
type orders struct {
	next    [queues]int64  // offsets below are consumed
	seq     [queues]uint64 // of the last one
	owner   [queues]uint64 // take-over that consumed last
	inHand  [queues]bool
	offsets int64
	again   int64 // allowed duplicates
	taken   int64 // take-overs seen
	mu      sync.Mutex
	changed chan struct{} // closed and made anew with each message
	wrong   []string
}

func (o *orders) fail(format string, args ...any) {
	if len(o.wrong) < 20 {
		o.wrong = append(o.wrong, fmt.Sprintf(format, args...))
	}
}

// deliver takes one message in two steps, so that two members in one queue at a
// time meet.
func (o *orders) deliver(list []delivery) {
	d := list[0]
	o.mu.Lock()
	if o.inHand[d.queue] {
		o.fail("queue %d offset %d: two members consume the queue at a time", d.queue, d.offset)
	}
	o.inHand[d.queue] = true
	o.mu.Unlock()

	if d.seq%slowEvery == 0 {
		<-time.After(slow) // work on it; members leave meanwhile
	}

	o.mu.Lock()
	defer o.mu.Unlock()
	o.inHand[d.queue] = false
	fresh := o.owner[d.queue] != d.taken
	if fresh {
		o.taken++
	}
	switch next := o.next[d.queue]; {
	case d.offset == next && d.seq > o.seq[d.queue]:
		o.next[d.queue], o.seq[d.queue] = next+1, d.seq
	case d.offset == next-1 && fresh && d.seq == o.seq[d.queue]: // in hand when the queue was taken away
		o.again++
	default:
		o.fail("queue %d: take-over %d (new %v) consumed offset %d, number %d after offset %d, number %d",
			d.queue, d.taken, fresh, d.offset, d.seq, next-1, o.seq[d.queue])
	}
	o.owner[d.queue] = d.taken
	o.offsets++
	close(o.changed)
	o.changed = make(chan struct{})
}

// await waits until ok, which is asked under the lock after each message: longer than a lock lives, as a busy machine may lose what
// gives it back.
func (o *orders) await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	const limit = 90 * time.Second
	deadline := time.After(limit)
	for {
		o.mu.Lock()
		done, changed := ok(), o.changed
		o.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("after %v: not %s; queues are at %v", limit, what, o.next)
		}
	}
}

// TestOrderly lets one of four members leave and another come in each of
// SKYLARK_CHURN_ROUNDS rounds. A round ends when every queue has gone on.
func TestOrderly(t *testing.T) {
	s := newSettings(t, 6)
	server := s.broker.Start(t)
	const group, members = "churn-orderly", 4
	o := &orders{changed: make(chan struct{})}
	l := &load{addr: server.Addr, rate: 1000, acked: func(int32, int64, uint64) {}}
	s.makeTopic(t, server.Addr)
	loadCtx, stopLoad := context.WithCancel(t.Context())
	defer stopLoad()
	l.run(loadCtx, t)

	type running struct {
		leave context.CancelFunc
		gone  chan struct{}
	}
	born := 0
	join := func() running {
		born++
		ctx, cancel := context.WithCancel(t.Context())
		m := newMember(server.Addr, group, fmt.Sprintf("m%02d-%d@churn", s.rand.IntN(100), born), true, o.deliver)
		r := running{cancel, make(chan struct{})}
		go func() { defer close(r.gone); m.run(ctx) }()
		return r
	}
	var group4 [members]running
	for i := range group4 {
		group4[i] = join()
	}
	goOn := func(what string) {
		o.mu.Lock()
		from := o.next
		o.mu.Unlock()
		o.await(t, what, func() bool {
			for q := range from {
				if o.next[q] <= from[q] {
					return false
				}
			}
			return true
		})
	}
	goOn("begun")
	began := time.Now()
	for round := range s.rounds {
		i := s.rand.IntN(members)
		group4[i].leave()
		switch s.rand.IntN(3) {
		case 0: // it is back before the others have noticed
		case 1:
			<-group4[i].gone
		default:
			<-group4[i].gone
			goOn(fmt.Sprintf("round %d: going on after one left", round))
		}
		old := group4[i]
		group4[i] = join()
		goOn(fmt.Sprintf("round %d: going on after one joined", round))
		<-old.gone
		s.wait(t, began, round+1)
	}
	took := time.Since(began)
	stopLoad()
	l.sending.Wait()
	end := s.ends(t, server.Addr)
	o.await(t, "at the end of every queue", func() bool { return o.next == end })
	for i := range group4 {
		group4[i].leave()
		<-group4[i].gone
	}
	s.checkCommitted(t, server.Addr, group, end)
	for _, w := range o.wrong {
		t.Error(w)
	}
	t.Logf("%d rounds in %v: %d messages, %d members, %d take-overs of queues, %d messages consumed twice because they were in hand",
		s.rounds, took.Round(time.Millisecond), l.sent.Load(), born, o.taken, o.again)
	if t.Failed() {
		t.Logf("the broker's log ends:\n%s", server.Tail())
	}
}
