package broker

import (
	"context"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
	"github.com/skylarkmq/skylark/store"
)

// SEND_REPLY_MESSAGE (324) and SEND_REPLY_MESSAGE_V2 (325): a consumer answers the
// client that sent a request message. The reply is pushed to that client
// (PUSH_REPLY_MESSAGE_TO_CLIENT, 326), whose id is in REPLY_TO_CLIENT, then kept in
// the reply topic, and then its sender is answered: with the failure of the push, if
// it failed, and with the place where the reply is kept all the same.
//
// Nobody waits: a reply on its way is a value that the client's answer, or its
// silence, finishes.

const (
	// pushReplyTime is how long the client may take to confirm, as in Java.
	pushReplyTime = 10 * time.Second
	// maxReplyBytes bounds what replies on their way keep in memory, without a limit of memory.
	maxReplyBytes = 256 << 20
)

// replies counts those on their way.
type replies struct {
	count, bytes atomic.Int64
	most         int64 // bytes
	late         chan lateReply
}

// repliesOfLimit: one part in so many of a memory limit is for replies on their way.
const repliesOfLimit = 8

func (r *replies) bound(memory int64) {
	r.late = make(chan lateReply, maxLateReplies)
	if r.most = maxReplyBytes; memory > 0 {
		r.most = min(r.most, memory/repliesOfLimit)
	}
}

// reply is one of them.
type reply struct {
	b     *Broker
	held  remoting.Held
	queue int32 // the one that the answer names
	size  int64
	msg   message.Message // as it will be kept; owns its memory
}

func (b *Broker) sendReplyMessage(r *remoting.Request) (*protocol.Command, error) {
	b.acceptReply(r, false)
	return nil, nil
}

func (b *Broker) sendReplyMessageOnLane(r *remoting.Request) (*protocol.Command, error) {
	b.acceptReply(r, true)
	return nil, nil
}

// acceptReply checks a reply as any message that is sent.
func (b *Broker) acceptReply(r *remoting.Request, mayCreate bool) {
	s := b.send.turns.Get().(*sendTurn)
	defer b.send.turns.Put(s)
	s.begin()
	h := &s.head
	if err := decodeReply(r, h); err != nil {
		s.refuse(r, code.SystemError, err.Error())
		return
	}
	cfg, refusal := s.admit(r, mayCreate)
	switch {
	case refusal.code != code.Success:
		s.refuse(r, refusal.code, refusal.remark)
		return
	case cfg == nil:
		r.ToLane(remoting.Send, b.send.reply)
		return
	}
	queue, ok := s.queueOf(r, h.QueueId, cfg)
	if !ok {
		return
	}
	size := int64(len(r.Body) + len(h.Properties))
	if b.replies.count.Load() >= int64(s.cfg.ReplyThreadPoolQueueCapacity) || b.replies.bytes.Load()+size > b.replies.most {
		s.refuse(r, code.SystemBusy, remarkOverload)
		return
	}
	b.replies.count.Add(1)
	b.replies.bytes.Add(size)
	p := &reply{b: b, queue: queue, size: size, msg: message.Message{
		Topic: cfg.TopicName, QueueID: queue, Flag: h.Flag, BornTimestamp: h.BornTimestamp, BornHost: r.Conn.RemoteAddr(),
		StoreHost: b.addr, ReconsumeTimes: h.ReconsumeTimes, Body: slices.Clone(r.Body), Properties: s.reply.traced(nil, h.Properties),
	}}
	p.push(h, r.Hold())
}

func decodeReply(r *remoting.Request, h *header.SendMessage) error {
	if r.Request() == code.SendReplyMessage {
		return h.DecodeFields(&r.Fields)
	}
	return h.DecodeV2Fields(&r.Fields)
}

// traced appends a property string with this broker's region and trace switch. The
// other properties that sends get are not put into replies.
func (t *replyTemplate) traced(dst, props []byte) []byte {
	run := message.RunOf(props)
	for p := message.PairsOf(props); p.Next(); {
		if name := string(p.Name); name != message.PropertyMsgRegion && name != message.PropertyTraceSwitch {
			dst, _ = run.Keep(dst, &p)
		}
	}
	dst = message.AppendProperty(run.End(dst), message.PropertyMsgRegion, t.region)
	return message.AppendProperty(dst, message.PropertyTraceSwitch, t.traceOn)
}

