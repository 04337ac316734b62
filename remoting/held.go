package remoting

import (
	"github.com/skylarkmq/skylark/remoting/protocol"
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

func (h Held) done() {
	if h.counted {
		h.Conn.inFlight.Add(-1)
	}
}
