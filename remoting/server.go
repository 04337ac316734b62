package remoting

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/panjf2000/gnet/v2"
	"github.com/rs/zerolog"
)

// Server answers requests on any number of listeners with one table of routes.
type Server struct {
	dispatcher

	tls     *tls.Config
	engine  *gnet.Client
	loops   []*loop
	nextID  atomic.Uint64
	onOpen  []func(*Conn)
	onClose []func(*Conn)
	onDrain []func()

	mu        sync.Mutex
	listeners []net.Listener
	conns     map[*Conn]struct{}
	leaving   int64 // bytes of unfinished frames of those that closeStale has closed, and that are still here
	running   bool
	stopped   bool
	count     atomic.Int64

	pausedConns atomic.Int64
	pauses      chan struct{} // to the resumer: a connection has been paused
	owing       chan struct{} // to the resumer: all together owe too much

	watching atomic.Bool   // the watcher looks at every tick
	lent     chan struct{} // to the watcher: a loop lends
	relieved atomic.Int64  // loops that have a stand-in

	enrolling sync.WaitGroup // connections on their way to a loop
	entrance  entrance
	streams   sync.WaitGroup // goroutines of TLS connections
}

// NewServer prepares a server; Mount its routes, Listen, then Run.
func NewServer(cfg Config, log zerolog.Logger) *Server {
	s := &Server{conns: make(map[*Conn]struct{}), pauses: make(chan struct{}, 1), owing: make(chan struct{}, 1), lent: make(chan struct{}, 1)}
	s.entrance.init()
	s.dispatcher.init(cfg, log)
	s.total = s
	return s
}

// OnOpen is called on the connection's loop before its first request. Register before Run.
func (s *Server) OnOpen(f func(*Conn)) { s.onOpen = append(s.onOpen, f) }

// OnClose is called once when a connection has ended, on its loop (TLS: its goroutine): keep it short. Register before Run.
func (s *Server) OnClose(f func(*Conn)) { s.onClose = append(s.onClose, f) }

// OnDrain is called when the server begins to stop, before it waits for requests in flight: the moment to answer held ones.
func (s *Server) OnDrain(f func()) { s.onDrain = append(s.onDrain, f) }

// Stats is a snapshot.
func (s *Server) Stats() Stats {
	st := s.snapshot()
	st.Connections = s.count.Load()
	return st
}

// SetLaneMaxAge changes how long requests may wait on a lane, at any time.
func (s *Server) SetLaneMaxAge(l Lane, age time.Duration) {
	if lane := s.lanes.all[l]; lane != nil {
		lane.maxAge.Store(age.Milliseconds())
	}
}

// Conns calls f for every open connection until f returns false.
func (s *Server) Conns(f func(*Conn) bool) {
	s.mu.Lock()
	all := make([]*Conn, 0, len(s.conns))
	for c := range s.conns {
		all = append(all, c)
	}
	s.mu.Unlock()
	for _, c := range all {
		if !f(c) {
			return
		}
	}
}

// Listen opens one more address; clients are served once Run runs. May be called several times, also while running is not.
func (s *Server) Listen(addr string) (net.Addr, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running || s.stopped {
		return nil, errors.New("remoting: Listen after Run")
	}
	ln, err := listen(addr)
	if err != nil {
		return nil, fmt.Errorf("remoting: listen on %s: %w", addr, err)
	}
	s.listeners = append(s.listeners, ln)
	return ln.Addr(), nil
}

// Close releases the listeners of a server that was never run.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	for _, ln := range s.listeners {
		_ = ln.Close() // nobody listens any more either way
	}
}

// Run serves until ctx ends, then drains: no new connections, answers in flight leave within bounded time, all goroutines end.
func (s *Server) Run(ctx context.Context) error {
	if err := s.start(); err != nil {
		return err
	}
	var accepting sync.WaitGroup
	acceptCtx, stopAccept := context.WithCancel(ctx)
	defer stopAccept()
	for _, ln := range s.listeners {
		accepting.Go(func() { s.accept(acceptCtx, ln) })
	}
	tickCtx, stopTick := context.WithCancel(context.Background())
	defer stopTick()
	var ticking sync.WaitGroup
	ticking.Go(func() { s.tick(tickCtx) })
	ticking.Go(func() { s.resumer(tickCtx) })
	ticking.Go(func() { s.watcher(tickCtx) })

	<-ctx.Done()

	for _, ln := range s.listeners {
		_ = ln.Close() // ends accept; there is nothing to do about an error
	}
	accepting.Wait()
	s.enrolling.Wait() // gnet waits for ever for a connection enrolled after its loops have gone
	s.drain()
	stopTick()
	ticking.Wait()
	err := s.engine.Stop()
	s.Conns(func(c *Conn) bool { c.Close(); return true }) // what gnet did not own
	s.streams.Wait()
	s.lanes.stop()
	if err != nil {
		return fmt.Errorf("remoting: event loops: %w", err)
	}
	return nil
}

