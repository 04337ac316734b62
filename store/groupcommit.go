package store

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/skylarkmq/skylark/internal/clock"
)

// commit is SYNC_FLUSH. Appends leave here what they put into the log; one
// goroutine takes all of it, flushes once, and only then gives it to queues and
// index, lets readers see it, tells the arrivals, and answers whoever waits.
// What is appended meanwhile goes with the next round. It never waits to gather.
//
// A lone sender's round may be run by the one who appended for it, see Commit.
type commit struct {
	kick chan struct{}

	round   sync.Mutex // one at a time; under it:
	ready   []waiter
	touched []Arrival
	broken  bool // see roundBroke

	took atomic.Int64 // how long flushes take, ns, the newest ones above all

	// Under the append lock.
	items, spareItems   []item
	hashes, spareHashes []int32

	done atomic.Int64 // everything before is on the disk and visible

	mu      sync.Mutex
	waiting []waiter
	failed  bool // no more flushes: nobody waits any more
	timer   clock.Timer
	rings   int64 // when the timer does, MonoMs: not later than the first deadline; 0: it does not
}

type waiter struct {
	end      int64
	deadline int64 // MonoMs
	tell     func(PutStatus)
}

func (c *commit) wake() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// add takes over items of a batch; their keys move to another slice.
func (c *commit) add(items []item, hashes []int32) {
	from := len(c.items)
	c.items = append(c.items, items...)
	for i := from; i < len(c.items); i++ {
		it := &c.items[i]
		n := int32(len(c.hashes))
		c.hashes = append(c.hashes, hashes[it.keys[0]:it.keys[1]]...)
		it.keys = [2]int32{n, int32(len(c.hashes))}
	}
}

// take hands everything over and keeps the slices of the round before for later.
func (c *commit) take() ([]item, []int32) {
	items, hashes := c.items, c.hashes
	c.items, c.hashes = c.spareItems[:0], c.spareHashes[:0]
	c.spareItems, c.spareHashes = nil, nil
	return items, hashes
}

// NeedsFlush says whether sends are answered only after AwaitFlush (SYNC_FLUSH).
func (s *Store) NeedsFlush() bool { return s.syncFlush }

// Flushed says whether nothing before end waits for the disk: always, without SYNC_FLUSH.
func (s *Store) Flushed(end int64) bool { return !s.syncFlush || end <= s.commit.done.Load() }

// AwaitFlush calls tell once, when everything before end is on the disk (PutOK),
// after syncFlushTimeout (FlushDiskTimeout; the message stays), or when a flush
// failed (ServiceNotAvailable: the disk may have lost it). tell must not block.
// Without SYNC_FLUSH, or when it is done already, tell is called before
// AwaitFlush returns; else from the group commit or from a timer.
func (s *Store) AwaitFlush(end int64, tell func(PutStatus)) {
	c := &s.commit
	if s.Flushed(end) {
		tell(PutOK)
		return
	}
	limit := int64(s.cfg.Get().SyncFlushTimeout)
	c.mu.Lock()
	switch {
	case end <= c.done.Load():
		c.mu.Unlock()
		tell(PutOK)
	case c.failed:
		c.mu.Unlock()
		tell(ServiceNotAvailable)
	default:
		w := waiter{end, s.clk.MonoMs() + limit, tell}
		if c.waiting = append(c.waiting, w); c.rings == 0 || w.deadline < c.rings {
			s.armTimeout(w.deadline)
		}
		c.mu.Unlock()
	}
}

// WaitFlush is AwaitFlush for who may wait.
func (s *Store) WaitFlush(end int64) PutStatus {
	if s.Flushed(end) {
		return PutOK
	}
	flushed := make(chan PutStatus, 1)
	s.AwaitFlush(end, func(st PutStatus) { flushed <- st })
	return <-flushed
}

// armTimeout has expireWaiters called; c.mu is held. The timer goes on when all have been
// told: to set it for each sender again costs more than to be woken now and then.
func (s *Store) armTimeout(deadline int64) {
	c := &s.commit
	c.rings = deadline
	after := time.Duration(deadline-s.clk.MonoMs()) * time.Millisecond
	if c.timer == nil {
		c.timer = s.clk.AfterFunc(after, s.expireWaiters)
	} else {
		c.timer.Reset(after)
	}
}

