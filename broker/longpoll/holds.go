// Package longpoll holds pull requests that found nothing to read until a message
// arrives, or their time is over.
//
// Its main type is Holds: sharded by queue, bounded, with one goroutine (Run) that
// keeps the time-outs and looks again every few seconds in case a wake-up was
// missed. It knows neither connections nor the store: a Hold carries functions.
package longpoll

import (
	"context"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/skylarkmq/skylark/internal/clock"
)

const shards = 16

// Holds is the table of held requests.
type Holds struct {
	opt    Options
	seed   maphash.Seed
	count  atomic.Int64
	shards [shards]shard
	house  fullHouse

	// sooner tells Run that the earliest deadline moved forward.
	sooner  chan struct{}
	nextMs  atomic.Int64 // the deadline Run sleeps until; 0 while it is not sleeping
	stopped atomic.Bool
}

type shard struct {
	mu        sync.Mutex
	lists     map[key]*list
	owners    map[any]*Hold // head of the holds of a connection
	deadlines byDeadline
}

const never = int64(1)<<62 - 1

// New returns an empty table; Run keeps its time.
func New(opt Options) *Holds {
	if opt.Clock == nil {
		opt.Clock = clock.Real
	}
	if opt.RecheckMs <= 0 {
		opt.RecheckMs = 5000
	}
	h := &Holds{opt: opt, seed: maphash.MakeSeed(), sooner: make(chan struct{}, 1)}
	for i := range h.shards {
		h.shards[i].lists = map[key]*list{}
		h.shards[i].owners = map[any]*Hold{}
	}
	return h
}

func (h *Holds) shard(topic string, queue int32) *shard {
	return &h.shards[(maphash.String(h.seed, topic)+uint64(uint32(queue)))%shards]
}

// Len is the number of requests held.
func (h *Holds) Len() int { return int(h.count.Load()) }

// Add holds a request; false when there are too many, of which nobody has more than its
// owner, and then the caller answers at once. After true the caller must look at the queue once more and call Arrive
// if it has moved: a message may have come between its read and this call.
func (h *Holds) Add(p *Hold) bool {
	if h.opt.MaxHolds > 0 && h.count.Load() >= int64(h.opt.MaxHolds) && !h.room(p.Owner) {
		return false
	}
	var woken *Hold
	s := h.shard(p.Topic, p.Queue)
	k := key{p.Topic, p.Queue}
	s.mu.Lock()
	if h.stopped.Load() { // under the lock: Stop says so, and then empties the shard
		s.mu.Unlock()
		return false
	}
	l := s.lists[k]
	if l == nil {
		l = &list{key: k}
		s.lists[k] = l
	}
	if h.opt.MaxPerQueue > 0 && l.count >= h.opt.MaxPerQueue {
		if woken = h.roomIn(s, l, p.Owner); woken == nil {
			s.mu.Unlock()
			return false
		}
	}
	l.push(p)
	s.deadlines.push(p)
	if p.Owner != nil {
		first := s.owners[p.Owner]
		p.ownerNext, p.ownerPrev, p.owned = first, nil, 1
		if first != nil {
			first.ownerPrev, p.owned = p, first.owned+1
		}
		s.owners[p.Owner] = p
	}
	s.mu.Unlock()
	h.count.Add(1)
	wake(woken, TimedOut)
	if p.Deadline < h.nextMs.Load() {
		select {
		case h.sooner <- struct{}{}:
		default:
		}
	}
	return true
}

// remove takes a hold out of all structures; it needs the shard's mutex.
func (h *Holds) remove(s *shard, p *Hold) {
	l := p.list
	l.remove(p)
	if l.count == 0 {
		delete(s.lists, l.key)
	}
	s.deadlines.remove(p)
	if p.Owner != nil {
		switch {
		case p.ownerPrev != nil:
			p.ownerPrev.ownerNext = p.ownerNext
			s.owners[p.Owner].owned--
		case p.ownerNext != nil:
			s.owners[p.Owner] = p.ownerNext
			p.ownerNext.owned = p.owned - 1
		default:
			delete(s.owners, p.Owner)
		}
		if p.ownerNext != nil {
			p.ownerNext.ownerPrev = p.ownerPrev
		}
		p.ownerNext, p.ownerPrev = nil, nil
	}
	h.count.Add(-1)
}

// Waiting says whether anyone holds on a queue: the cheap question of a path that
// runs for every append.
func (h *Holds) Waiting(topic string, queue int32) bool {
	if h.count.Load() == 0 {
		return false
	}
	s := h.shard(topic, queue)
	s.mu.Lock()
	_, ok := s.lists[key{topic, queue}]
	s.mu.Unlock()
	return ok
}

