package remoting

import (
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// Held is a request that is answered later: a small value to keep instead of the Request. Reply exactly once, from any goroutine.
// Nothing happens when the connection has gone meanwhile, or when the request was one-way.
type Held struct {
	Conn      *Conn
	Opaque    int32
	Serialize protocol.SerializeType
	OneWay    bool
	counted   bool
}

// Reply queues the answer. Everything queued for a connection until its loop wakes leaves in one write.
func (h Held) Reply(cmd *protocol.Command) error {
	h.done()
	if h.OneWay {
		return nil
	}
	dress(cmd, h.Opaque, h.Serialize)
	return h.Conn.queue(cmd, nil)
}

// ReplyFrame queues an answer that is already a whole frame; it is copied.
func (h Held) ReplyFrame(frame []byte) error {
	h.done()
	if h.OneWay {
		return nil
	}
	return h.Conn.queue(nil, frame)
}

// ToLane lets a lane's worker make the answer, for those who may not take that long where they are. A full lane answers SYSTEM_BUSY at once.
func (h Held) ToLane(l Lane, answer func() (*protocol.Command, error)) {
	d := h.Conn.d
	j := d.jobs.Get().(*laneJob)
	j.run = func(*Request) (*protocol.Command, error) { return answer() }
	j.req = Request{Conn: h.Conn, Arrived: d.clock.MonoMs(), counted: h.counted}
	j.req.Opaque, j.req.Serialize = h.Opaque, h.Serialize
	if h.OneWay {
		j.req.MarkOneWay()
	}
	if !d.lanes.all[l].put(j) {
		d.stats.overloaded.Add(1)
		d.finish(j, protocol.NewResponse(code.SystemBusy, textOverload))
	}
}

func (h Held) done() {
	if h.counted {
		h.Conn.inFlight.Add(-1)
	}
}
