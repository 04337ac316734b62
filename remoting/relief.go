package remoting

import (
	"context"
	"encoding/binary"
	"sync/atomic"
	"time"

	"github.com/panjf2000/gnet/v2"
	"golang.org/x/sys/unix"
)

// A handler on a loop may be caught by the disk: a write to the log that mostly costs a microsecond waits for the journal of the file
// system, or for the end of a snapshot, and with it wait all whom the loop serves. Such a handler lends the loop before it goes there
// (Turn.Lend). When it is not back in time, a stand-in takes the loop over: as long as its own goroutine is inside of that call nobody
// else touches gnet's or our side of it, so the stand-in may do all that the loop may, but wait for events, for which it has an epoll
// instance of its own. It serves the connections that are not part of the turn that hangs. The handler that comes back finds the loop
// lent, tells the stand-in, and waits the moment until that has ended.

const (
	reliefTick  = 15 * time.Millisecond // a turn that has hung from one tick to the next is relieved
	reliefRest  = 64                    // ticks without a turn that lends, and nobody looks any more
	reliefRead  = 64 << 10
	reliefTold  = time.Second // shorter ones are only counted
	reliefFirst = 64          // events that one wait brings
)

// lending says whether a loop may be taken over: by compare-and-swap, so that exactly one of the handler and the watch has it.
//
//	n, even  not lent; n grows by 2 with each time
//	n, odd   lent, and its handler has not come back
//	takenOver
type lending struct {
	state atomic.Int64
	n     int64 // the loop's own: the state when not lent
}

const takenOver = -1

// Lend tells that the handler is about to do something that may wait for the disk. Until TakeBack it must not touch its requests'
// connections nor the turn, and any lock it takes it must have released again by then; nor may it hold one that an inline handler or
// a hook waits for.
func (t *Turn) Lend() {
	if l := t.loop; l != nil {
		l.lending.state.Store(l.lending.n | 1)
		if !l.s.watching.Load() {
			l.s.watch()
		}
	}
}

// TakeBack ends what Lend began.
func (t *Turn) TakeBack() {
	l := t.loop
	if l == nil {
		return
	}
	n := l.lending.n
	l.lending.n = n + 2
	if !l.lending.state.CompareAndSwap(n|1, n+2) {
		l.endRelief()
	}
}

// watch wakes the watcher.
func (s *Server) watch() {
	select {
	case s.lent <- struct{}{}:
	default:
	}
}

// watcher looks for loops whose turn hangs, while any of them lends.
func (s *Server) watcher(ctx context.Context) {
	ticker := time.NewTicker(time.Hour)
	defer ticker.Stop()
	last := make(map[*loop]int64)
	for quiet := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-s.lent:
			s.watching.Store(true)
			ticker.Reset(reliefTick)
			quiet = 0
		case <-ticker.C:
			if quiet++; s.relieveHanging(last) {
				quiet = 0
			}
			if quiet < reliefRest {
				continue
			}
			ticker.Reset(time.Hour)
			// A loop that lends from here on calls again; one that has meanwhile is seen here.
			if s.watching.Store(false); s.relieveHanging(last) {
				s.watch()
			}
		}
	}
}

// relieveHanging takes over the loops that were lent already when it looked last, and says whether any has lent since then.
func (s *Server) relieveHanging(last map[*loop]int64) (moved bool) {
	for _, l := range s.allLoops() {
		now := l.lending.state.Load()
		was, seen := last[l]
		last[l] = now
		moved = moved || !seen || now != was || now == takenOver || now&1 == 1
		if seen && now == was && now != takenOver && now&1 == 1 && l.lending.state.CompareAndSwap(now, takenOver) {
			s.stats.reliefs.Add(1)
			go l.relieve()
		}
	}
	return moved
}

// relief is a stand-in.
type relief struct {
	l     *loop
	turn  Turn
	ep    int
	event int // wakes it
	byFd  map[int32]*Conn
	hung  map[*Conn]bool // are in the turn that hangs: nothing of theirs is read
	buf   []byte

	poked atomic.Bool // event has been written
	stop  atomic.Bool
}