// Arrive tells that a queue now ends at maxOffset, the last message having this
// tags code, and wakes whom it concerns. matchAny is for callers that do not know
// the code, or when several messages came at once and the one code speaks for none
// of the others: then every hold that the offset concerns wakes.
func (h *Holds) Arrive(topic string, queue int32, maxOffset, tagsCode int64, matchAny bool) {
	wake(h.Take(topic, queue, maxOffset, tagsCode, matchAny), Arrived)
}

// Take is Arrive for a caller that wakes by itself: it removes the holds that the
// arrival concerns and returns them chained by Next, in order of their coming.
func (h *Holds) Take(topic string, queue int32, maxOffset, tagsCode int64, matchAny bool) (woken *Hold) {
	if h.count.Load() == 0 {
		return nil
	}
	s := h.shard(topic, queue)
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lists[key{topic, queue}]
	if l == nil {
		return nil
	}
	tail := &woken
	for p := l.head; p != nil; {
		next := p.next
		if maxOffset > p.From && (matchAny || p.Match == nil || p.Match(tagsCode)) {
			h.remove(s, p)
			*tail, tail = p, &p.next
		}
		p = next
	}
	return woken
}

// Next is the hold after this one in a chain from Take; the link is cut.
func (p *Hold) Next() *Hold {
	next := p.next
	p.next = nil
	return next
}

func wake(p *Hold, why Reason) {
	for p != nil {
		next := p.Next()
		p.Wake(p, why)
		p = next
	}
}

// Drop forgets, without waking them, the holds of a connection that is gone.
func (h *Holds) Drop(owner any) {
	if h.count.Load() == 0 {
		return
	}
	for i := range h.shards {
		s := &h.shards[i]
		s.mu.Lock()
		for p := s.owners[owner]; p != nil; p = s.owners[owner] {
			h.remove(s, p)
		}
		s.mu.Unlock()
	}
}

// Run keeps time-outs and the re-check until ctx ends, then wakes everyone with
// Stopped.
func (h *Holds) Run(ctx context.Context) {
	timer := h.opt.Clock.NewTimer(time.Hour)
	defer timer.Stop()
	recheck := h.opt.Clock.NewTicker(time.Duration(h.opt.RecheckMs) * time.Millisecond)
	defer recheck.Stop()
	for {
		// Published before the heaps are read: an Add that does not see it yet is
		// seen by earliest, one that does and is sooner sends the signal.
		h.nextMs.Store(never)
		next := h.earliest()
		h.nextMs.Store(next)
		timer.Reset(time.Duration(min(next-h.opt.Clock.MonoMs(), 3_600_000)) * time.Millisecond)
		select {
		case <-ctx.Done():
			h.Stop()
			return
		case <-h.sooner:
		case <-timer.C():
			h.expire()
		case <-recheck.C():
			h.recheck()
		}
	}
}

func (h *Holds) earliest() int64 {
	next := never
	for i := range h.shards {
		s := &h.shards[i]
		s.mu.Lock()
		if len(s.deadlines) > 0 {
			next = min(next, s.deadlines[0].Deadline)
		}
		s.mu.Unlock()
	}
	return next
}

// expire wakes every hold whose deadline has come.
func (h *Holds) expire() {
	now := h.opt.Clock.MonoMs()
	for i := range h.shards {
		s := &h.shards[i]
		var woken *Hold
		tail := &woken
		s.mu.Lock()
		for len(s.deadlines) > 0 && s.deadlines[0].Deadline <= now {
			p := s.deadlines[0]
			h.remove(s, p)
			*tail, tail = p, &p.next
		}
		s.mu.Unlock()
		wake(woken, TimedOut)
	}
}

// recheck compares every queue that is waited for with its present maximum.
func (h *Holds) recheck() {
	if h.opt.MaxOffset == nil || h.count.Load() == 0 {
		return
	}
	var keys []key
	for i := range h.shards {
		s := &h.shards[i]
		s.mu.Lock()
		for k := range s.lists {
			keys = append(keys, k)
		}
		s.mu.Unlock()
	}
	for _, k := range keys {
		h.Arrive(k.topic, k.queue, h.opt.MaxOffset(k.topic, k.queue), 0, true)
	}
}

// Stop wakes everyone with Stopped; nobody is held any more from here on.
func (h *Holds) Stop() {
	h.stopped.Store(true)
	for i := range h.shards {
		s := &h.shards[i]
		var woken *Hold
		s.mu.Lock()
		for len(s.deadlines) > 0 {
			p := s.deadlines[0]
			h.remove(s, p)
			p.next, woken = woken, p
		}
		s.mu.Unlock()
		wake(woken, Stopped)
	}
}
