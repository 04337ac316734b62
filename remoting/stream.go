package remoting

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	streamBuffer  = 32 << 10         // two TLS records
	streamTimeout = 30 * time.Second // a piece that does not leave for so long: the peer does not read
	streamPiece   = 128 << 10        // of a write: who reads slowly, but reads, takes one in time, and owes less with each
)

// stream is the transport of a connection with a goroutine of its own: TLS at a server, all at a client. Its reader handles turns and
// writes their answers, which holds back a peer that does not read; queued frames have a second goroutine while there are any.
type stream struct {
	raw  net.Conn        // what close closes: never waits
	nc   net.Conn        // raw, or TLS over it
	wg   *sync.WaitGroup // of the owner; the reader holds it until the connection is shut
	turn Turn

	heard atomic.Int64 // ms of the last read

	writing sync.Mutex // one write at a time: a turn's or the queue's

	room chan struct{} // to the reader: less is owed, or it is over; nil where nobody waits for that (a client's)
}

// read handles what arrives until the connection ends.
func (s *stream) read(c *Conn) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.turn.abandon(c, p)
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	s.turn.init(c.d, nil) // it has one connection
	buf := make([]byte, streamBuffer)
	for {
		s.awaitRoom(c)
		n, err := s.nc.Read(buf)
		if n > 0 {
			s.heard.Store(c.d.clock.MonoMs())
			if e := s.turn.receive(c, buf[:n]); e != nil {
				return e
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// awaitRoom reads nothing more from a peer that does not take the answers of lanes and held requests, for as long as mustWait says so: its
// requests would wait there, with their bodies, and fill what all share. Its own answers hold the reader back by themselves.
func (s *stream) awaitRoom(c *Conn) {
	for s.room != nil && !c.gone() && c.mustWait() {
		<-s.room
	}
}

// tellRoom has the reader look again.
func (s *stream) tellRoom() {
	select {
	case s.room <- struct{}{}:
	default:
	}
}

func (s *stream) writeNow(c *Conn, b []byte) {
	s.writing.Lock()
	defer s.writing.Unlock()
	if c.gone() {
		return
	}
	defer c.owe(0) // also when it was closed meanwhile, and out of the books before we said again what is left
	for first := true; len(b) > 0 && !c.gone(); first = false {
		if c.owe(int64(len(b))); first {
			c.d.keepTotal()
		}
		piece := b[:min(len(b), streamPiece)]
		// Fails on a closed connection only, as the write then does.
		_ = s.nc.SetWriteDeadline(time.Now().Add(streamTimeout)) //nolint:forbidigo // the runtime's poller knows no other time
		if _, err := s.nc.Write(piece); err != nil {
			s.failed(c, err)
			return
		}
		c.lastActive.Store(c.d.clock.MonoMs())
		b = b[len(piece):]
	}
}

// failed closes a connection that a write did not get through.
func (s *stream) failed(c *Conn, err error) {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		c.slow()
		return
	}
	s.close(c)
}

// wake starts the goroutine that empties the queue. The caller holds Conn.mu and has seen the connection open, so the reader still
// holds the wait group.
func (s *stream) wake(c *Conn) {
	s.wg.Go(func() { s.flush(c) })
}

func (s *stream) flush(c *Conn) {
	var spare []byte
	for {
		c.mu.Lock()
		b := c.pending
		if len(b) == 0 {
			c.dirty = false
			c.mu.Unlock()
			return
		}
		c.pending = spare // dirty stays set: this goroutine comes back to look
		c.bookQueue()
		c.mu.Unlock()
		s.writeNow(c, b)
		s.tellRoom()
		if spare = nil; cap(b) <= keepBuffer {
			spare = b[:0]
		}
	}
}

func (s *stream) look(*Conn) {} // its writes tell by themselves

// close ends the calls at once; the reader notices later and puts the books in order.
func (s *stream) close(c *Conn) {
	_ = s.raw.Close() // a second close is an error that says nothing
	c.shut()
	s.tellRoom()
}

// newStream takes a new connection that no loop can take now, unless one has meanwhile.
func (s *Server) newStream(c *Conn, raw net.Conn) {
	st := &stream{raw: raw, nc: raw, wg: &s.streams, room: make(chan struct{}, 1)}
	if tcp, ok := raw.(*net.TCPConn); ok {
		s.buffers(tcp)
	}
	if !c.bind(st) {
		_ = raw.Close() // our copy only
		return
	}
	s.book(c) // before its goroutine is there: a server that stops closes what is in the books
	s.streams.Go(func() { s.serveNew(c, st) })
}

// serveNew makes it a stream once its first bytes have told what it is.
func (s *Server) serveNew(c *Conn, st *stream) {
	raw := st.raw
	first, isTLS, err := s.firstBytes(c, raw)
	if err == nil && isTLS {
		conn := s.overTLS(raw, first)
		st.nc = conn
		s.opened(c)
		s.serveTLS(c, st, conn)
		return
	}
	defer s.closed(c)
	defer raw.Close() //nolint:errcheck // it ends either way
	if err != nil {
		s.log.Debug().Err(err).Stringer("remote", c.remote).Msg("connection refused")
		return
	}
	st.nc = &prefixed{Conn: raw, first: first}
	s.opened(c)
	if err := st.read(c); err != nil {
		s.badFrame(c, err)
	}
}

// buffers gives a socket what gnet gives to its own.
func (s *Server) buffers(c *net.TCPConn) {
	if n := s.cfg.ServerSocketRcvBufSize; n > 0 {
		_ = c.SetReadBuffer(n) // the system's is there without it
	}
	if n := s.cfg.ServerSocketSndBufSize; n > 0 {
		_ = c.SetWriteBuffer(n)
	}
}

// firstBytes reads until it is known what a connection is; first are the bytes that belong to that. The check of idle connections
// ends it where nothing comes.
func (s *Server) firstBytes(c *Conn, raw net.Conn) (first []byte, isTLS bool, err error) {
	buf := make([]byte, streamBuffer)
	for {
		n, err := raw.Read(buf)
		if err != nil {
			return nil, false, err
		}
		rest, verdict, err := s.sniff(c, buf[:n])
		if err != nil {
			return nil, false, err
		}
		if verdict != needMore {
			return append([]byte(nil), rest...), verdict == startsTLS, nil
		}
	}
}
