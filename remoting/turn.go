package remoting

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/skylarkmq/skylark/remoting/protocol"
)

const (
	keepFields = 64       // a request with more ext fields does not stay in the reused list
	keepPart   = 16 << 10 // reply buffers of all but the first connection of a turn that are kept are not larger
	keepHeader = 16 << 10 // nor one with a longer header: its fields may hold a copy of it
)

// Turn is what one read of one connection brought, or, where a loop puts short reads off (round.go), one read of each of several:
// its requests are handled in order, the answers to a connection collect in one buffer and leave in one write. A loop has one Turn for
// all its connections, a TLS connection one of its own.
type Turn struct {
	// Local is the handlers' own: what a batch handler wants to use again in the next turn of this loop.
	Local any

	d        *dispatcher
	loop     *loop // whose turn it is, if it can be lent
	decoder  *protocol.Decoder
	standsIn bool
	conn     *Conn // whose frames are being decoded
	now      int64
	parts    []part
	// lost ends a connection that is not the last of its turn.
	lost func(*Conn, error)

	// reqs[:n] are decoded, reqs[next:end] are being handled, and handling is set while something may be handled or answered twice.
	reqs     []*Request
	n        int
	next     int
	end      int
	handling bool
	onFrame  func([]byte) error // t.frame, bound once: a method value made for each call is an allocation
}

// part is what one connection has in a turn: the requests from a place on, up to the next part's.
type part struct {
	conn *Conn
	from int
	out  []byte
	mark int // where the answers of the requests being handled begin in out
}

func (t *Turn) init(d *dispatcher, lost func(*Conn, error)) {
	t.d, t.lost = d, lost
	t.onFrame = t.frame
}

// StandsIn says that the turn is that of a stand-in (relief.go), which must not wait for the disk: nobody stands in for it.
func (t *Turn) StandsIn() bool { return t.standsIn }

// OnLoop says whether what takes its time in the turn keeps other connections waiting; a TLS connection has its own.
func (t *Turn) OnLoop() bool { return t.loop != nil }

// flush writes what has been answered so far. Pointers from Request.Out stay valid, what they pointed to is gone.
func (t *Turn) flush(p *part) {
	if len(p.out) > 0 {
		p.conn.t.writeNow(p.conn, p.out)
	}
	if cap(p.out) > flushAt+keepBuffer {
		p.out = nil
	}
	p.out, p.mark = p.out[:0], 0
}

// receive handles what has arrived on a connection. An error says that the stream cannot be followed any further; everything
// before the fault has been answered.
func (t *Turn) receive(c *Conn, data []byte) error {
	return t.finish(t.collect(c, data))
}

// collect decodes what has arrived on a connection; finish handles it. data stays as it is until then.
func (t *Turn) collect(c *Conn, data []byte) error {
	t.begin(c)
	c.lastActive.Store(t.now)
	return c.cutter.Feed(data, t.onFrame)
}

// begin opens the part of a connection.
func (t *Turn) begin(c *Conn) {
	t.conn, t.now = c, t.d.clock.MonoMs()
	if len(t.parts) < cap(t.parts) {
		t.parts = t.parts[:len(t.parts)+1] // with the buffer of a turn before
	} else {
		t.parts = append(t.parts, part{})
	}
	p := &t.parts[len(t.parts)-1]
	p.conn, p.from, p.mark = c, t.n, 0
}

// finish ends a turn: the rest is handled, answered and booked. err is about the last connection, and so is what it returns.
func (t *Turn) finish(err error) error {
	t.run()
	t.handling = true
	last := len(t.parts) - 1
	for i := range t.parts {
		p := &t.parts[i]
		e := t.finishPart(p)
		switch {
		case e == nil:
		case i < last:
			t.lost(p.conn, e)
		case err == nil:
			err = e
		}
		p.conn = nil
	}
	t.parts, t.conn, t.handling = t.parts[:0], nil, false
	return err
}

// finishPart sends a connection its answers, gives back what its last read held, and books what is left of it.
func (t *Turn) finishPart(p *part) error {
	c := p.conn
	c.putOff = false
	t.flush(p)
	if cap(p.out) > keepBuffer || cap(p.out) > keepPart && p != &t.parts[0] {
		p.out = nil
	}
	c.cutter.Release()
	begun := c.cutter.Begun() && len(c.backlog) == 0
	if held := c.cutter.Pending() + len(c.backlog); (held > 0 && begun || int64(held) != c.partial.Load()) && !c.gone() { // who has gone is out of the books already, or will be with what they say
		return c.holdPartial(held, begun)
	}
	return nil
}

// abandon drops a turn that panicked: its last connection, which is being decoded, or all when they are being handled.
func (t *Turn) abandon(c *Conn, p any) {
	t.d.stats.panics.Add(1)
	t.d.log.Error().Str("panic", fmt.Sprint(p)).Stringer("remote", c.RemoteAddr()).Bytes("stack", debug.Stack()).Msg("connection's turn panicked")
	keep := max(0, len(t.parts)-1)
	if t.handling {
		keep = 0
	}
	parts := t.parts
	for i := keep; i < len(parts); i++ {
		t.n = min(t.n, parts[i].from)
		parts[i].out = parts[i].out[:0]
	}
	t.parts = parts[:keep]
	t.next, t.end, t.conn, t.handling = 0, 0, nil, false
	for i := keep; i < len(parts); i++ {
		if lost := parts[i].conn; lost != nil {
			if lost.putOff = false; lost != c {
				t.lost(lost, errTurnPanicked)
			}
		}
		parts[i].conn = nil
	}
}

