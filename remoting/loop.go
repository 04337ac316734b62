package remoting

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/panjf2000/gnet/v2"

	"github.com/skylarkmq/skylark/remoting/protocol"
)

// loop is what belongs to one event loop. Its goroutine reads and writes all its connections; others only leave notes in dirty.
type loop struct {
	s    *Server
	el   gnet.EventLoop
	turn Turn

	round   round
	reading *Conn // whose bytes are in gnet's buffer, and may not be in the turn yet

	inTurn atomic.Bool // the end of the turn looks at dirty by itself, nobody needs to wake the loop

	lending lending
	lent    chan struct{} // the stand-in has ended

	mu        sync.Mutex
	dirty     []*Conn   // have frames queued
	awake     bool      // a wake-up is on its way
	relief    *relief   // stands in for the loop's goroutine
	closing   []*Conn   // it is to close
	comesBack bool      // that goroutine wants its loop back
	back      sync.Cond // comesBack has been set

	// The loop's own.
	done   []*Conn            // the list that was dirty before, for the next swap
	spare  []byte             // memory for the next queue that is emptied
	slow   map[*Conn]struct{} // owe bytes; gnet does not tell when the socket takes them, so they are looked at again
	paused map[*Conn]struct{} // their requests wait until they owe less
	ended  []*Conn            // closed within a turn: hooks wait for its end, as a handler may hold a lock that they take
	owing  atomic.Int64       // len(slow), for others

	refreshing atomic.Bool // a refresher is on its way: one is enough, however long the loop hangs
}

// plain is the transport of a connection on an event loop.
type plain struct {
	l  *loop
	gc gnet.Conn
}

// callbacks are gnet's.
type callbacks struct {
	gnet.BuiltinEventEngine
	s *Server
}

// OnOpen binds a connection to its loop.
func (e *callbacks) OnOpen(gc gnet.Conn) ([]byte, gnet.Action) {
	c := gc.Context().(*Conn)
	if !c.bind(&plain{l: e.s.loopOf(gc.EventLoop()), gc: gc}) {
		return nil, gnet.Close // gnet's descriptor only: it has become a stream
	}
	e.s.book(c)
	e.s.opened(c)
	return nil, gnet.None
}

// OnClose runs on the loop, whoever closed. gnet may have been called from our own write.
func (e *callbacks) OnClose(gc gnet.Conn, _ error) gnet.Action {
	c := gc.Context().(*Conn)
	p, ok := c.t.(*plain)
	if !ok {
		return gnet.None // moved to a stream, which lives on
	}
	if c.putOff {
		p.l.endRound() // what somebody sent who left at once; gnet still has the descriptor, and sends what we write now
	}
	if _, isSlow := p.l.slow[c]; isSlow { // after its last answers were booked
		delete(p.l.slow, c)
		p.l.owing.Add(-1)
	}
	p.l.leavePaused(c)
	c.backlog = nil
	if p.l.inTurn.Load() {
		c.shut()
		p.l.ended = append(p.l.ended, c)
		return gnet.None
	}
	e.s.closed(c)
	return gnet.None
}

// OnTraffic handles all that one read brought. Nothing is left in gnet's buffers, where it would be copied with every look.
func (e *callbacks) OnTraffic(gc gnet.Conn) gnet.Action {
	data, err := gc.Next(-1)
	if err != nil || len(data) == 0 {
		return gnet.None
	}
	c := gc.Context().(*Conn)
	p, ok := c.t.(*plain)
	if !ok || c.gone() {
		return gnet.Close
	}
	l := p.l
	l.inTurn.Store(true)
	l.reading = c
	action := l.guarded(c, data)
	l.reading = nil
	l.endTurn()
	return action // also when it was closed on the way: gnet ignores whom it has let go, and has not yet let go who became a stream
}

// guarded keeps a fault of our own, below the handlers, from ending the process: gnet recovers nothing.
func (l *loop) guarded(c *Conn, data []byte) (action gnet.Action) {
	defer func() {
		if p := recover(); p != nil {
			l.turn.abandon(c, p)
			l.round.reset(len(l.turn.parts))
			action = gnet.Close
		}
	}()
	return l.receive(c, data)
}