func (s *Store) expireWaiters() {
	c, now := &s.commit, s.clk.MonoMs()
	var late []waiter
	c.mu.Lock()
	c.rings = 0
	kept, first := c.waiting[:0], int64(0)
	for _, w := range c.waiting {
		if w.deadline <= now {
			late = append(late, w)
			continue
		}
		if kept = append(kept, w); first == 0 || w.deadline < first {
			first = w.deadline
		}
	}
	clear(c.waiting[len(kept):])
	if c.waiting = kept; first != 0 {
		s.armTimeout(first)
	}
	c.mu.Unlock()
	for _, w := range late {
		w.tell(FlushDiskTimeout)
	}
}

// groupCommit is the goroutine of SYNC_FLUSH.
func (s *Store) groupCommit(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.commit.kick:
			s.commit.round.Lock()
			s.commitRound()
			s.commit.round.Unlock()
		}
	}
}

// quickFlush is up to when a flush takes no longer than waking who does it, and whom it answers.
const quickFlush = 500 * time.Microsecond

// FlushesQuickly says whether it may be worth to call Commit.
func (s *Store) FlushesQuickly() bool {
	took := s.commit.took.Load()
	return s.syncFlush && took > 0 && took <= int64(s.quickFlush)
}

// Commit does for a batch with CommitHere what else the group commit is woken for,
// and waits for the disk. When that is at work already, it goes on with this batch.
func (s *Store) Commit() {
	c := &s.commit
	if !c.round.TryLock() {
		c.wake()
		return
	}
	whole := false
	defer func() {
		if !whole {
			s.roundBroke()
		}
		c.round.Unlock()
	}()
	s.commitRound()
	whole = true
}

// roundBroke: a fault of ours ended a round, and whoever called goes on. What it had taken is in the log, but nobody gets it before a start
// has read that again: no round after it makes anything visible, and the stop is not clean. Under round.
func (s *Store) roundBroke() {
	s.commit.broken = true
	s.flags.set(flagNotWriteable, "a fault of the broker ended a flush; restart it")
	c := &s.commit
	c.mu.Lock()
	c.failed = true
	waiting := c.waiting
	c.waiting = nil
	c.mu.Unlock()
	for _, w := range waiting {
		w.tell(ServiceNotAvailable)
	}
}

// lastRound is that of Close.
func (s *Store) lastRound() error {
	s.commit.round.Lock()
	defer s.commit.round.Unlock()
	s.commitRound()
	if s.commit.broken {
		// The next start reads what the broken round took; after a clean stop it would not.
		return errors.New("store: a fault of the broker ended a flush: " + s.flags.reason(flagNotWriteable))
	}
	return nil
}

// flushTook notes how long a flush took, for an eighth.
func (c *commit) flushTook(d time.Duration) {
	before := c.took.Load()
	if before == 0 {
		before = int64(d)
	}
	c.took.Store(before + (int64(d)-before)/8)
}

// commitRound makes durable and visible what was appended before it began, under round.
func (s *Store) commitRound() {
	c := &s.commit
	ready, touched := c.ready[:0], c.touched[:0]
	s.mu.Lock()
	items, hashes := c.take()
	end := s.commitLog.Position()
	s.mu.Unlock()
	status := PutOK
	began := time.Now() //nolint:forbidigo // not the store's clock: what it is about is the disk
	if err := s.flushLog(); err != nil || c.broken {
		status = ServiceNotAvailable
	} else {
		if len(items) > 0 {
			c.flushTook(time.Since(began))
		}
		s.commitLog.Publish(end)
		if len(items) > 0 {
			touched = s.dispatch(items, hashes, touched)
			s.tellArrivals(touched)
		}
	}
	s.mu.Lock()
	clear(items)
	c.spareItems, c.spareHashes = items, hashes
	s.mu.Unlock()

	c.mu.Lock()
	if status == PutOK {
		c.done.Store(end)
	} else {
		c.failed = true
	}
	kept := c.waiting[:0]
	for _, w := range c.waiting {
		if w.end <= end || status != PutOK {
			ready = append(ready, w)
		} else {
			kept = append(kept, w)
		}
	}
	clear(c.waiting[len(kept):])
	c.waiting = kept
	c.mu.Unlock()
	for i := range ready {
		ready[i].tell(status)
	}
	clear(ready)
	clear(touched)
	c.ready, c.touched = ready, touched
}