func (s *Server) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running || s.stopped {
		return ErrStopped
	}
	var err error
	if s.tls, err = serverTLS(&s.cfg, s.log); err != nil {
		return err
	}
	n := s.cfg.EventLoops
	if n <= 0 {
		n = max(1, runtime.NumCPU()-1)
	}
	s.engine, err = gnet.NewClient(&callbacks{s: s}, gnet.WithOptions(gnet.Options{
		NumEventLoop:     n,
		ReadBufferCap:    readBufferSize,
		SocketRecvBuffer: s.cfg.ServerSocketRcvBufSize,
		SocketSendBuffer: s.cfg.ServerSocketSndBufSize,
		TCPNoDelay:       gnet.TCPDelay, // the runtime has set TCP_NODELAY at accept; once is enough
		Logger:           gnetLog{s.log},
	}))
	if err != nil {
		return fmt.Errorf("remoting: event loops: %w", err)
	}
	if err := s.engine.Start(); err != nil {
		return fmt.Errorf("remoting: start event loops: %w", err)
	}
	s.lanes.start()
	s.running = true
	return nil
}

// drain lets what is in flight leave.
func (s *Server) drain() {
	limit := drainTime
	if s.cfg.EnableShutdownGracefully {
		s.goAway.Store(true)
		limit = time.Duration(s.cfg.ShutdownWaitTimeSeconds) * time.Second
	}
	for _, f := range s.onDrain {
		f()
	}
	deadline := time.NewTimer(limit) // the machine's time: a stop must be bounded under a fake clock, too
	defer deadline.Stop()
	poll := time.NewTicker(2 * time.Millisecond)
	defer poll.Stop()
	for {
		if !s.busy() {
			return
		}
		select {
		case <-deadline.C:
			return
		case <-poll.C:
		}
	}
}

// busy reports whether a stop would lose an answer. A graceful one also waits until clients that know GO_AWAY have left.
func (s *Server) busy() bool {
	busy := false
	s.Conns(func(c *Conn) bool {
		c.mu.Lock()
		busy = c.inFlight.Load() > 0 || len(c.pending) > 0 || c.owed.Load() > 0 ||
			s.cfg.EnableShutdownGracefully && c.Version() > goAwayAbove
		c.mu.Unlock()
		return !busy
	})
	if busy {
		for _, l := range s.allLoops() {
			l.refreshSoon()
		}
	}
	return busy
}

// book takes a connection into the books.
func (s *Server) book(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[c] = struct{}{}
}

// opened tells of a connection that is in the books.
func (s *Server) opened(c *Conn) {
	for _, f := range s.onOpen {
		s.hook(c, f)
	}
}

// closed takes it out again; called once a connection.
func (s *Server) closed(c *Conn) {
	c.shut()
	s.partial.Add(-c.partial.Swap(0))
	s.mu.Lock()
	delete(s.conns, c)
	s.leaving -= c.leaving
	c.leaving = 0
	s.mu.Unlock()
	s.count.Add(-1)
	for _, f := range s.onClose {
		s.hook(c, f)
	}
}

// hook runs on a loop: a panic there would end the process.
func (s *Server) hook(c *Conn, f func(*Conn)) {
	defer func() {
		if p := recover(); p != nil {
			s.stats.panics.Add(1)
			s.log.Error().Str("panic", fmt.Sprint(p)).Stringer("remote", c.RemoteAddr()).Msg("connection hook panicked")
		}
	}()
	f(c)
}

// tick closes idle connections and keeps the books of slow ones.
func (s *Server) tick(ctx context.Context) {
	ticker := s.clock.NewTicker(idleCheck)
	defer ticker.Stop()
	limit := int64(s.cfg.ServerChannelMaxIdleTimeSeconds) * 1000
	every := max(idleCheck.Milliseconds(), limit/16)
	last := s.clock.MonoMs()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C():
		}
		for _, l := range s.allLoops() {
			l.refreshSoon()
		}
		if now := s.clock.MonoMs(); limit > 0 && now-last >= every {
			last = now
			s.closeIdle(now - limit)
		}
	}
}

// closeIdle closes what has neither read nor written since a moment.
func (s *Server) closeIdle(since int64) {
	var idle []*Conn
	s.mu.Lock()
	for c := range s.conns {
		if c.lastActive.Load() <= since {
			idle = append(idle, c)
		}
	}
	s.mu.Unlock()
	for _, c := range idle {
		s.stats.idleClosed.Add(1)
		s.log.Debug().Stringer("remote", c.RemoteAddr()).Msg("idle connection closed")
		c.Close()
	}
}
