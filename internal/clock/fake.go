package clock

import (
	"slices"
	"sync"
	"time"
)

// A Fake stands still until Advance or Set moves it. Timers fire in the order of their times, those of one instant in the order
// of their creation, each seeing Now() as its own due time: a test with a Fake does the same thing on every run.
type Fake struct {
	mu      sync.Mutex
	changed sync.Cond // waiters came or went
	now     time.Time
	set     time.Duration // by which Step and a Set back moved it: time that did not pass
	seq     uint64
	waiters []*fakeTimer // armed ones, unordered: tests have few
}

// NewFake returns a clock that shows t.
func NewFake(t time.Time) *Fake {
	f := &Fake{now: t}
	f.changed.L = &f.mu
	return f
}

// fakeTimer serves as Timer and, with a period, as Ticker.
type fakeTimer struct {
	clock  *Fake
	due    time.Time
	seq    uint64
	period time.Duration
	ch     chan time.Time
	fn     func()
	armed  bool
}

func (f *Fake) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

func (f *Fake) NowMs() int64 { return f.Now().UnixMilli() }

// MonoMs goes on with Advance and a Set forward; Step and a Set back leave it where it is.
func (f *Fake) MonoMs() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now.Add(-f.set).UnixMilli()
}

// Step sets the clock, as an operator or a time server does to a machine: no time passes, nothing fires, and what is armed stays as
// far away as it was.
func (f *Fake) Step(by time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now, f.set = f.now.Add(by), f.set+by
	for _, t := range f.waiters {
		t.due = t.due.Add(by)
	}
}

func (f *Fake) After(d time.Duration) <-chan time.Time { return f.NewTimer(d).C() }

func (f *Fake) NewTimer(d time.Duration) Timer {
	t := &fakeTimer{clock: f, ch: make(chan time.Time, 1)}
	t.Reset(d)
	return t
}

func (f *Fake) AfterFunc(d time.Duration, fn func()) Timer {
	t := &fakeTimer{clock: f, fn: fn}
	t.Reset(d)
	return t
}

func (f *Fake) NewTicker(d time.Duration) Ticker {
	t := &fakeTimer{clock: f, ch: make(chan time.Time, 1)}
	fakeTicker{t}.Reset(d)
	return fakeTicker{t}
}

// Advance moves the clock by d and fires everything due on the way before it returns.
func (f *Fake) Advance(d time.Duration) { f.Set(f.Now().Add(d)) }

// Set moves the clock to t. Backwards, as an operator may do to a machine: nothing fires, and timers stay due at their old times.
func (f *Fake) Set(t time.Time) {
	for {
		f.mu.Lock()
		next := f.nextDue(t)
		if next == nil {
			if t.Before(f.now) {
				f.set += t.Sub(f.now)
			}
			f.now = t
			f.mu.Unlock()
			return
		}
		if next.due.After(f.now) {
			f.now = next.due
		}
		at, fn := f.now, next.fn
		if next.period > 0 {
			next.due = next.due.Add(next.period)
		} else {
			f.disarm(next)
		}
		if fn == nil {
			select {
			case next.ch <- at:
			default: // a tick nobody took: dropped, as time.Ticker does
			}
		}
		f.mu.Unlock()
		if fn != nil {
			fn() // without the lock: it may arm new timers, which fire in this same call when due
		}
	}
}

// AwaitTimers blocks until at least n timers are armed: the code under test has come to its wait.
func (f *Fake) AwaitTimers(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.waiters) < n {
		f.changed.Wait()
	}
}

func (f *Fake) nextDue(limit time.Time) *fakeTimer {
	var first *fakeTimer
	for _, t := range f.waiters {
		if t.due.After(limit) {
			continue
		}
		if first == nil || t.due.Before(first.due) || t.due.Equal(first.due) && t.seq < first.seq {
			first = t
		}
	}
	return first
}

func (f *Fake) disarm(t *fakeTimer) bool {
	was := t.armed
	if was {
		t.armed = false
		f.waiters = slices.DeleteFunc(f.waiters, func(w *fakeTimer) bool { return w == t })
		f.changed.Broadcast()
	}
	return was
}

func (t *fakeTimer) C() <-chan time.Time { return t.ch }

func (t *fakeTimer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	t.drain()
	return t.clock.disarm(t)
}

func (t *fakeTimer) Reset(d time.Duration) bool { return t.arm(d, 0) }

func (t *fakeTimer) arm(d, period time.Duration) bool {
	f := t.clock
	f.mu.Lock()
	t.drain()
	was := f.disarm(t)
	t.period = period
	if d <= 0 && t.fn == nil {
		t.ch <- f.now // due at once, like time.NewTimer(0)
		f.mu.Unlock()
		return was
	}
	t.due, t.seq, t.armed = f.now.Add(max(d, 0)), f.seq, true
	f.seq++
	f.waiters = append(f.waiters, t)
	f.changed.Broadcast()
	f.mu.Unlock()
	return was
}

// drain forgets a value that fired and was not taken: time.Timer promises no stale value after Stop and Reset.
func (t *fakeTimer) drain() {
	select {
	case <-t.ch:
	default:
	}
}

type fakeTicker struct{ t *fakeTimer }

func (t fakeTicker) C() <-chan time.Time { return t.t.ch }
func (t fakeTicker) Stop()               { t.t.Stop() }
func (t fakeTicker) Reset(d time.Duration) {
	if d <= 0 {
		panic("clock: non-positive interval for a ticker")
	}
	t.t.arm(d, d)
}
