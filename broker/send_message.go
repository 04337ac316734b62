package broker

import (
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/skylarkmq/skylark/broker/client"
	"github.com/skylarkmq/skylark/broker/topic"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
	"github.com/skylarkmq/skylark/store"
)

// SEND_MESSAGE (10), SEND_MESSAGE_V2 (310) and SEND_BATCH_MESSAGE (320).
//
// All sends of a turn are checked, completed and staged one after the other, then
// appended in one critical section and one write (in several, if it is much: send_parts.go);
// their answers are written into their connection's buffer from a template. What a send needs is kept in a sendTurn that
// the loop owns, so that an ordinary send allocates nothing.
//
// A send to an unknown topic goes to the Send lane, where the topic may be made
// (which saves a file and talks to the name servers), and runs again there.

// sender is what all sends share.
type sender struct {
	turns   sync.Pool // *sendTurn for lanes
	pending sync.Pool // *pendingSends
	retry   func(*remoting.Request) (*protocol.Command, error)
	end     func(*remoting.Request) (*protocol.Command, error)
	back    func(*remoting.Request) (*protocol.Command, error)
	reply   func(*remoting.Request) (*protocol.Command, error)
	batches sync.Pool // *store.Batch of replies
	slow    *remoting.BatchRun
	last    atomic.Int64 // MonoMs of the last turn with sends
}

func (s *sender) init(b *Broker) {
	s.turns.New = func() any { return newSendTurn(b) }
	s.pending.New = func() any { return new(pendingSends) }
	s.batches.New = func() any { return store.NewBatch() }
	s.reply, s.slow = b.sendReplyMessageOnLane, remoting.NewBatchRun(b.appendOnLane)
	s.retry, s.end, s.back = b.sendOnLane, b.endTransactionOnLane, b.sendBackOnLane // bound once: a method value made for each call is an allocation
}

// sendTurn is one loop's, or one lane worker's, memory for sends.
type sendTurn struct {
	b       *Broker
	loop    *remoting.Turn // nil on a lane
	cfg     *Config        // the settings that template was made from
	reply   replyTemplate
	batch   *store.Batch
	sends   []send
	msg     message.Message
	known   completion // of msg's properties
	like    message.Likenesses[completed]
	waiting waitingSenders
	newest  *topic.Config // of the topic that a message was admitted to last
	head    header.SendMessage
	props   []byte // completed property strings and transaction ids of this turn
	scratch []byte
	phys    []int64
	sum     putSum
	tx      txTurn
	back    backTurn

	appended int // bytes, in the parts before this one
}

// send is one staged message until its answer.
type send struct {
	req      *remoting.Request
	index    int // in the batch
	queue    int32
	topic    string
	wait     bool   // of a SYNC_FLUSH: the answer waits for the disk
	uniq     []byte // transactionId; points into sendTurn.props. None of a batch that came without
	batchIDs bool   // msgId is a list
	inner    bool   // a batch that is one record
	half     int    // place in txTurn.halves, -1 for an ordinary message
}

func newSendTurn(b *Broker) *sendTurn {
	return &sendTurn{b: b, batch: store.NewBatch()}
}

// turn finds or makes the loop's sendTurn and brings it up to the settings in force.
func (b *Broker) turn(t *remoting.Turn) *sendTurn {
	s, ok := t.Local.(*sendTurn)
	if !ok || s.b != b {
		s = newSendTurn(b)
		t.Local = s
	}
	s.loop = t
	s.begin()
	return s
}

const keepProps = 1 << 20

func (s *sendTurn) begin() {
	if cfg := s.b.cfg.Get(); cfg != s.cfg {
		s.cfg = cfg
		s.reply.make(cfg, s.b.addr)
	}
	s.batch.Reset()
	s.sends = s.sends[:0]
	s.tx.begin()
	s.back.begin()
	if cap(s.props) > keepProps {
		s.props = nil
	}
	s.props = s.props[:0]
	s.newest, s.appended = nil, 0
}

