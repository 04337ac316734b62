package broker

import (
	"github.com/skylarkmq/skylark/broker/filterdata"
	"github.com/skylarkmq/skylark/broker/subscription"
	"github.com/skylarkmq/skylark/broker/topic"
	"github.com/skylarkmq/skylark/filter"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
	"github.com/skylarkmq/skylark/store"
)

// PULL_MESSAGE (11) and LITE_PULL_MESSAGE (361).
//
//	pull_check.go   the decision tree: who may read what
//	pull_reply.go   status → code, header, the frame with the records in place
//	pull_hold.go    nothing there: held; woken by arrivals, time-outs, the end
//
//	pull_backlog.go who reads what is old, and must not keep senders waiting
//
// Records that are in memory are copied on the loop straight into the reply frame;
// what has to come from the disk goes to the Pull lane and is read there.

// pull is a request that was admitted. Names are those of the registries, so a
// pull that is held keeps nothing of its frame.
type pull struct {
	topic *topic.Config
	group *subscription.Group
	sub   *filter.Subscription
	data  *filterdata.Data // of a subscription by expression that came with a heartbeat

	queue        int32
	offset       int64
	maxMsgs      int
	sysFlag      int32
	subVersion   int64
	commitOffset int64
	suspendMs    int64
	lite         bool

	broadcasting    bool   // by the group's heartbeats
	fromProxy       bool   // for a client that broadcasts behind a proxy
	broadcastClient string // whose broadcast offsets are noted; "" for nobody's
}

func (p *pull) has(flag int32) bool { return p.sysFlag&flag != 0 }

// pullMessage is the handler on the loop.
func (b *Broker) pullMessage(r *remoting.Request) (*protocol.Command, error) {
	return b.pull(r, true, true)
}

// pullOnLane is the same on a lane, where the disk may be waited for.
func (b *Broker) pullOnLane(r *remoting.Request) (*protocol.Command, error) {
	return b.pull(r, false, true)
}

// pullCold is the same for a pull whose records the loop did not find in memory: its
// offset is committed.
func (b *Broker) pullCold(r *remoting.Request) (*protocol.Command, error) {
	return b.pull(r, false, false)
}

func (b *Broker) pull(r *remoting.Request, residentOnly, commits bool) (*protocol.Command, error) {
	var h header.PullMessage
	if err := h.DecodeFields(&r.Fields); err != nil {
		return nil, remoting.Fail(code.SystemError, err.Error())
	}
	if r.Turn() != nil && len(h.Subscription) > inlineExpression {
		r.ToLane(remoting.Pull, b.wakers.onLane)
		return nil, nil
	}
	var p pull
	if refusal := b.admitPull(r, &h, &p); refusal.code != code.Success {
		return refusal.response(), nil
	}
	if answer, ok := b.moved(&p); ok {
		return answer, nil
	}
	if commits {
		b.commitWithPull(&p)
	}
	if residentOnly && b.slow(&p) {
		r.ToLane(remoting.Pull, b.wakers.cold)
		return nil, nil
	}
	if b.stepsAside(r, &p) && r.ToBacklog(b.wakers.backlog) {
		return nil, nil
	}
	a := answer{opaque: r.Opaque, serialize: r.Serialize}
	cold := false
	if r.Turn() != nil {
		out := r.Out()
		before := len(*out)
		*out, cold = b.read(*out, &p, &a, residentOnly)
		if cold || a.suspend || r.IsOneWay() {
			*out = (*out)[:before]
		}
	} else {
		buf := b.wakers.buffer()
		defer b.wakers.release(buf)
		buf.b, cold = b.read(buf.b[:0], &p, &a, residentOnly)
		if !cold && !a.suspend {
			b.pulled(&p, &a)
			_ = r.Hold().ReplyFrame(buf.b) // a closed connection has nobody to tell
			return nil, nil
		}
	}
	if cold {
		r.ToLane(remoting.Pull, b.wakers.cold)
		return nil, nil
	}
	b.pulled(&p, &a)
	if a.suspend && b.hold(r, &p, &a) {
		return nil, nil
	}
	if a.suspend {
		return b.notFound(&p, &a), nil
	}
	r.MarkAnswered()
	return nil, nil
}

// takeReset removes a pending reset; it is delivered only while the feature is on.
func (b *Broker) takeReset(p *pull) (int64, bool) {
	offset, ok := b.Offsets.TakeReset(p.group.GroupName, p.topic.TopicName, p.queue)
	return offset, ok && b.cfg.Get().UseServerSideResetOffset
}

// pulled notes how far the group has pulled.
func (b *Broker) pulled(p *pull, a *answer) {
	b.broadcastPulled(p, a)
	b.Offsets.CommitPull(p.group.GroupName, p.topic.TopicName, p.queue, a.result.NextBegin)
}

// commitWithPull stores the offset that came with the request: before the read, which may wait for the disk. Java does it
// afterwards, over a reset or a later commit that came meanwhile.
func (b *Broker) commitWithPull(p *pull) {
	if p.has(header.PullCommitOffset) {
		b.Offsets.Consumed(p.group.GroupName, p.topic.TopicName, p.queue, p.commitOffset)
	}
}

// get asks the store.
func (b *Broker) get(p *pull, dst []byte, residentOnly bool) (store.GetResult, []byte) {
	req := store.GetRequest{
		Topic: p.topic.TopicName, QueueID: p.queue, Offset: p.offset, MaxCount: p.maxMsgs, ResidentOnly: residentOnly,
	}
	req.Filter = b.messageFilter(p)
	return b.Store.Get(&req, dst)
}
