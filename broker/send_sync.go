package broker

import (
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
)

// pendingSends are the sends of one turn whose answers wait for the disk.
type pendingSends struct {
	b     *Broker
	reply replyTemplate
	sends []pendingSend
	phys  []int64
	uniq  []byte
	frame []byte
}

type pendingSend struct {
	held               remoting.Held
	queue              int32
	offset             int64
	physFrom, physTo   int
	uniqFrom, uniqUpTo int
	inner              bool
}

// hold takes a send out of its turn.
func (s *sendTurn) hold(p *pendingSends, d *send, res *store.Result) *pendingSends {
	if p == nil {
		p = s.b.send.pending.Get().(*pendingSends)
		p.b, p.reply = s.b, s.reply // its slices are replaced by make, never changed
		p.sends, p.phys, p.uniq = p.sends[:0], p.phys[:0], p.uniq[:0]
	}
	e := pendingSend{held: d.req.Hold(), queue: d.queue, offset: res.QueueOffset, physFrom: len(p.phys), uniqFrom: len(p.uniq), inner: d.inner}
	if d.batchIDs {
		p.phys = s.batch.ListOffsets(d.index, p.phys)
	} else {
		p.phys = append(p.phys, res.PhyOffset)
	}
	p.uniq = append(p.uniq, d.uniq...)
	e.physTo, e.uniqUpTo = len(p.phys), len(p.uniq)
	p.sends = append(p.sends, e)
	return p
}

// done answers all of them; it is the callback of AwaitFlush.
func (p *pendingSends) done(status store.PutStatus) {
	c, remark := code.Success, ""
	if status != store.PutOK {
		c, remark = p.b.putFailure(status)
	}
	for i := range p.sends {
		e := &p.sends[i]
		if !status.Stored() {
			cmd := protocol.NewResponse(c, remark)
			p.reply.fields(&cmd.Fields)
			_ = e.held.Reply(cmd) // a closed connection has nobody to tell
			continue
		}
		a := sendAnswer{
			code: c, opaque: e.held.Opaque, queue: e.queue, offset: e.offset,
			phys: p.phys[e.physFrom:e.physTo], uniq: p.uniq[e.uniqFrom:e.uniqUpTo], inner: e.inner,
		}
		p.frame = p.reply.append(p.frame[:0], e.held.Serialize, &a)
		_ = e.held.ReplyFrame(p.frame)
	}
	clear(p.sends)
	p.b.send.pending.Put(p)
}