// push sends the reply to the client that waits for it.
func (p *reply) push(h *header.SendMessage, held remoting.Held) {
	p.held = held
	asker, named := message.Property(p.msg.Properties, message.PropertyReplyToClient)
	if !named {
		p.keep("reply message properties[" + message.PropertyReplyToClient + "] is null")
		return
	}
	id := string(asker)
	ch, known := p.b.Clients.FindProducer(id)
	if !known {
		p.keep("push reply message fail, channel of <" + id + "> not found.")
		return
	}
	now := p.b.clock.NowMs()
	props := message.AppendWithoutProperty(nil, p.msg.Properties, message.PropertyPushReplyTime)
	cmd := protocol.NewRequest(code.PushReplyMessageToClient, &header.PushReplyMessage{
		ProducerGroup: string(h.ProducerGroup), Topic: p.msg.Topic, DefaultTopic: string(h.DefaultTopic), DefaultTopicQueueNums: h.DefaultTopicQueueNums,
		QueueId: h.QueueId, SysFlag: h.SysFlag, BornTimestamp: h.BornTimestamp, Flag: h.Flag,
		Properties:     string(message.AppendProperty(props, message.PropertyPushReplyTime, strconv.FormatInt(now, 10))),
		ReconsumeTimes: h.ReconsumeTimes, UnitMode: h.UnitMode,
		BornHost: remoteText(p.msg.BornHost), StoreHost: remoteText(p.msg.StoreHost), StoreTimestamp: now,
	}, p.msg.Body)
	ch.(*remoting.Conn).Ask(cmd, pushReplyTime, func(answer *protocol.Command, err error) {
		remark := ""
		if err != nil || answer.Response() != code.Success {
			remark = "push reply message to " + id + "fail."
			p.b.log.Debug().Err(err).Str("client", id).Msg("reply not taken by the client that asked")
		}
		p.keep(remark)
	})
}

// keep stores the reply, whatever became of its push, and answers its sender. remark
// is why the push failed; empty: it did not.
func (p *reply) keep(remark string) {
	b := p.b
	if !b.cfg.Get().StoreReplyMessageEnable {
		p.answer(remark, nil)
		return
	}
	// Often this is the loop of the client that asked, in a callback, whose turn cannot be lent to a stand-in: a write that hung would
	// hang all its connections.
	b.replies.later(p, remark)
}

// store puts the reply into its topic, and may wait for the disk.
func (p *reply) store(remark string) {
	b := p.b
	batch := b.send.batches.Get().(*store.Batch)
	defer b.send.batches.Put(batch)
	batch.Reset()
	wait, _ := message.Property(p.msg.Properties, message.PropertyWait)
	if _, st := b.Store.Stage(batch, &p.msg); st != store.PutOK {
		p.notKept(remark, st)
		return
	}
	b.Store.Append(batch)
	res := batch.Result(0)
	if res.Status == store.PutOK && b.Store.NeedsFlush() && !equalFold(wait, "false") {
		b.Store.AwaitFlush(batch.End(), func(st store.PutStatus) {
			res.Status = st
			p.kept(remark, &res)
		})
		return
	}
	p.kept(remark, &res)
}

func (p *reply) notKept(remark string, why store.PutStatus) {
	p.b.log.Warn().Str("topic", p.msg.Topic).Stringer("status", why).Msg("reply not kept")
	p.answer(remark, nil)
}

// lateReply is one whose push has ended, on its way into its topic.
type lateReply struct {
	*reply
	remark string
}

// maxLateReplies bounds them, above the default of replyThreadPoolQueueCapacity; more are not kept. Whoever asked has the reply already.
const maxLateReplies = 16_384

func (r *replies) later(p *reply, remark string) {
	select {
	case r.late <- lateReply{p, remark}:
	default:
		p.notKept(remark, store.OSPageCacheBusy)
	}
}

// run stores replies, where waiting is allowed, until ctx ends.
func (r *replies) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			for len(r.late) > 0 {
				l := <-r.late
				l.store(l.remark)
			}
			return
		case l := <-r.late:
			l.store(l.remark)
		}
	}
}

func (p *reply) kept(remark string, res *store.Result) {
	if !res.Status.Stored() {
		p.answer(remark, nil)
		return
	}
	p.b.Stats.Put([]byte(p.msg.Topic), int(res.Count), int(res.Size))
	p.answer(remark, res)
}

// answer ends the request. Clients decode the place also when nothing is kept.
func (p *reply) answer(remark string, res *store.Result) {
	p.b.replies.count.Add(-1)
	p.b.replies.bytes.Add(-p.size)
	cfg := p.b.cfg.Get()
	cmd := protocol.NewResponse(code.Success, "")
	cmd.Fields.Set(message.PropertyMsgRegion, cfg.RegionID)
	cmd.Fields.SetBool(message.PropertyTraceSwitch, cfg.TraceOn)
	h := header.SendMessageResponse{MsgId: []byte("0"), QueueId: p.queue}
	if res != nil {
		h.MsgId, h.QueueOffset = message.AppendOffsetMsgID(nil, p.b.addr, res.PhyOffset), res.QueueOffset
	}
	if remark != "" {
		cmd.Code, cmd.Remark = int32(code.SystemError), remark
	}
	if remark == "" || res != nil {
		cmd.Header = &h
	}
	_ = p.held.Reply(cmd) // a closed connection has nobody to tell
}
