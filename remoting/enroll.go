package remoting

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// A new connection is taken in by its loop, behind whatever that is doing. gnet chooses the loop with the fewest connections, and counts those
// that have arrived there, so newcomers go one at a time as long as that is quick. A busy loop takes in once a round: one at a time, the last
// of hundreds that connect while the first send at full speed waited most of a second. Those go there many at once.
//
// A loop that waits for the disk takes nobody in. Who meets one becomes a stream, which has a goroutine, and so needs no loop. But it pays
// for that with each request as long as it lives, has no part in rounds, and its sends meet those of others at the append lock. So it is for
// those only that would otherwise wait for long: not behind a loop that is busy, nor with a stand-in of a few milliseconds.

const (
	newcomers     = 32                     // on their way to loops at once: by no more than that one can be ahead of another
	aloneFor      = 10 * time.Millisecond  // waiting behind one of them; then several go together
	strandedAfter = 100 * time.Millisecond // a loop that has had its stand-in for so long is not waited for
)

// entrance is where new connections wait for a loop to take them in.
type entrance struct {
	places chan struct{} // one for each that is on its way
	first  chan struct{} // for the one that others wait for

	mu    sync.Mutex
	stuck int             // loops that are not waited for
	open  context.Context // ends when one gets stuck
	shut  context.CancelFunc
}

func (e *entrance) init() {
	e.places, e.first = make(chan struct{}, newcomers), make(chan struct{}, 1)
	e.open, e.shut = context.WithCancel(context.Background())
}

// state ends when newcomers shall not wait for a loop any longer.
func (e *entrance) state() context.Context {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.open
}

// strand tells that a loop is stuck; freed must follow, and may come first.
func (e *entrance) strand() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stuck++; e.stuck == 1 {
		e.shut()
	}
}

// freed takes strand back.
func (e *entrance) freed() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stuck--; e.stuck == 0 {
		e.open, e.shut = context.WithCancel(context.Background())
	}
}

// enroll gives a connection to a loop, or makes it a stream.
func (s *Server) enroll(c *Conn, nc net.Conn) {
	open := s.entrance.state()
	leave := s.entrance.enter(open)
	if leave == nil {
		s.newStream(c, nc)
		return
	}
	rescued := make(chan struct{})
	stay := context.AfterFunc(open, func() {
		defer close(rescued)
		s.rescue(c, nc)
	})
	_, err := s.engine.EnrollContext(nc, c) // closes nc
	leave()
	if !stay() {
		<-rescued // within enrolling: a server that stops has to know of the stream
	}
	if c.opened() {
		return
	}
	if err == nil {
		err = errors.New("epoll refused the descriptor") // gnet closes it and says nothing
	}
	s.count.Add(-1)
	s.stats.acceptErrors.Add(1)
	s.log.Warn().Err(err).Stringer("remote", c.remote).Msg("no event loop takes the connection")
}

// enter waits for a place among those who are on their way, and returns what gives it back; nil: a loop is stuck.
func (e *entrance) enter(open context.Context) (leave func()) {
	if open.Err() != nil {
		return nil // also when there is a place
	}
	select {
	case e.places <- struct{}{}:
	case <-open.Done():
		return nil
	}
	timer := time.NewTimer(aloneFor)
	defer timer.Stop()
	select {
	case e.first <- struct{}{}:
		return func() { <-e.first; <-e.places }
	case <-timer.C:
		return func() { <-e.places }
	case <-open.Done():
		<-e.places
		return nil
	}
}

// rescue makes a stream of a connection that its loop does not come to take in. The loop finds that later, and leaves it alone.
func (s *Server) rescue(c *Conn, nc net.Conn) {
	tcp, ok := nc.(*net.TCPConn)
	if !ok {
		return
	}
	f, err := tcp.File()
	if err != nil {
		return // closed: the loop has come; or no descriptor is left, and it has to wait
	}
	defer f.Close() //nolint:errcheck // FileConn has made a copy
	raw, err := net.FileConn(f)
	if err != nil {
		return
	}
	if tcp, ok := raw.(*net.TCPConn); ok {
		_ = tcp.SetKeepAlive(false) // FileConn turns it on; see listen
	}
	s.newStream(c, raw)
}

// bind says what serves a new connection; false when it is served already.
func (c *Conn) bind(t transport) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.t != nil {
		return false
	}
	c.t = t
	return true
}

// opened: something serves it.
func (c *Conn) opened() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t != nil
}