// greet takes the first bytes of a connection, until they have told what it is. Without any left there is nothing to
// handle, or its end.
func (l *loop) greet(c *Conn, data []byte) (rest []byte, action gnet.Action) {
	rest, verdict, err := l.s.sniff(c, data)
	switch {
	case err != nil:
		l.s.log.Debug().Err(err).Stringer("remote", c.remote).Msg("connection refused")
		return nil, gnet.Close
	case verdict == needMore:
		return nil, gnet.None
	case verdict == startsTLS:
		l.s.toStream(c, rest)
		return nil, gnet.Close // gnet's descriptor only: the stream has its own
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dirty { // what was queued before the first byte
		c.t.wake(c)
	}
	return rest, gnet.None
}

// receive passes the bytes on once the first of them have told what the connection is.
func (l *loop) receive(c *Conn, data []byte) gnet.Action {
	if !c.sniffed {
		var action gnet.Action
		if data, action = l.greet(c, data); len(data) == 0 {
			return action
		}
	}
	var err error
	if l.putsOff(c, data) {
		err = l.putOff(c, data)
	} else {
		l.handleRound()
		err = l.turn.receive(c, data)
	}
	if err != nil {
		l.lost(c, err)
		return gnet.Close
	}
	return gnet.None
}

func (s *Server) badFrame(c *Conn, err error) {
	s.stats.badFrames.Add(1)
	s.log.Debug().Err(err).Stringer("remote", c.RemoteAddr()).Msg("connection closed: stream cannot be followed")
}

// loopOf finds our half of a gnet loop, or makes it.
func (s *Server) loopOf(el gnet.EventLoop) *loop {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.loops {
		if l.el == el {
			return l
		}
	}
	l := &loop{s: s, el: el, slow: make(map[*Conn]struct{}), paused: make(map[*Conn]struct{}), lent: make(chan struct{})}
	l.back.L = &l.mu
	l.turn.init(&s.dispatcher, l.drop)
	l.turn.loop, l.turn.decoder = l, new(protocol.Decoder)
	l.round.l = l
	l.round.post = func() bool { return el.Execute(context.Background(), &l.round) == nil }
	s.loops = append(s.loops, l)
	return l
}

func (s *Server) allLoops() []*loop {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.loops[:len(s.loops):len(s.loops)]
}

// writeNow writes on the loop. gnet keeps what the socket does not take, and closes the connection when it is broken.
func (p *plain) writeNow(c *Conn, b []byte) {
	// After its close gnet would write to a descriptor that may belong to somebody else by now.
	if c.gone() {
		return
	}
	if _, err := p.gc.Write(b); err != nil || c.gone() {
		return // closed by gnet, OnClose has run
	}
	if owed := int64(p.gc.OutboundBuffered()); owed != 0 || c.owed.Load() != 0 {
		p.l.account(c, owed)
	}
}

// wake makes the loop look at the connection's queue. It holds Conn.mu, and so cannot come after shut: a wake-up that
// outlived its loop would write to an event descriptor that is closed.
func (p *plain) wake(c *Conn) {
	l := p.l
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dirty = append(l.dirty, c)
	if l.relief != nil {
		l.relief.poke()
		return
	}
	if l.awake || l.inTurn.Load() {
		return
	}
	l.awake = l.el.Execute(context.Background(), l) == nil
}

// look holds Conn.mu for the same reason as wake.
func (p *plain) look(c *Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.isClosed.Load() {
		p.l.refreshSoon()
	}
}

func (p *plain) close(c *Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.isClosed.Load() && !p.l.closeByStandIn(c) {
		_ = p.gc.Close() // queues a task; fails only when the loop has ended, and closed everything
	}
}

// Run flushes the queues of dirty connections: gnet calls it on the loop.
func (l *loop) Run(context.Context) error {
	l.mu.Lock()
	l.awake = false
	list := l.takeDirty()
	l.mu.Unlock()
	l.flush(list)
	return nil
}

// endTurn flushes what was queued while the turn ran, often by its own handlers: no wake-up was needed for that.
func (l *loop) endTurn() {
	l.mu.Lock()
	l.inTurn.Store(false)
	list := l.takeDirty()
	l.mu.Unlock()
	l.flush(list)
	l.tellEnded()
}

// tellEnded runs the hooks of connections that ended within a turn.
func (l *loop) tellEnded() {
	for _, c := range l.ended {
		l.s.closed(c)
	}
	l.ended = nil
}

// takeDirty swaps the lists, if there is anything in it. Caller holds mu.
func (l *loop) takeDirty() []*Conn {
	if len(l.dirty) == 0 {
		return nil
	}
	list := l.dirty
	l.dirty, l.done = l.done[:0], nil
	return list
}

func (l *loop) flush(list []*Conn) {
	if len(list) == 0 {
		return
	}
	now := l.s.clock.MonoMs()
	for i, c := range list {
		list[i] = nil
		if _, ok := c.t.(*plain); !ok {
			continue // moved to a stream meanwhile, which has taken the queue over and may wait in a write
		}
		if !c.sniffed {
			continue // may turn out to speak TLS: nothing must leave in the clear before its first byte
		}
		b := c.takePending(l.spare[:0])
		l.spare = nil
		if len(b) > 0 {
			c.lastActive.Store(now)
			c.t.writeNow(c, b)
		}
		if cap(b) <= keepBuffer {
			l.spare = b
		}
	}
	if cap(list) <= 4096 {
		l.done = list[:0]
	}
}

// account notes what gnet holds for a connection, and closes who owes too much: itself, or the largest when it is too much in all.
func (l *loop) account(c *Conn, owed int64) {
	before := c.owed.Load()
	c.owe(owed)
	switch {
	case before == 0 && owed > 0:
		l.slow[c] = struct{}{}
		l.owing.Add(1)
	case before > 0 && owed == 0:
		delete(l.slow, c)
		l.owing.Add(-1)
	}
	if owed > l.s.cfg.MaxPendingBytesPerConnection {
		l.closeSlow(c)
		return
	}
	if owed > before && l.s.outbound.Load() > l.s.cfg.MaxPendingBytes {
		l.refresh()
		l.s.relieve(l)
	}
}

// refresh looks again at what gnet holds: sockets take bytes without telling us.
func (l *loop) refresh() {
	for c := range l.slow {
		owed := int64(c.t.(*plain).gc.OutboundBuffered())
		if c.owed.Load() > owed {
			c.progress = l.s.clock.MonoMs()
			c.lastActive.Store(c.progress)
		}
		c.owe(owed)
		if owed == 0 {
			delete(l.slow, c)
			l.owing.Add(-1)
		}
	}
}

// slowest is who owes most on this loop.
func (l *loop) slowest() (worst *Conn) {
	for c := range l.slow {
		if !c.Closed() && (worst == nil || c.owed.Load() > worst.owed.Load()) {
			worst = c
		}
	}
	return worst
}

// closeSlow closes at once, on the loop: the task that Conn.Close queues would let a turn go on answering.
func (l *loop) closeSlow(c *Conn) {
	c.tellSlow()
	_ = l.el.Close(c.t.(*plain).gc) // OnClose has run when it returns; its error is about the descriptor
}

// refreshSoon is refresh from another goroutine. Only while the server runs.
func (l *loop) refreshSoon() {
	// Who has paused may owe nothing any more: the answers of others tell of it first, and resume nobody.
	if l.owing.Load() == 0 && l.s.pausedConns.Load() == 0 || l.refreshing.Swap(true) {
		return
	}
	if l.el.Execute(context.Background(), refresher{l}) != nil {
		l.refreshing.Store(false) // a loop that has ended has closed its connections
	}
}

type refresher struct{ l *loop }

func (r refresher) Run(context.Context) error {
	r.l.refreshing.Store(false)
	r.l.refresh()
	r.l.s.relieve(r.l)
	r.l.resumePaused()
	return nil
}

var _ gnet.EventHandler = (*callbacks)(nil)
