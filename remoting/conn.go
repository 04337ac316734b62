package remoting

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/remoting/protocol"
)

// transport is the way bytes leave: a loop's plain connection, or a stream with a goroutine (TLS, clients).
type transport interface {
	writeNow(c *Conn, p []byte) // by the reading side only: a turn's answers
	wake(c *Conn)               // Conn.pending became non-empty; called with Conn.mu held, must not block
	look(c *Conn)               // from anywhere: find out soon what the peer has taken meanwhile
	close(c *Conn)              // from anywhere; ends in Conn.shut
}

// Conn is one connection. Its methods may be called from anywhere.
type Conn struct {
	ID uint64

	d      *dispatcher
	t      transport
	remote netip.AddrPort
	local  netip.AddrPort
	proxy  atomic.Pointer[ProxyHeader]

	// The reading side's own.
	cutter  protocol.Cutter
	early   []byte // first bytes that do not say yet what the connection is
	sniffed bool
	peerWas int64
	putOff  bool // has requests in its loop's round

	paused   bool
	backlog  []byte // whole frames that wait while paused
	progress int64  // ms when a paused peer last took something

	lastActive atomic.Int64 // MonoMs of the last read or write
	inFlight   atomic.Int64 // requests on a lane or held
	owed       atomic.Int64 // bytes given to the transport that the peer has not taken
	queued     atomic.Int64 // bytes of pending, see bookQueue
	partial    atomic.Int64 // what of Server's budget the cutter, backlog and early hold
	// partialSince is when the unfinished frame began, ms of MonoMs.
	partialSince atomic.Int64
	leaving      int64        // see closeStale; Server.mu
	peer         atomic.Int64 // version and language of the last request
	opaque       atomic.Int32 // of our own requests
	value        atomic.Pointer[any]
	isClosed     atomic.Bool
	told         atomic.Bool // see tellSlow

	mu      sync.Mutex
	pending []byte // whole frames queued off the reading side
	dirty   bool   // the transport knows about pending
	calls   map[int32]*call
}

// call is a request of ours that waits for the peer's answer.
type call struct {
	done  func(*protocol.Command, error)
	timer clock.Timer // nil: the caller keeps the time
}

// end is called once, by whoever took the call out of the table.
func (w *call) end(reply *protocol.Command, err error) {
	if w.timer != nil {
		w.timer.Stop()
	}
	w.done(reply, err)
}

const (
	maxCalls   = 65_536  // our own requests waiting for the peer's answer
	firstQueue = 4 << 10 // first capacity of pending
)

// RemoteAddr is the peer, or the client that a proxy in between has named.
func (c *Conn) RemoteAddr() netip.AddrPort {
	if p := c.proxy.Load(); p != nil && p.Source.IsValid() {
		return p.Source
	}
	return c.remote
}

// LocalAddr is our side of the connection.
func (c *Conn) LocalAddr() netip.AddrPort { return c.local }

// Proxy is what a proxy in between has told, or nil.
func (c *Conn) Proxy() *ProxyHeader { return c.proxy.Load() }

// Language is that of the last request.
func (c *Conn) Language() protocol.Language { return protocol.Language(c.peer.Load() & 0xff) }

// Version is that of the last request.
func (c *Conn) Version() int32 { return int32(c.peer.Load() >> 8) }

// Value is what SetValue attached: the role's own state for this connection.
func (c *Conn) Value() any {
	if p := c.value.Load(); p != nil {
		return *p
	}
	return nil
}

// SetValue attaches the role's own state.
func (c *Conn) SetValue(v any) { c.value.Store(&v) }

// InFlight counts the requests that are on a lane or held.
func (c *Conn) InFlight() int64 { return c.inFlight.Load() }

// Close ends the connection; answers that the socket does not take at once are lost.
func (c *Conn) Close() {
	c.transport().close(c)
}