// relieve serves the loop until its handler is back.
func (l *loop) relieve() {
	began := time.Now() //nolint:forbidigo // not the server's clock: what it is about is the disk
	l.s.relieved.Add(1)
	stranded := time.AfterFunc(strandedAfter, l.s.entrance.strand)
	r := &relief{l: l, ep: -1, event: -1, byFd: make(map[int32]*Conn)}
	r.turn.init(&l.s.dispatcher, l.drop)
	r.turn.standsIn = true
	if err := r.open(); err != nil {
		l.s.log.Warn().Err(err).Msg("an event loop waits for the disk, and nobody can stand in for it: its connections wait as well")
	}
	l.mu.Lock()
	l.relief = r
	stop := l.comesBack
	l.mu.Unlock()
	if !stop && r.ep >= 0 {
		r.run()
	}
	l.mu.Lock()
	for !l.comesBack {
		l.back.Wait()
	}
	l.relief, l.comesBack = nil, false
	left := l.closing
	l.closing = nil
	l.mu.Unlock()
	r.closeAll(left)
	l.tellEnded()
	r.close()
	if !stranded.Stop() {
		l.s.entrance.freed()
	}
	l.s.relieved.Add(-1)
	if took := time.Since(began); took >= reliefTold {
		l.s.log.Warn().Dur("waited", took).Int("connections", len(r.byFd)).
			Msg("an event loop waited for the disk; a stand-in served its other connections: see whether the disk, a snapshot or a full journal stalls")
	}
	l.lent <- struct{}{}
}

// endRelief gets the loop back from a stand-in.
func (l *loop) endRelief() {
	l.mu.Lock()
	l.comesBack = true
	if l.relief != nil {
		l.relief.stop.Store(true)
		l.relief.poke()
	}
	l.back.Signal()
	l.mu.Unlock()
	<-l.lent
	l.lending.state.Store(l.lending.n)
}

// open prepares the wait for events of the connections that are not in the turn that hangs.
func (r *relief) open() (err error) {
	if r.event, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		return err
	}
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	if err := add(ep, r.event); err != nil {
		_ = unix.Close(ep)
		return err
	}
	r.ep = ep
	r.hung = map[*Conn]bool{r.l.reading: true}
	for i := range r.l.turn.parts {
		r.hung[r.l.turn.parts[i].conn] = true
	}
	r.l.s.Conns(func(c *Conn) bool {
		if p, ok := c.transport().(*plain); ok && p.l == r.l {
			r.listen(c)
		}
		return true
	})
	r.buf = make([]byte, reliefRead)
	return nil
}

// listen waits for what a connection sends, unless it has to wait itself.
func (r *relief) listen(c *Conn) {
	if c.gone() || c.paused || r.hung[c] {
		return
	}
	if fd := c.t.(*plain).gc.Fd(); add(r.ep, fd) == nil {
		r.byFd[int32(fd)] = c
	}
}

func add(ep, fd int) error {
	return unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP, Fd: int32(fd)})
}

func (r *relief) close() {
	for _, fd := range []int{r.ep, r.event} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
}

// poke makes the stand-in look at the queues of its connections. The caller holds loop.mu, or the stand-in has not ended.
func (r *relief) poke() {
	if r.event >= 0 && !r.poked.Swap(true) {
		_, _ = unix.Write(r.event, binary.NativeEndian.AppendUint64(nil, 1)) // cannot be full: one write a read
	}
}

// run is the stand-in's loop.
func (r *relief) run() {
	r.flush() // what was queued before it came
	r.settle()
	var events [reliefFirst]unix.EpollEvent
	for !r.stop.Load() {
		n, err := unix.EpollWait(r.ep, events[:], r.patience())
		if err != nil && err != unix.EINTR {
			r.l.s.log.Error().Err(err).Msg("the stand-in of an event loop cannot wait for events: its connections wait for the disk")
			return
		}
		for i := range max(n, 0) {
			if r.stop.Load() {
				return
			}
			if fd := events[i].Fd; fd != int32(r.event) {
				r.read(fd)
			} else {
				var b [8]byte
				_, _ = unix.Read(r.event, b[:])
				r.poked.Store(false)
			}
			r.flush()
		}
		r.settle()
	}
}

