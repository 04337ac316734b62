package broker

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"unicode"

	"github.com/skylarkmq/skylark/broker/subscription"
	"github.com/skylarkmq/skylark/broker/topic"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
	"github.com/skylarkmq/skylark/store"
)

// CONSUMER_SEND_MSG_BACK (36): a consumer gives back a message that it could not
// handle. The broker reads the message from its log and stores it again, in the
// group's retry topic by way of a delay level, or in its dead letter topic.
//
// Those of a turn join the sends of the turn in one batch, so that a crowd of
// failures costs one append. What is not in memory, topics that have to be made, and what
// is too much for one turn go to the send lane.

// backTurn is what a sendTurn needs for them.
type backTurn struct {
	head   header.ConsumerSendMsgBack
	record []byte
	view   message.View // of record
	props  []byte
	staged []stagedBack
}

// stagedBack is one whose new record is in the batch.
type stagedBack struct {
	req   *remoting.Request
	index int
	topic string // that the record is stored under
	group string
	back  string // topic the message was first sent to
	dlq   bool
}

func (t *backTurn) begin() {
	clear(t.staged)
	t.staged = t.staged[:0]
	if cap(t.record) > keepRecord {
		t.record = nil
	}
}

// sendBackOnLane is the second run of what the loop could not do.
func (b *Broker) sendBackOnLane(r *remoting.Request) (*protocol.Command, error) {
	s := b.send.turns.Get().(*sendTurn)
	defer b.send.turns.Put(s)
	s.begin()
	s.stageBack(r, true)
	s.finish()
	return nil, nil
}

// stageBack checks one in Java's order and stages its new record. mayWait: for the
// disk and for new topics.
func (s *sendTurn) stageBack(r *remoting.Request, mayWait bool) {
	h := &s.back.head
	*h = header.ConsumerSendMsgBack{}
	if err := header.Decode(&r.Fields, h); err != nil {
		r.Fail(code.SystemError, err.Error())
		return
	}
	group := s.b.Groups.Find(h.Group)
	switch {
	case group == nil:
		refusal := noSuchGroup(h.Group)
		r.Fail(refusal.code, refusal.remark)
		return
	case s.cfg.BrokerPermission&int(topic.PermWrite) == 0:
		r.Fail(code.NoPermission, "the broker["+s.cfg.BrokerIP1+"] sending message is forbidden")
		return
	case group.RetryQueueNums <= 0:
		s.answerBack(r, admitted)
		return
	case !mayWait && s.spent():
		r.ToLane(remoting.Send, s.b.send.back)
		return
	}
	target, v, refusal := s.backTarget(r, group, mayWait)
	switch {
	case refusal.code != code.Success:
		r.Fail(refusal.code, refusal.remark)
	case target == nil:
		r.ToLane(remoting.Send, s.b.send.back)
	default:
		s.putBack(r, group, target, v)
	}
}

// backTarget finds the topic to store the message under, and the message. A nil topic
// without a refusal: that would have to wait.
func (s *sendTurn) backTarget(r *remoting.Request, group *subscription.Group, mayWait bool) (*topic.Config, *message.View, refusal) {
	h := &s.back.head
	retry := topic.GroupTopic{Topic: topic.RetryPrefix + h.Group, QueueNums: group.RetryQueueNums}
	if h.UnitMode {
		retry.SysFlag = topic.SysFlagUnitSub
	}
	target, refusal := s.b.groupTopic(retry, mayWait)
	if target == nil {
		return nil, nil, refusal
	}
	if !target.Writeable() {
		return nil, nil, refused(code.NoPermission, "the topic["+target.TopicName+"] sending message is forbidden")
	}
	if target.Queues() <= 0 { // an operator took them away in this very moment
		return nil, nil, refused(code.SystemError, "the topic["+target.TopicName+"] has no queues")
	}
	rec, err := s.b.Store.LookupIn(h.Offset, s.back.record[:0], !mayWait)
	if errors.Is(err, store.ErrCold) {
		return nil, nil, admitted
	}
	v := &s.back.view
	if err == nil {
		s.back.record = rec
		err = message.Decode(rec, v)
	}
	if err != nil {
		return nil, nil, refused(code.SystemError, "look message by offset failed, "+strconv.FormatInt(h.Offset, 10))
	}
	most := group.RetryMaxTimes
	if r.Version >= versionOfMaxReconsume && h.MaxReconsumeTimes != nil {
		most = *h.MaxReconsumeTimes
	}
	if v.ReconsumeTimes >= most || h.DelayLevel < 0 {
		target, refusal = s.b.groupTopic(topic.GroupTopic{Topic: topic.DLQPrefix + h.Group, QueueNums: dlqQueues}, mayWait)
	}
	return target, v, refusal
}

