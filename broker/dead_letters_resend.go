package broker

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/skylarkmq/skylark/broker/deadletter"
	"github.com/skylarkmq/skylark/broker/subscription"
	"github.com/skylarkmq/skylark/broker/topic"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
	"github.com/skylarkmq/skylark/store"
)

// Where dead letters are sent again.
const (
	toRetry  = "retry"
	toOrigin = "origin"
)

// resendDeadLetters answers SkylarkDeadLetterResend: one batch, whose size and pace are
// the asker's. Letters that were sent already are left out, whatever the request says.
func (b *Broker) resendDeadLetters(r *remoting.Request, h *header.DeadLetters) (*protocol.Command, error) {
	c, err := b.deadTopic(h.Group)
	if err != nil {
		return nil, err
	}
	group := b.Groups.Get(h.Group)
	switch {
	case h.To != toRetry && h.To != toOrigin:
		return nil, remoting.Failf(code.InvalidParameter, "dead letters go to %q or to %q", toRetry, toOrigin)
	case b.storeCfg.Get().BrokerRole == store.Slave:
		return nil, remoting.Fail(code.SystemError, "a slave sends nothing")
	case group == nil:
		return nil, remoting.Fail(code.SubscriptionGroupNotExist, "Group "+h.Group+" does not exist")
	case h.To == toRetry && group.RetryQueueNums <= 0:
		return nil, remoting.Failf(code.InvalidParameter, "group %s has no retries (retryQueueNums 0): send them to their origin", h.Group)
	}
	h.Sent = false
	page, err := b.letters.resend(c, group, h)
	sent := 0
	for i := range page.Letters {
		if page.Letters[i].Sent {
			sent++
		}
	}
	b.log.Warn().Err(err).Str("audit", "dlq resend").Stringer("remote", r.Conn.RemoteAddr()).Str("group", h.Group).Str("to", h.To).
		Int32("queue", h.QueueId).Int64("from", h.From).Int("messages", sent).Int("refused", len(page.Letters)-sent).Msg("dead letters sent again")
	if err != nil {
		return nil, remoting.Fail(code.SystemError, err.Error())
	}
	return withBody(page)
}

// maxResendBytes bounds what a batch keeps in memory: 256 letters may have 4 MiB each.
const maxResendBytes = 4 << 20

// aResend is a batch on its way.
type aResend struct {
	page   body.DeadLetterPage
	batch  *store.Batch
	queue  deadletter.Queue
	staged []stagedLetter
}

type stagedLetter struct {
	deadletter.Letter
	at, index int // in the page, in the batch
}

// resend sends one batch of one queue.
func (d *deadLetters) resend(c *topic.Config, group *subscription.Group, h *header.DeadLetters) (body.DeadLetterPage, error) {
	d.sending.Lock()
	defer d.sending.Unlock()
	s := &aResend{page: body.DeadLetterPage{Letters: []body.DeadLetter{}}, batch: store.NewBatch()}
	most := int(min(max(h.Max, 1), deadletter.MaxBatch))
	over := false // a letter of the next queue came: it waits for the next request
	queue, offset, err := d.walk(c, h, func(q deadletter.Queue, v *message.View) bool {
		if len(s.page.Letters) > 0 && q != s.queue {
			over = true
			s.page.NextQueue, s.page.NextOffset = q.ID, v.QueueOffset
			return false
		}
		s.queue = q
		d.stage(s, group, h.To, v)
		return len(s.page.Letters) < most && s.batch.Bytes() < maxResendBytes
	})
	if !over {
		s.page.NextQueue, s.page.NextOffset = queue, offset
	}
	if err != nil || len(s.staged) == 0 {
		return s.page, err
	}
	return s.page, d.send(s)
}

// stage prepares one letter; why it cannot be sent is noted with it.
func (d *deadLetters) stage(s *aResend, group *subscription.Group, to string, v *message.View) {
	l := d.letter(s.queue, v)
	target, queue, err := d.target(group, to, &l)
	if err == nil {
		m := message.Message{
			Topic: target, QueueID: queue, Flag: v.Flag, SysFlag: v.SysFlag, BornTimestamp: v.BornTimestamp, BornHost: v.BornHost,
			StoreHost: d.b.addr, Body: v.Body, Properties: resentProperties(v.Properties, s.queue, v.QueueOffset, to, l.Origin),
		}
		index, status := d.b.Store.Stage(s.batch, &m)
		if status == store.PutOK {
			s.staged = append(s.staged, stagedLetter{deadletter.Letter{Offset: v.QueueOffset, Phy: v.PhyOffset}, len(s.page.Letters), index})
		} else {
			err = errors.New(status.String())
		}
	}
	if err != nil {
		l.Problem = err.Error()
	}
	s.page.Letters = append(s.page.Letters, l)
}

// target finds topic and queue for a letter.
func (d *deadLetters) target(group *subscription.Group, to string, l *body.DeadLetter) (name string, queue int32, err error) {
	if to == toRetry {
		retry := topic.GroupTopic{Topic: topic.RetryPrefix + group.GroupName, QueueNums: group.RetryQueueNums}
		c, refusal := d.b.groupTopic(retry, true)
		if c == nil {
			return "", 0, errors.New(refusal.remark)
		}
		if l.Origin == "" {
			return "", 0, errors.New("it does not say which topic it is of: no consumer would take it")
		}
		return placeIn(c, l)
	}
	c := d.b.Topics.Get(l.Origin)
	switch {
	case l.Origin == "":
		return "", 0, errors.New("it does not say which topic it was sent to")
	case c == nil:
		return "", 0, fmt.Errorf("topic %s does not exist any more", l.Origin)
	case d.b.Topics.IsSystem(l.Origin):
		return "", 0, fmt.Errorf("topic %s belongs to the broker", l.Origin)
	}
	return placeIn(c, l)
}

