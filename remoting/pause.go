package remoting

import (
	"context"
	"encoding/binary"
	"errors"
	"time"
)

// A consumer that starts with a backlog asks for a quarter of a MiB on each of its queues at once. Answered at network speed that is
// fine; answered at memory speed it is hundreds of MiB that wait for one socket. So above a mark the requests of a connection wait
// instead of the answers, a few hundred bytes each, until the socket has taken half of them. gnet can neither stop reading nor tell
// when a socket has room, hence the copy and the polling. TLS connections are not read from meanwhile (stream.awaitRoom).

const (
	maxBacklog  = 8 << 20              // requests of one connection that wait so
	resumeEvery = 2 * time.Millisecond // look for room; at half of the mark refilled each time no network is faster
	stuckAfter  = time.Minute          // without a byte taken: nobody reads there any more
)

// mustPause: the peer has not taken enough of its answers to get more. A stream never pauses, as nobody would resume it: what it
// owes is a write that waits.
func (c *Conn) mustPause() bool {
	if c.owed.Load() <= c.d.cfg.PausePendingBytesPerConnection {
		return false
	}
	_, ok := c.t.(*stream)
	return !ok
}

// mustWait is mustPause for a lane's worker. It counts what the owner of the connection has not come to see yet as well: a few workers
// fill it faster than one loop turns.
func (c *Conn) mustWait() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return int64(len(c.pending))+c.owed.Load() > c.d.cfg.PausePendingBytesPerConnection
}

// pause puts requests aside that were decoded already; those that follow go to stash.
func (c *Conn) pause(rest []*Request) {
	if p, ok := c.t.(*plain); ok && !c.paused {
		c.paused = true
		c.progress = c.d.clock.MonoMs()
		p.l.paused[c] = struct{}{}
		p.l.s.pausedOne()
	}
	for _, r := range rest {
		c.keepFrame(r.frame)
	}
}

// stash puts one more frame aside. One frame fits always, whatever its size.
func (c *Conn) stash(frame []byte) error {
	if len(c.backlog) > 0 && len(c.backlog)+len(frame) > maxBacklog {
		return ErrSlowPeer
	}
	c.keepFrame(frame)
	return nil
}

func (c *Conn) keepFrame(frame []byte) {
	c.backlog = binary.BigEndian.AppendUint32(c.backlog, uint32(len(frame)))
	c.backlog = append(c.backlog, frame...)
}

// resume handles what was put aside; it may pause again on the way.
func (t *Turn) resume(c *Conn) error {
	b := c.backlog
	c.backlog, c.paused = nil, false
	t.begin(c)
	var err error
	for len(b) > 0 && err == nil {
		n := 4 + int(binary.BigEndian.Uint32(b))
		err = t.frame(b[4:n:n])
		b = b[n:]
	}
	return t.finish(err)
}

// pausedOne wakes the resumer.
func (s *Server) pausedOne() {
	s.pausedConns.Add(1)
	select {
	case s.pauses <- struct{}{}:
	default:
	}
}

// resumer asks the loops to look for room while any connection is paused, and sleeps otherwise. It closes the slowest for who may hold locks.
func (s *Server) resumer(ctx context.Context) {
	ticker := time.NewTicker(time.Hour)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.pauses:
			ticker.Reset(resumeEvery)
		case <-s.owing:
			s.relieve(nil)
		case <-ticker.C:
			if s.pausedConns.Load() == 0 {
				ticker.Reset(time.Hour)
			}
			for _, l := range s.allLoops() {
				l.refreshSoon()
			}
		}
	}
}

// resumePaused goes on with connections that have room again, and closes those that take nothing. On the loop, outside a turn.
func (l *loop) resumePaused() {
	now := l.s.clock.MonoMs()
	for c := range l.paused {
		owed := c.owed.Load()
		switch {
		case owed <= l.s.cfg.PausePendingBytesPerConnection/2:
			l.leavePaused(c)
			l.proceed(c)
		case now-c.progress > stuckAfter.Milliseconds():
			l.closeSlow(c)
		}
	}
}

func (l *loop) leavePaused(c *Conn) {
	if _, ok := l.paused[c]; ok {
		delete(l.paused, c)
		l.s.pausedConns.Add(-1)
	}
}

// proceed is OnTraffic for requests that were put aside.
func (l *loop) proceed(c *Conn) {
	l.endRound()
	if c.gone() {
		return // closed for what it owed, with the answers of the round
	}
	l.inTurn.Store(true)
	err := l.turn.guarded(c, func() error { return l.turn.resume(c) })
	l.endTurn()
	if err != nil {
		l.drop(c, err)
	}
}

// drop closes a connection that cannot go on.
func (l *loop) drop(c *Conn, err error) {
	if c.gone() {
		return
	}
	l.lost(c, err)
	_ = l.el.Close(c.t.(*plain).gc) // OnClose has run when it returns
}

// lost tells why a connection cannot go on.
func (l *loop) lost(c *Conn, err error) {
	if errors.Is(err, ErrSlowPeer) {
		c.tellSlow()
		return
	}
	l.s.badFrame(c, err)
}
