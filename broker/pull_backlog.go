package broker

import (
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
)

// A consumer that catches up asks for as much as it can get, and each of its answers takes the loop some 70 µs: eight at a time are
// half a millisecond that a send waits behind them, and again before its own answer leaves. On a lane of their own they run beside the
// loop and cost a tenth more, and from a cold disk bring less (docs/adr/0011-backlog.md). So they go there while somebody sends.
const (
	backlogFrom   = 4096 // messages behind the end of the queue; who is nearer follows the end
	backlogSendMs = 100  // the last send is no older
)

// stepsAside says whether a pull that is on a loop leaves it to others.
func (b *Broker) stepsAside(r *remoting.Request, p *pull) bool {
	if t := r.Turn(); t == nil || !t.OnLoop() || r.Arrived-b.send.last.Load() > backlogSendMs {
		return false
	}
	return b.Store.Behind(p.topic.TopicName, p.queue, p.offset) > backlogFrom
}

// pullBacklog is the pull that stepped aside: its offset is committed.
func (b *Broker) pullBacklog(r *remoting.Request) (*protocol.Command, error) {
	if r.Conn.Closed() {
		return nil, nil
	}
	return b.pull(r, true, false)
}
