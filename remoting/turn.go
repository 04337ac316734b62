package remoting

import (
	"encoding/binary"
	"fmt"
	"runtime/debug"

	"github.com/skylarkmq/skylark/remoting/protocol"
)

const (
	keepFields = 64       // a request with more ext fields does not stay in the reused list
	keepHeader = 16 << 10 // nor one with a longer header: its fields may hold a copy of it
)

// Turn is what one read of one connection brought: its requests are handled in order, their answers collect in one buffer and
// leave in one write. A loop has one Turn for all its connections, a TLS connection one of its own.
type Turn struct {
	// Local is the handlers' own: what a batch handler wants to use again in the next turn of this loop.
	Local any

	d    *dispatcher
	conn *Conn
	now  int64
	out  []byte

	// reqs[:n] are decoded, reqs[next:end] are being handled, and mark is where their answers begin in out.
	reqs    []*Request
	n       int
	next    int
	end     int
	mark    int
	onFrame func([]byte) error // t.frame, bound once: a method value made for each call is an allocation
}

func (t *Turn) init(d *dispatcher) {
	t.d = d
	t.onFrame = t.frame
}

// Out is the reply buffer of the turn's connection: append whole frames, and mark their requests as answered.
func (t *Turn) Out() *[]byte { return &t.out }

// Now is when the turn began, ms.
func (t *Turn) Now() int64 { return t.now }

// Flush writes what has been answered so far. A handler that appends large answers through Out calls it now and then; pointers
// from Out stay valid, what they pointed to is gone.
func (t *Turn) Flush() {
	if len(t.out) > 0 {
		t.conn.t.writeNow(t.conn, t.out)
	}
	if cap(t.out) > flushAt+keepBuffer {
		t.out = nil
	}
	t.out, t.mark = t.out[:0], 0
}

// receive handles what has arrived on a connection. An error says that the stream cannot be followed any further; everything
// before the fault has been answered.
func (t *Turn) receive(c *Conn, data []byte) error {
	t.conn, t.now = c, t.d.clock.NowMs()
	c.lastActive.Store(t.now)
	err := t.finish(c.cutter.Feed(data, t.onFrame))
	c.cutter.Release()
	return err
}

// finish ends a turn: the rest is handled, answered and booked.
func (t *Turn) finish(err error) error {
	c := t.conn
	t.run()
	t.Flush()
	if cap(t.out) > keepBuffer {
		t.out = nil
	}
	if held := c.cutter.Pending() + len(c.backlog); held != c.partial {
		if e := c.holdPartial(held); err == nil {
			err = e
		}
	}
	t.conn = nil
	return err
}

// abandon drops a turn whose decoding panicked; the connection ends.
func (t *Turn) abandon(c *Conn, p any) {
	t.d.stats.panics.Add(1)
	t.d.log.Error().Str("panic", fmt.Sprint(p)).Stringer("remote", c.RemoteAddr()).Bytes("stack", debug.Stack()).Msg("connection's turn panicked")
	t.n, t.next, t.end, t.mark, t.out, t.conn = 0, 0, 0, 0, t.out[:0], nil
}

// frame decodes one frame; full batches are handled at once, so that a read full of tiny frames needs no endless list.
func (t *Turn) frame(frame []byte) error {
	if t.n == maxBatch {
		t.run()
	}
	if t.n == len(t.reqs) {
		t.reqs = append(t.reqs, &Request{turn: t})
	}
	r := t.reqs[t.n]
	if err := protocol.DecodeFrame(frame, &r.Command); err != nil {
		return err
	}
	if r.IsResponse() {
		t.conn.complete(&r.Command)
		return nil
	}
	if t.conn.paused {
		return t.conn.stash(frame)
	}
	r.Conn, r.Arrived, r.frame = t.conn, t.now, frame
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
	t.d.stats.requests.Add(int64(t.n))
	for t.next < t.n && !t.conn.gone() && !t.conn.mustPause() {
		t.runUntilPanic()
	}
	if t.next < t.n && !t.conn.gone() {
		t.conn.pause(t.reqs[t.next:t.n])
	}
	for i, r := range t.reqs[:t.n] {
		if r.Fields.Len() > keepFields || headerLength(r.frame) > keepHeader {
			t.reqs[i] = &Request{turn: t}
		}
	}
	t.n, t.next = 0, 0
}

// runUntilPanic handles requests in order. The deferred call is paid once a turn, not once a request: run comes back for the rest.
func (t *Turn) runUntilPanic() {
	defer t.rescue()
	for t.next < t.n && !t.conn.gone() && !t.conn.mustPause() {
		r := t.reqs[t.next]
		t.end, t.mark = t.next+1, len(t.out)
		if refused := t.d.refusal(r); refused != nil {
			r.AppendReply(refused)
		} else if r.row.batch != nil {
			for t.end < t.n && t.reqs[t.end].row != nil && t.reqs[t.end].row.batch == r.row.batch {
				t.end++
			}
			r.row.batch.call(t, t.reqs[t.next:t.end:t.end])
		} else if r.row.lane != Inline {
			t.d.toLane(r, r.row.lane, r.row.handle)
		} else {
			t.settle(r)
		}
		if t.next = t.end; len(t.out) > flushAt {
			t.Flush()
		}
	}
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
	t.out = t.out[:wholeFrames(t.out, t.mark)]
	cmd := t.d.panicked(t.reqs[t.next], p)
	for _, r := range t.reqs[t.next:t.end] {
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