// sendMessages handles the consecutive sends of one turn, and the END_TRANSACTION
// and CONSUMER_SEND_MSG_BACK between them: what they store goes into the same batch.
func (b *Broker) sendMessages(t *remoting.Turn, reqs []*remoting.Request) {
	if now := reqs[0].Arrived; now != b.send.last.Load() {
		b.send.last.Store(now)
	}
	if t.StandsIn() || b.Store.Stalled() {
		b.handOver(reqs)
		return
	}
	s := b.turn(t)
	defer s.endTicket()
	if b.Store.NeedsFlush() {
		s.waiting.note(reqs)
	}
	s.stageAll(reqs)
	s.finishSoon()
}

// sendOnLane is the second run of a send whose topic was unknown.
func (b *Broker) sendOnLane(r *remoting.Request) (*protocol.Command, error) {
	s := b.send.turns.Get().(*sendTurn)
	defer b.send.turns.Put(s)
	s.begin()
	defer s.endTicket()
	s.stage(r, true)
	s.finish()
	return nil, nil
}

// stage checks one send and adds it to the batch, or answers its refusal. The
// order of checks is Java's.
func (s *sendTurn) stage(r *remoting.Request, mayCreate bool) {
	h := &s.head
	if err := decodeSend(r, h); err != nil {
		s.refuse(r, code.SystemError, err.Error())
		return
	}
	cfg, refusal := s.admit(r, mayCreate)
	if refusal.code != code.Success {
		s.refuse(r, refusal.code, refusal.remark)
		return
	}
	if cfg == nil {
		r.ToLane(remoting.Send, s.b.send.retry)
		return
	}
	queue, ok := s.queueOf(r, h.QueueId, cfg)
	if !ok {
		return
	}
	place := cfg
	if topic.IsRetry(cfg.TopicName) && !h.Batch {
		if place, refusal = s.retryPlace(r, cfg, mayCreate); refusal.code != code.Success {
			s.refuse(r, refusal.code, refusal.remark)
			return
		}
		if place == nil {
			r.ToLane(remoting.Send, s.b.send.retry)
			return
		}
	}
	s.put(r, cfg, place, queue)
}

// put completes the message and stages it. place is the topic to store it under: cfg,
// which it was sent to, or the dead letter topic, whose only queue is 0. The answer
// names the queue that was asked for, or that of its priority.
func (s *sendTurn) put(r *remoting.Request, cfg, place *topic.Config, queue int32) {
	h, m := &s.head, &s.msg
	from := len(s.props)
	c := &s.known
	s.complete()
	if !h.Batch {
		if c.lite != nil || c.priority != nil {
			var refusal refusal
			if queue, refusal = s.redirect(cfg, from, queue); refusal.code != code.Success {
				s.refuse(r, refusal.code, refusal.remark)
				return
			}
		}
		if refusal := s.b.refuseFeature(cfg, h, c); refusal.code != code.Success {
			s.refuse(r, refusal.code, refusal.remark)
			return
		}
	}
	*m = message.Message{
		Topic: place.TopicName, QueueID: queue, Flag: h.Flag, SysFlag: sysFlag(h.SysFlag, place),
		BornTimestamp: h.BornTimestamp, BornHost: r.Conn.RemoteAddr(), StoreHost: s.b.addr,
		ReconsumeTimes: h.ReconsumeTimes, Body: r.Body, Properties: s.props[from:],
	}
	if place != cfg {
		m.QueueID = 0
	}
	half := -1
	if c.transaction && !h.Batch {
		if len(c.group) > client.MaxGroupName {
			s.refuse(r, code.MessageIllegal, remarkLongPGroup)
			return
		}
		if half = s.makeHalf(m, c, from, queue); half < 0 {
			s.refuse(r, code.SystemBusy, remarkTooManyOpen)
			return
		}
	}
	var index int
	var status store.PutStatus
	inner := false
	if h.Batch {
		if refusal := s.b.refuseBatch(cfg, h, c); refusal.code != code.Success {
			s.refuse(r, refusal.code, refusal.remark)
			return
		}
		if hasBatchQueues(cfg) {
			inner = true
			s.makeInner(m, c)
			index, status = s.b.Store.Stage(s.batch, m)
		} else {
			index, status = s.b.Store.StageList(s.batch, m)
		}
	} else {
		if half < 0 || !c.reserved {
			m.Facts = &c.facts
		}
		index, status = s.b.Store.Stage(s.batch, m)
	}
	if status != store.PutOK {
		s.failed(r, status)
		return
	}
	d := send{req: r, index: index, queue: queue, topic: m.Topic, wait: !c.noWait, batchIDs: h.Batch && !inner, inner: inner, half: half}
	if !h.Batch || !c.madeUniq {
		d.uniq = c.uniq(s.props)
	}
	s.sends = append(s.sends, d)
}

