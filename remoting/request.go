package remoting

import (
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// Request is one decoded request. It is valid until the handler returns; on a lane it has a copy of the frame of its own.
type Request struct {
	protocol.Command
	Conn    *Conn
	Arrived int64 // ms of clock.MonoMs

	frame    []byte // without the length field
	turn     *Turn  // nil on a lane
	part     int    // of turn
	row      *row
	answered bool // replied to, held, or handed to a lane: a panic later in the handler must not answer again
	counted  bool // is in Conn.inFlight
}

// Turn is the turn of an inline request; nil on a lane.
func (r *Request) Turn() *Turn { return r.turn }

// Out is where an inline request's answer goes: append whole frames, and mark the request as answered.
func (r *Request) Out() *[]byte { return &r.turn.parts[r.part].out }

// AppendReply answers an inline request: encoded at once into the turn's buffer. One-way requests stay silent. On a lane it is
// the same as Hold().Reply.
func (r *Request) AppendReply(cmd *protocol.Command) {
	if r.turn == nil {
		_ = r.Hold().Reply(cmd) // a closed connection has nobody to tell
		return
	}
	r.answered = true
	if r.IsOneWay() {
		return
	}
	dress(cmd, r.Opaque, r.Serialize)
	p := &r.turn.parts[r.part]
	if len(p.out) > flushAt {
		r.turn.flush(p)
	}
	p.out = protocol.AppendFrame(p.out, cmd)
}

// MarkAnswered tells that the handler put the reply frame into Out by itself, or that a one-way request is done.
func (r *Request) MarkAnswered() { r.answered = true }

// Fail answers with a code and a remark.
func (r *Request) Fail(c code.Response, remark string) {
	r.AppendReply(protocol.NewResponse(c, remark))
}

// Hold takes the request out of its handler: it is answered later, from any goroutine, exactly once. Keep the returned value, not
// the Request.
func (r *Request) Hold() Held {
	h := Held{Conn: r.Conn, Opaque: r.Opaque, Serialize: r.Serialize, OneWay: r.IsOneWay(), counted: r.counted}
	if !r.counted && !h.OneWay {
		r.Conn.inFlight.Add(1)
		h.counted = true
	}
	r.counted = false // the Held has it now
	r.answered = true
	return h
}

// ToLane passes a copy of the request to a lane's workers. A full lane answers SYSTEM_BUSY at once. On a lane it queues again.
func (r *Request) ToLane(l Lane, h func(*Request) (*protocol.Command, error)) {
	r.Conn.d.toLane(r, l, h, nil)
}

// ToBacklog is ToLane for work that the loop would rather leave to others, and does itself when false comes back: there is no room on
// that lane, or the connection has much there.
func (r *Request) ToBacklog(h func(*Request) (*protocol.Command, error)) bool {
	d := r.Conn.d
	if !d.lanes.all[Backlog].roomFor(r.Conn, backlogRoom, backlogOf) {
		return false
	}
	d.toLane(r, Backlog, h, nil)
	return true
}

// NewBatchRun makes a handler of several requests that ToBatchLane brought to a lane: make it once.
func NewBatchRun(h func([]*Request)) *BatchRun { return &BatchRun{h} }

// ToBatchLane is ToLane for a handler that takes what waits for it together.
func (r *Request) ToBatchLane(l Lane, h *BatchRun) {
	r.Conn.d.toLane(r, l, nil, h)
}

// dress makes cmd the answer to a request.
func dress(cmd *protocol.Command, opaque int32, s protocol.SerializeType) {
	cmd.MarkResponse()
	cmd.Opaque = opaque
	cmd.Serialize = s
	cmd.Language = protocol.Java // the safest for the enum parsers of old clients
	cmd.Version = protocol.CurrentVersion
}

// highCodes is what the binary header, with 16 bits for the code, cuts off from the POP codes: 200050 arrives as 3442.
const highCodes = 3 << 16

// widen restores a POP code of a binary header. Java cannot, and answers that 3442 is not supported; no code is defined there.
func (r *Request) widen(t *table) {
	if r.Code < 0 {
		return
	}
	if r.row = t.find(r.Code + highCodes); r.row != nil {
		r.Code += highCodes
	}
}