// transport is c.t for other goroutines than the reading side's.
func (c *Conn) transport() transport {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

// Closed reports whether the connection has ended.
func (c *Conn) Closed() bool { return c.isClosed.Load() }

// gone is Closed for the reading side.
func (c *Conn) gone() bool { return c.isClosed.Load() }

// Send queues a request that nobody answers. The command is not changed and may be sent to several connections.
func (c *Conn) Send(cmd *protocol.Command) error {
	out := *cmd
	out.Opaque = c.opaque.Add(1)
	out.MarkOneWay()
	return c.queue(&out, nil)
}

// Call sends a request and waits for its answer. The command is not changed.
func (c *Conn) Call(ctx context.Context, cmd *protocol.Command) (*protocol.Command, error) {
	out := *cmd
	out.Opaque = c.opaque.Add(1)
	answer := make(chan answered, 1) // has room for the one
	w := &call{done: func(reply *protocol.Command, err error) { answer <- answered{reply, err} }}
	if err := c.expect(out.Opaque, w); err != nil {
		return nil, notSent(err)
	}
	if err := c.queue(&out, nil); err != nil {
		c.forget(out.Opaque)
		return nil, notSent(err)
	}
	select {
	case a := <-answer:
		return a.reply, a.err
	case <-ctx.Done():
		c.forget(out.Opaque)
		return nil, ctx.Err()
	}
}

type answered struct {
	reply *protocol.Command
	err   error
}

// Ask is Call for those who must not wait: done hears of the answer, of the end of the connection, or after the time that nothing came
// (context.DeadlineExceeded). It is called once, with no lock held, by the peer's reading side, a timer or Ask itself, and must not block.
func (c *Conn) Ask(cmd *protocol.Command, within time.Duration, done func(*protocol.Command, error)) {
	out := *cmd
	out.Opaque = c.opaque.Add(1)
	w := &call{done: func(reply *protocol.Command, err error) {
		defer c.d.survive()
		done(reply, err)
	}}
	w.timer = c.d.clock.AfterFunc(within, func() {
		if c.forget(out.Opaque) {
			w.done(nil, context.DeadlineExceeded)
		}
	})
	if err := c.expect(out.Opaque, w); err != nil {
		w.end(nil, notSent(err))
		return
	}
	if err := c.queue(&out, nil); err != nil && c.forget(out.Opaque) {
		w.end(nil, notSent(err))
	}
}

func (c *Conn) expect(opaque int32, w *call) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isClosed.Load() {
		return ErrClosed
	}
	if len(c.calls) >= maxCalls {
		return ErrTooMany
	}
	if c.calls == nil {
		c.calls = make(map[int32]*call)
	}
	c.calls[opaque] = w
	return nil
}

// forget takes a call out of the table; false says that somebody else has done so and tells its end.
func (c *Conn) forget(opaque int32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, waits := c.calls[opaque]
	delete(c.calls, opaque)
	return waits
}

// complete hands an answer of the peer to its caller. Nobody may wait for it any more, or a stranger may have made it up.
func (c *Conn) complete(cmd *protocol.Command) {
	c.mu.Lock()
	w := c.calls[cmd.Opaque]
	delete(c.calls, cmd.Opaque)
	c.mu.Unlock()
	if w == nil {
		c.d.stats.strayAnswers.Add(1)
		return
	}
	own := new(protocol.Command)
	cmd.CopyTo(own)
	w.end(own, nil)
}

// seen remembers who speaks; the plain copy spares the atomic store while nothing changes.
func (c *Conn) seen(cmd *protocol.Command) {
	if now := int64(cmd.Version)<<8 | int64(cmd.Language); now != c.peerWas {
		c.peerWas = now
		c.peer.Store(now)
	}
}

// queue adds a frame to what leaves with the next write of the connection's owner.
func (c *Conn) queue(cmd *protocol.Command, frame []byte) error {
	over, err := c.append(cmd, frame)
	if over {
		c.slow()
		return ErrSlowPeer
	}
	c.d.keepTotal()
	return err
}

// append unlocks by defer: a header that cannot be encoded panics, and the caller's recover must not leave the lock behind.
func (c *Conn) append(cmd *protocol.Command, frame []byte) (over bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isClosed.Load() {
		return false, ErrClosed
	}
	if c.pending == nil {
		c.pending = make([]byte, 0, max(firstQueue, len(frame)))
	}
	if cmd != nil {
		c.pending = protocol.AppendFrame(c.pending, cmd)
	} else {
		c.pending = append(c.pending, frame...)
	}
	c.bookQueue()
	if !c.dirty {
		c.dirty = true
		c.t.wake(c)
	}
	return int64(len(c.pending))+c.owed.Load() > c.d.cfg.MaxPendingBytesPerConnection, nil
}

// takePending empties the queue; spare becomes its next memory.
func (c *Conn) takePending(spare []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.pending
	c.pending, c.dirty = spare, false
	return p
}

// shut is the end of the connection, called once by its transport.
func (c *Conn) shut() {
	c.mu.Lock()
	if c.isClosed.Swap(true) {
		c.mu.Unlock()
		return
	}
	c.pending = nil
	c.bookQueue()
	calls := c.calls
	c.calls = nil
	c.mu.Unlock()
	for _, w := range calls {
		w.end(nil, ErrClosed)
	}
	c.owe(0)
}