// makeInner makes of a batch the one record that it is in a batch queue. What its
// elements are is for its consumers; a body that does not hold together is refused by
// the store.
func (s *sendTurn) makeInner(m *message.Message, c *completion) {
	count := 0
	_ = message.EachBatchElement(m.Body, func(message.BatchElement) error { count++; return nil }) // see above
	if c.innerNum {
		m.Properties = message.DeleteProperty(m.Properties, message.PropertyInnerNum)
	}
	m.Properties = message.AppendProperty(slices.Clone(m.Properties), message.PropertyInnerNum, strconv.Itoa(count))
	m.SysFlag |= message.FlagNeedUnwrap | message.FlagInnerBatch
}

// finish appends what was staged and answers it. It may wait for the disk.
func (s *sendTurn) finish() {
	if s.batch.Len() > 0 {
		s.b.Store.Append(s.batch)
		s.finishAppended()
	}
}

// finishAppended answers what was staged and is appended, or refused by then.
func (s *sendTurn) finishAppended() {
	sync := !s.b.Store.Flushed(s.batch.End())
	var held *pendingSends
	if len(s.tx.halves) > 0 {
		s.tellOpened()
	}
	for i := range s.sends {
		d := &s.sends[i]
		res := s.batch.Result(d.index)
		if res.Status != store.PutOK {
			s.failed(d.req, res.Status)
			continue
		}
		s.sum.add(s.b.Stats, d.topic, &res)
		if sync && d.wait {
			held = s.hold(held, d, &res)
			continue
		}
		s.answer(d.req, code.Success, d, &res)
	}
	s.finishEnds()
	s.finishBacks()
	s.sum.flush(s.b.Stats)
	if held != nil {
		s.b.Store.AwaitFlush(s.batch.End(), held.done)
	}
}

// answer writes the reply of a stored message.
func (s *sendTurn) answer(r *remoting.Request, c code.Response, d *send, res *store.Result) {
	if r.IsOneWay() {
		r.MarkAnswered()
		return
	}
	a := sendAnswer{code: c, opaque: r.Opaque, queue: d.queue, offset: res.QueueOffset, uniq: d.uniq, inner: d.inner}
	if d.batchIDs {
		s.phys = s.batch.ListOffsets(d.index, s.phys[:0])
	} else {
		s.phys = append(s.phys[:0], res.PhyOffset)
	}
	a.phys = s.phys
	if r.Turn() != nil {
		out := r.Out()
		*out = s.reply.append(*out, r.Serialize, &a)
		r.MarkAnswered()
		return
	}
	s.scratch = s.reply.append(s.scratch[:0], r.Serialize, &a)
	_ = r.Hold().ReplyFrame(s.scratch) // a closed connection has nobody to tell
}

// refuse answers with a code, a remark and the two fields that every answer to a
// send has.
func (s *sendTurn) refuse(r *remoting.Request, c code.Response, remark string) {
	cmd := protocol.NewResponse(c, remark)
	s.reply.fields(&cmd.Fields)
	r.AppendReply(cmd)
}

func (s *sendTurn) failed(r *remoting.Request, status store.PutStatus) {
	c, remark := s.b.putFailure(status)
	s.refuse(r, c, remark)
}

// decodeSend reads any of the three header forms into one struct.
func decodeSend(r *remoting.Request, h *header.SendMessage) error {
	if r.Request() == code.SendMessage {
		return h.DecodeFields(&r.Fields)
	}
	return h.DecodeV2Fields(&r.Fields)
}

// sysFlag takes away what only the store may say, and adds what the topic says.
func sysFlag(flag int32, cfg *topic.Config) int32 {
	flag &^= message.FlagBornHostV6 | message.FlagStoreHostV6
	if cfg.TopicFilterType == topic.MultiTag {
		flag |= message.FlagMultiTags
	}
	return flag
}

// remoteText is an address as Java's parseChannelRemoteAddr prints it.
func remoteText(a netip.AddrPort) string { return a.String() }
