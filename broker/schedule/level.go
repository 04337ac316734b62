package schedule

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/skylarkmq/skylark/message"
)

const (
	// A delivery takes so many messages at once, and stops reading at so many bytes.
	batchMessages = 256
	batchBytes    = 1 << 20
	// keepBytes is what a level that waits keeps of its buffer.
	keepBytes = 64 << 10

	// again is when a level tries again what the store refused.
	again = 100 * time.Millisecond
	// longest is how long a level with waiting messages sleeps at most: the machine's
	// clock may be set while it does.
	longest = time.Second
	// idly is the wait of a level without messages: until one comes.
	idly = time.Duration(-1)
)

// level is one delay level; all but idle and wake belongs to its goroutine.
type level struct {
	s     *Schedule
	n     int32
	delay int64 // ms

	idle atomic.Bool   // nothing waits: Arrived sends to wake
	wake chan struct{} // one place

	units  []Unit
	buf    []byte
	list   []message.Message
	offset []int64 // of list
	trouble
	refusals
}

func newLevel(s *Schedule, n int32, delay int64) *level {
	return &level{s: s, n: n, delay: delay, wake: make(chan struct{}, 1)}
}

func (l *level) queue() int32 { return l.n - 1 }

func (l *level) run(ctx context.Context) {
	timer := l.s.opt.Clock.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C():
		case <-l.wake:
		}
		if wait := l.work(ctx); wait != idly {
			timer.Reset(min(wait, longest))
		} else {
			timer.Stop()
		}
	}
}

// work delivers what is due and says when to look again.
func (l *level) work(ctx context.Context) time.Duration {
	for ctx.Err() == nil {
		wait, done := l.step()
		if !done {
			continue
		}
		if cap(l.buf) > keepBytes {
			l.buf = nil
		}
		if wait != idly {
			return wait
		}
		// A message may have come since the queue was looked at, unseen by Arrived.
		l.idle.Store(true)
		_, _, high, err := l.s.opt.Store.Units(l.queue(), 0, 0, nil)
		if err == nil && high <= l.s.offset(l.n) || !l.idle.CompareAndSwap(true, false) {
			return idly
		}
	}
	return idly
}

// step delivers one batch; done says that nothing more is due before wait is over.
func (l *level) step() (wait time.Duration, done bool) {
	var low, high int64
	at := l.s.offset(l.n)
	var err error
	if l.units, low, high, err = l.s.opt.Store.Units(l.queue(), at, batchMessages, l.units[:0]); err != nil {
		l.queueUnreadable(at, err)
		return longest, true
	}
	if corrected := min(max(at, low), high); corrected != at {
		l.s.opt.Log.Error().Int32("level", l.n).Int64("offset", at).Int64("min", low).Int64("max", high).
			Msg("schedule: the queue of the level does not have the next offset; going on where it does")
		l.s.advance(l.n, corrected, 1)
		return 0, false
	}
	switch {
	case at == high:
		return idly, true
	case len(l.units) == 0: // a file of the queue cannot be read
		l.queueUnreadable(at, nil)
		return longest, true
	}
	now := l.s.opt.Clock.NowMs()
	due := 0
	for due < len(l.units) && l.left(&l.units[due], now) <= 0 {
		due++
	}
	if due == 0 {
		l.s.advance(l.n, at, 1) // Java's file names a level once it has seen a message in it
		return time.Duration(l.left(&l.units[0], now)) * time.Millisecond, true
	}
	return l.deliver(at, l.units[:due])
}

// left is how many ms are left of a message's delay. A time further away than the
// level waits comes from a clock that was ahead: such a message is due.
func (l *level) left(u *Unit, now int64) int64 {
	if u.Due < 0 {
		l.restore(u)
	}
	if left := u.Due - now; left <= l.delay {
		return left
	}
	return 0
}

// restore finds the time of delivery in the record.
func (l *level) restore(u *Unit) {
	u.Due = 0
	rec, err := l.s.opt.Store.Record(u.Phy, u.Size, nil)
	var v message.View
	if err == nil && message.Decode(rec, &v) == nil {
		u.Due = v.StoreTimestamp + l.delay
	}
}

// deliver reads and stores what is due, the first of it at offset at.
func (l *level) deliver(at int64, units []Unit) (wait time.Duration, done bool) {
	l.buf, l.list, l.offset = l.buf[:0], l.list[:0], l.offset[:0]
	next := at // behind all that were read or given up
	for i := range units {
		if len(l.buf) >= batchBytes {
			break
		}
		if err := l.read(&units[i], next); err != nil {
			if !l.givenUp(next, &units[i], err) {
				wait, done = l.patience(), true
				break
			}
		}
		next++
		if len(l.list) == 0 {
			l.s.advance(l.n, next, 1)
		}
	}
	if len(l.list) == 0 {
		return wait, done
	}
	stored, refused := l.s.opt.Store.Deliver(l.list)
	if stored < len(l.list) {
		next = l.offset[stored]
		wait, done = again, true
	}
	switch {
	case errors.Is(refused, ErrIllegal):
		l.s.opt.Log.Error().Err(refused).Int32("level", l.n).Int64("offset", next).Str("topic", l.list[stored].Topic).
			Msg("schedule: a message cannot be delivered; it stays in the level's queue")
		next++
		wait, done = 0, false
	case errors.Is(refused, ErrQueue) && l.postponed(&l.list[stored], refused):
		next++
		wait, done = 0, false
	case refused != nil && l.say(l.s.opt.Clock.MonoMs()):
		l.s.opt.Log.Warn().Err(refused).Int32("level", l.n).Int64("offset", next).Msg("schedule: delivery fails; trying again")
	}
	clear(l.list)
	l.s.advance(l.n, next, int64(stored))
	return wait, done
}

// read adds one message to the list.
func (l *level) read(u *Unit, offset int64) error {
	from := len(l.buf)
	buf, err := l.s.opt.Store.Record(u.Phy, u.Size, l.buf)
	if err != nil {
		return err
	}
	l.over()
	l.buf = buf
	var m message.Message
	if err := due(buf[from:], &m); err != nil {
		return err
	}
	l.list, l.offset = append(l.list, m), append(l.offset, offset)
	return nil
}