// putBack stages the new record: the old one under its new topic, tried once more,
// born when and where it was. The queue is one that the topic has, whatever the group's
// settings say by now: nobody reads any other.
func (s *sendTurn) putBack(r *remoting.Request, group *subscription.Group, target *topic.Config, v *message.View) {
	h := &s.back.head
	d := stagedBack{req: r, group: group.GroupName, dlq: topic.IsDLQ(target.TopicName)}
	level, queue := int64(h.DelayLevel), int32(0)
	switch {
	case d.dlq:
		level = 0
	case level == 0:
		level = 3 + int64(v.ReconsumeTimes)
	}
	if !d.dlq {
		queue = rand.Int32N(min(group.RetryQueueNums, target.Queues()))
	}
	var back []byte
	s.back.props, back = backProperties(s.back.props[:0], v, level)
	s.back.props = withReason(s.back.props, h.FailureReason)
	m := &s.msg
	*m = message.Message{
		Topic: target.TopicName, QueueID: queue, Flag: v.Flag, SysFlag: v.SysFlag,
		BornTimestamp: v.BornTimestamp, BornHost: v.BornHost, StoreHost: s.b.addr, ReconsumeTimes: v.ReconsumeTimes + 1,
		Body: v.Body, Properties: s.back.props,
	}
	var status store.PutStatus
	if d.index, status = s.b.Store.Stage(s.batch, m); status != store.PutOK {
		r.Fail(code.SystemError, status.String())
		return
	}
	d.topic, d.back = m.Topic, s.topicName(back)
	s.back.staged = append(s.back.staged, d)
}

// backProperties appends the property string of the new record to dst, and returns
// the topic that the message was first sent to.
func backProperties(dst []byte, v *message.View, level int64) (props, back []byte) {
	var origin []byte
	for p := message.PairsOf(v.Properties); p.Next(); {
		switch string(p.Name) {
		case message.PropertyRetryTopic:
			back = p.Value
		case message.PropertyOriginMessageID:
			origin = p.Value
		case message.PropertyWait, message.PropertyDelay:
		default:
			dst = append(append(dst, p.Name...), 1)
			dst = append(append(dst, p.Value...), 2)
		}
	}
	if back == nil {
		back = v.Topic
	}
	dst = append(append(append(dst, message.PropertyRetryTopic...), 1), back...)
	dst = message.AppendProperty(append(dst, 2), message.PropertyWait, "false")
	dst = append(append(dst, message.PropertyDelay...), 1)
	dst = append(strconv.AppendInt(dst, level, 10), 2)
	dst = append(append(dst, message.PropertyOriginMessageID...), 1)
	if len(bytes.TrimSpace(origin)) > 0 {
		dst = append(dst, origin...)
	} else {
		dst = message.AppendOffsetMsgID(dst, v.StoreHost, v.PhyOffset)
	}
	return append(dst, 2), back
}

// maxReason bounds the reason that is kept; roomForReason is how long properties may
// be for it to be kept at all: they must stay within what the store takes.
const (
	maxReason     = 1024
	roomForReason = 24 << 10
)

// withReason notes why the consumer failed, in place of an earlier reason.
func withReason(props []byte, reason string) []byte {
	if reason == "" || len(props) > roomForReason {
		return props
	}
	reason = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(reason[:min(len(reason), maxReason)], ""))
	return message.AppendProperty(message.DeleteProperty(props, message.PropertyFailureReason), message.PropertyFailureReason, reason)
}

// finishBacks answers those of an appended batch. They do not wait for the disk, as
// WAIT=false says: the consumer's own progress reaches it later.
func (s *sendTurn) finishBacks() {
	for i := range s.back.staged {
		d := &s.back.staged[i]
		res := s.batch.Result(d.index)
		if res.Status != store.PutOK {
			s.answerBack(d.req, refused(code.SystemError, res.Status.String()))
			continue
		}
		if d.topic == message.TopicSchedule {
			s.sum.add(s.b.Stats, d.topic, &res)
		}
		s.b.Stats.SendBack([]byte(d.group), []byte(d.back), 1)
		if d.dlq {
			s.b.Stats.DLQ([]byte(d.group), []byte(d.back), 1)
			s.b.log.Debug().Str("topic", d.topic).Str("from", d.back).Str("group", d.group).Int64("phy", res.PhyOffset).Msg("dead letter")
		}
		s.answerBack(d.req, admitted)
	}
	s.back.staged = s.back.staged[:0]
}

func (s *sendTurn) answerBack(r *remoting.Request, a refusal) {
	if r.IsOneWay() {
		r.MarkAnswered()
		return
	}
	r.AppendReply(protocol.NewResponse(a.code, a.remark))
}
