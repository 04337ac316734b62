package remoting

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/internal/clock"
)

// trickle is a connection whose peer takes each write when it is told to.
type trickle struct {
	net.Conn
	deadlines int
	written   chan int
	take      chan error
}

func (k *trickle) SetWriteDeadline(time.Time) error { k.deadlines++; return nil }
func (k *trickle) Close() error                     { return nil }

func (k *trickle) Write(b []byte) (int, error) {
	k.written <- len(b)
	return len(b), <-k.take
}

// What a slow reader has taken of a large write counts: it has new time for the rest, owes less, and is not idle.
func TestStreamWritesInPieces(t *testing.T) {
	t.Parallel()
	d, _, c, _ := bare(t)
	now := clock.NewFake(time.UnixMilli(1_700_000_000_000))
	d.clock = now
	k := &trickle{written: make(chan int), take: make(chan error)}
	s := &stream{raw: k, nc: k}
	c.t = s
	const size = 5*streamPiece + 1
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.writeNow(c, make([]byte, size))
	}()
	for left, pieces := int64(size), 1; left > 0; pieces++ {
		n := <-k.written
		if n > streamPiece || k.deadlines != pieces {
			t.Errorf("piece %d of %d bytes, %d deadlines", pieces, n, k.deadlines)
		}
		if c.owed.Load() != left || d.outbound.Load() != left {
			t.Errorf("piece %d: owes %d, all owe %d, want %d", pieces, c.owed.Load(), d.outbound.Load(), left)
		}
		if at := c.lastActive.Load(); pieces > 1 && at != now.NowMs() {
			t.Errorf("piece %d: active %d ms ago", pieces, now.NowMs()-at)
		}
		now.Advance(time.Second)
		k.take <- nil
		left -= int64(n)
	}
	<-done
	if c.owed.Load() != 0 || d.outbound.Load() != 0 || c.Closed() {
		t.Errorf("owes %d, closed %v", c.owed.Load(), c.Closed())
	}
}

// The books are even when a write ends with the connection, by whomever.
func TestStreamWriteFails(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*Conn, *trickle){
		"closed by another": func(c *Conn, k *trickle) { c.Close(); k.take <- nil },
		"broken":            func(_ *Conn, k *trickle) { k.take <- net.ErrClosed },
	} {
		d, _, c, _ := bare(t)
		k := &trickle{written: make(chan int), take: make(chan error)}
		s := &stream{raw: k, nc: k}
		c.t = s
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.writeNow(c, make([]byte, 2*streamPiece))
		}()
		<-k.written
		end(c, k)
		<-done
		if c.owed.Load() != 0 || d.outbound.Load() != 0 || !c.Closed() {
			t.Errorf("%s: owes %d, all owe %d, closed %v", name, c.owed.Load(), d.outbound.Load(), c.Closed())
		}
	}
}

// A stream is not read while its peer owes too much, so that its requests do not wait on lanes with all they bring.
func TestStreamWaitsForRoom(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*stream, *Conn, *trickle){
		"taken":  func(_ *stream, _ *Conn, k *trickle) { k.take <- nil; <-k.written; k.take <- nil },
		"closed": func(s *stream, c *Conn, k *trickle) { s.close(c); k.take <- net.ErrClosed },
	} {
		d, _, c, _ := bare(t)
		d.cfg.PausePendingBytesPerConnection = streamPiece
		k := &trickle{written: make(chan int), take: make(chan error)}
		var wg sync.WaitGroup
		s := &stream{raw: k, nc: k, wg: &wg, room: make(chan struct{}, 1)}
		c.t = s
		if err := c.queue(nil, make([]byte, streamPiece+1)); err != nil {
			t.Fatal(err)
		}
		<-k.written
		if n := d.outbound.Load(); n != streamPiece+1 {
			t.Errorf("%s: %d bytes in the books", name, n)
		}
		if !c.mustWait() {
			t.Fatalf("%s: need not wait", name)
		}
		waited := make(chan struct{})
		go func() {
			defer close(waited)
			s.awaitRoom(c)
		}()
		select {
		case <-waited:
			t.Errorf("%s: did not wait", name)
		default:
		}
		end(s, c, k)
		<-waited
		wg.Wait()
		if n := d.outbound.Load(); n != 0 {
			t.Errorf("%s: %d bytes left in the books", name, n)
		}
	}
}