// settle does what does not wait for an event, before one is waited for.
func (r *relief) settle() {
	r.push()
	r.l.mu.Lock()
	list := r.l.closing
	r.l.closing = nil
	r.l.mu.Unlock()
	r.closeAll(list)
	r.l.tellEnded()
}

// closeByStandIn gives a connection to the stand-in to close; false: there is none. gnet's own way is a task, which a loop that
// hangs does not come to.
func (l *loop) closeByStandIn(c *Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.relief == nil {
		return false
	}
	l.closing = append(l.closing, c)
	l.relief.poke()
	return true
}

func (r *relief) closeAll(list []*Conn) {
	for _, c := range list {
		if p, ok := c.t.(*plain); ok && !c.gone() {
			_ = r.l.el.Close(p.gc) // OnClose has run when it returns
		}
	}
}

// waits says that somebody owes something, or has to be gone on with: gnet's own epoll instance is told when a socket
// takes bytes again, and this one is not.
func (r *relief) waits() bool { return len(r.l.slow)+len(r.l.paused) > 0 }

// patience is in ms, for ever where nobody waits.
func (r *relief) patience() int {
	if !r.waits() {
		return -1
	}
	return int(resumeEvery / time.Millisecond)
}

// push gives sockets what waits for them, and goes on with connections that have room again.
func (r *relief) push() {
	if !r.waits() {
		return
	}
	for c := range r.l.slow {
		_ = c.t.(*plain).gc.Flush() // closed by gnet when it is broken
	}
	r.l.refresh()
	r.l.s.relieve(r.l)
	for c := range r.l.paused {
		if r.stop.Load() {
			return
		}
		if !r.hung[c] && c.owed.Load() <= r.l.s.cfg.PausePendingBytesPerConnection/2 {
			r.l.leavePaused(c)
			r.guarded(c, func() error { return r.turn.resume(c) })
			r.listen(c)
		}
	}
}

// read handles what a connection has sent.
func (r *relief) read(fd int32) {
	c := r.byFd[fd]
	if c == nil || c.gone() || c.paused {
		r.leave(fd)
		return
	}
	n, err := unix.Read(int(fd), r.buf)
	switch {
	case n > 0:
		r.receive(c, fd, r.buf[:n])
	case err == unix.EAGAIN || err == unix.EINTR:
	default:
		r.leave(fd)
		_ = r.l.el.Close(c.t.(*plain).gc) // as gnet would; OnClose has run when it returns
	}
}

// receive is loop.receive for the stand-in.
func (r *relief) receive(c *Conn, fd int32, data []byte) {
	if !c.sniffed {
		gc := c.t.(*plain).gc
		var action gnet.Action
		if data, action = r.l.greet(c, data); action == gnet.Close {
			r.leave(fd) // before: a stream has the same socket under another descriptor, and would go on to be reported
			_ = r.l.el.Close(gc)
		}
	}
	if len(data) > 0 {
		r.guarded(c, func() error { return r.turn.receive(c, data) })
	}
}

func (r *relief) leave(fd int32) {
	delete(r.byFd, fd)
	_ = unix.EpollCtl(r.ep, unix.EPOLL_CTL_DEL, int(fd), nil) // closed descriptors have left by themselves
}

// guarded ends a connection that cannot go on.
func (r *relief) guarded(c *Conn, handle func() error) {
	if err := r.turn.guarded(c, handle); err != nil {
		r.l.drop(c, err)
	}
}

// flush writes what others have queued.
func (r *relief) flush() {
	r.l.mu.Lock()
	list := r.l.takeDirty()
	r.l.mu.Unlock()
	r.l.flush(list)
}