// guarded runs something of a connection's turn, and drops that when it panics.
func (t *Turn) guarded(c *Conn, handle func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			t.abandon(c, p)
			err = errTurnPanicked
		}
	}()
	return handle()
}

var errTurnPanicked = errors.New("a turn it was in panicked")

// frame decodes one frame; full batches are handled at once, so that a read full of tiny frames needs no endless list.
func (t *Turn) frame(frame []byte) error {
	if t.n == maxBatch {
		t.run()
		t.handling = false
	}
	if t.n == len(t.reqs) {
		t.reqs = append(t.reqs, &Request{turn: t})
	}
	r := t.reqs[t.n]
	if err := t.decoder.Decode(frame, &r.Command); err != nil {
		return err
	}
	if r.IsResponse() {
		t.conn.complete(&r.Command)
		return nil
	}
	if t.conn.paused {
		return t.conn.stash(frame)
	}
	r.Conn, r.Arrived, r.frame, r.part = t.conn, t.now, frame, len(t.parts)-1
	r.answered, r.counted = false, false
	if r.row = t.d.table.find(r.Code); r.row == nil && r.Serialize == protocol.RocketMQ {
		r.widen(&t.d.table)
	}
	t.conn.seen(&r.Command)
	t.n++
	return nil
}

// run handles everything decoded so far.
func (t *Turn) run() {
	if t.n == 0 {
		return
	}
	t.handling = true
	t.d.stats.requests.Add(int64(t.n))
	for t.next < t.n {
		t.runUntilPanic()
	}
	for i, r := range t.reqs[:t.n] {
		if r.Fields.Len() > keepFields || headerLength(r.frame) > keepHeader {
			t.reqs[i] = &Request{turn: t}
		}
	}
	t.n, t.next, t.end = 0, 0, 0
	for i := range t.parts {
		t.parts[i].from = 0
	}
}

// runUntilPanic handles requests in order. The deferred call is paid once a turn, not once a request: run comes back for the rest.
func (t *Turn) runUntilPanic() {
	defer t.rescue()
	for t.next < t.n {
		r := t.reqs[t.next]
		p := &t.parts[r.part]
		if !p.conn.served() {
			t.putAside(r.part)
			continue
		}
		t.end, p.mark = t.next+1, len(p.out)
		if refused := t.d.refusal(r); refused != nil {
			r.AppendReply(refused)
		} else if r.row.batch != nil {
			t.gather(r)
			r.row.batch.call(t, t.reqs[t.next:t.end:t.end])
		} else if r.row.lane != Inline {
			t.d.toLane(r, r.row.lane, r.row.handle, nil)
		} else {
			t.settle(r)
		}
		if t.next = t.end; len(p.out) > flushAt {
			t.flush(p)
		}
	}
}

// gather takes the requests that follow the one at next and have the same handler, of whichever connection.
func (t *Turn) gather(first *Request) {
	for at := first.part; t.end < t.n; t.end++ {
		r := t.reqs[t.end]
		if r.row == nil || r.row.batch != first.row.batch {
			return
		}
		if r.part != at {
			p := &t.parts[r.part]
			if !p.conn.served() || t.d.sendsAway(r) || t.d.crowded(r.Conn) {
				return
			}
			at, p.mark = r.part, len(p.out)
		}
	}
}

// served says whether requests of the connection are handled: it is there, and takes its answers.
func (c *Conn) served() bool { return !c.gone() && !c.mustPause() }

// putAside passes the rest of a part, whose connection has gone or must wait.
func (t *Turn) putAside(i int) {
	end := t.n
	if i+1 < len(t.parts) {
		end = t.parts[i+1].from
	}
	if c := t.parts[i].conn; !c.gone() {
		c.pause(t.reqs[t.next:end])
	}
	t.next = end
}

// settle runs one inline handler.
func (t *Turn) settle(r *Request) {
	cmd, err := r.row.handle(r)
	if err != nil {
		cmd = t.d.failed(r, err)
	}
	if cmd != nil && !r.answered {
		r.AppendReply(cmd)
	}
}

// rescue answers the requests of the call that panicked: a batch may have answered some of them already.
func (t *Turn) rescue() {
	p := recover()
	if p == nil {
		return
	}
	cmd := t.d.panicked(t.reqs[t.next], p)
	last := -1
	for _, r := range t.reqs[t.next:t.end] {
		if at := &t.parts[r.part]; r.part != last {
			at.out, last = at.out[:wholeFrames(at.out, at.mark)], r.part
		}
		if !r.answered {
			r.AppendReply(cmd)
		}
	}
	t.next = t.end
}

// wholeFrames is the end of the last whole frame in out[from:]: a handler that panicked may have left half of one.
func wholeFrames(out []byte, from int) int {
	for len(out)-from >= 4 {
		n := 4 + int(binary.BigEndian.Uint32(out[from:]))
		if n > len(out)-from {
			break
		}
		from += n
	}
	return from
}

// headerLength reads the 24 bits after the type byte; DecodeFrame has checked them.
func headerLength(frame []byte) int {
	return int(binary.BigEndian.Uint32(frame) & 0xffffff)
}