// placeIn is a queue of a topic that can be written to and read from: a letter that was
// sent where nobody looks would count as sent.
func placeIn(c *topic.Config, l *body.DeadLetter) (name string, queue int32, err error) {
	switch {
	case !c.Writeable() || c.WriteQueueNums <= 0:
		return "", 0, fmt.Errorf("topic %s is not writeable", c.TopicName)
	case !c.Readable() || c.ReadQueueNums <= 0:
		return "", 0, fmt.Errorf("topic %s is not readable", c.TopicName)
	}
	return c.TopicName, int32(l.Offset % int64(c.Queues())), nil
}

// resentProperties are those of the letter without what its failed attempts left, so
// that it is tried as often as a new one. In the retry topic it says where it is from.
func resentProperties(props []byte, q deadletter.Queue, offset int64, to, origin string) []byte {
	out := make([]byte, 0, len(props)+128)
	for p := message.PairsOf(props); p.Next(); {
		switch string(p.Name) {
		case message.PropertyDelay, message.PropertyWait, message.PropertyReconsumeTime, message.PropertyMaxReconsumeTimes,
			message.PropertyRetryTopic, message.PropertyResent, message.PropertyPopCK, message.PropertyFirstPopTime,
			message.PropertyConsumeStartTime:
		default:
			out = append(append(append(append(out, p.Name...), 1), p.Value...), 2)
		}
	}
	if to == toRetry {
		out = message.AppendProperty(out, message.PropertyRetryTopic, origin)
	}
	return message.AppendProperty(out, message.PropertyResent, resentMark(q, offset))
}

func resentMark(q deadletter.Queue, offset int64) string {
	return strconv.Itoa(int(q.ID)) + ":" + strconv.FormatInt(offset, 10) + "@" + q.Topic
}

// send appends what is staged and notes it: before, that it is about to be sent, and
// afterwards, when the disk has it, what was. The error says what was not noted.
func (d *deadLetters) send(s *aResend) error {
	// The dead letters and what is before the new messages must not be lost in a power
	// cut after it was noted that they are there.
	if err := d.b.Store.Sync(); err != nil {
		return fmt.Errorf("nothing sent: %w", err)
	}
	intent := deadletter.Intent{Queue: s.queue, LogEnd: d.b.Store.FlushedPhyOffset()}
	for i := range s.staged {
		intent.Letters = append(intent.Letters, s.staged[i].Letter)
	}
	if err := d.table.Begin(intent); err != nil {
		return fmt.Errorf("nothing sent: %w", err)
	}
	if err := d.file.persist(); err != nil {
		d.table.Finish(s.queue, nil)
		return fmt.Errorf("nothing sent: %w", err)
	}
	d.b.Store.Append(s.batch)
	if err := d.b.Store.Sync(); err != nil { // the store takes nothing more until a restart, which looks what is there
		return fmt.Errorf("it is not known what was sent until the broker has started again: %w", err)
	}
	var sent []deadletter.Letter
	for i := range s.staged {
		l := &s.page.Letters[s.staged[i].at]
		if res := s.batch.Result(s.staged[i].index); res.Status.Stored() {
			l.Sent = true
			sent = append(sent, s.staged[i].Letter)
		} else {
			l.Problem = res.Status.String()
		}
	}
	d.table.Finish(s.queue, sent)
	if err := d.file.persist(); err != nil {
		return fmt.Errorf("%d sent; what was sent is noted in memory, and found again after a restart: %w", len(sent), err)
	}
	return nil
}

// load reads what was sent, and finishes what a crash broke off: messages of the
// batch are behind the place where the log ended.
func (d *deadLetters) load() error {
	if err := d.file.load(); err != nil {
		return err
	}
	intents := d.table.Intents()
	if len(intents) == 0 {
		return nil
	}
	from := intents[0].LogEnd
	marks := map[string]struct{}{}
	for _, i := range intents {
		from = min(from, i.LogEnd)
		for _, l := range i.Letters {
			marks[resentMark(i.Queue, l.Offset)] = struct{}{}
		}
	}
	found := map[string]struct{}{}
	err := d.b.Store.Walk(from, func(v *message.View) error {
		if mark, ok := message.Property(v.Properties, message.PropertyResent); ok && !topic.IsDLQ(string(v.Topic)) {
			if _, wanted := marks[string(mark)]; wanted {
				found[string(mark)] = struct{}{}
			}
		}
		return nil
	})
	if err != nil {
		d.b.log.Error().Err(err).Int64("from", from).Msg("dead letters: the log could not be read to its end; some that were sent again may not be known")
	}
	for _, i := range intents {
		var sent []deadletter.Letter
		for _, l := range i.Letters {
			if _, ok := found[resentMark(i.Queue, l.Offset)]; ok {
				sent = append(sent, l)
			}
		}
		d.table.Finish(i.Queue, sent)
		d.b.log.Warn().Str("topic", i.Queue.Topic).Int("sent", len(sent)).Int("of", len(i.Letters)).Msg("dead letters: a batch that a crash broke off")
	}
	return d.file.persist()
}
