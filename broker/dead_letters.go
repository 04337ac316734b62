package broker

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/skylarkmq/skylark/broker/deadletter"
	"github.com/skylarkmq/skylark/broker/topic"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/metrics"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
	"github.com/skylarkmq/skylark/store"
)

// Requests of `skylark admin dlq`. They read the dead letter topics as any consumer
// could; what was sent again is in config/deadLettersSent.json, which the Java broker
// does not know.
//
//	dead_letters.go         groups, list, show
//	dead_letter_filter.go   which letters are meant
//	dead_letters_resend.go  send again, once
var deadLetterRoutes = []remoting.Route[*Broker]{
	remoting.HandleRaw(code.SkylarkDeadLetterGroups, remoting.Query, (*Broker).deadLetterGroups),
	remoting.Handle(code.SkylarkDeadLetters, remoting.Query, (*Broker).listDeadLetters),
	remoting.Handle(code.SkylarkDeadLetterShow, remoting.Query, (*Broker).showDeadLetter),
	remoting.Handle(code.SkylarkDeadLetterResend, remoting.Query, (*Broker).resendDeadLetters),
}

// deadScanMost bounds the records that one request looks at: a filter may match none.
const deadScanMost = 20_000

// deadLetters keeps what was sent again.
type deadLetters struct {
	b     *Broker
	table *deadletter.Table
	file  *stateFile
	// sending lets one resend run at a time: each looks, sends and notes.
	sending sync.Mutex
}

func newDeadLetters(b *Broker) *deadLetters {
	d := &deadLetters{b: b, table: deadletter.New()}
	d.file = b.stateFile("deadLettersSent.json", d.table.Encode, d.table.Decode)
	return d
}

// queue prepares the table for a queue: what is known of one that was deleted is
// forgotten.
func (d *deadLetters) queue(name string, id int32) deadletter.Queue {
	q := deadletter.Queue{Topic: name, ID: id}
	d.table.Same(q, func(offset int64) (int64, bool) {
		_, high, err := d.b.Store.Bounds(name, id)
		if err != nil {
			return 0, false
		}
		if offset >= high {
			return -1, true // what was sent does not expire before what came later: this queue is a new one, and still shorter
		}
		units, _, _, _ := d.b.Store.Units(name, id, offset, 1)
		if len(units) == 0 {
			return 0, false
		}
		return units[0].PhyOffset, true
	})
	return q
}

// depth is how many letters of a group are left and how many were sent again; oldest
// is when the first of those left was stored, 0 for none.
func (d *deadLetters) depth(c *topic.Config) (left, sent, oldest int64) {
	for id := range deadQueues(c) {
		q := d.queue(c.TopicName, id)
		low, high := d.b.Store.MinOffset(c.TopicName, id), d.b.Store.MaxOffset(c.TopicName, id)
		n, first := d.table.Count(q, low)
		sent += n
		left += max(0, high-low-n)
		if first < high {
			if at := d.b.Store.StoreTime(c.TopicName, id, first); at > 0 && (oldest == 0 || at < oldest) {
				oldest = at
			}
		}
	}
	return left, sent, oldest
}

func deadQueues(c *topic.Config) int32 { return min(max(c.ReadQueueNums, c.WriteQueueNums, 0), 1024) }

// each visits the dead letter topics.
func (d *deadLetters) each(visit func(group string, c *topic.Config)) {
	for _, c := range d.b.Topics.All() {
		if group, ok := strings.CutPrefix(c.TopicName, topic.DLQPrefix); ok {
			visit(group, c)
		}
	}
}

func (d *deadLetters) figures(yield func(metrics.Dead)) {
	now := d.b.clock.NowMs()
	d.each(func(group string, c *topic.Config) {
		left, _, oldest := d.depth(c)
		f := metrics.Dead{Group: group, Depth: left}
		if oldest > 0 {
			f.OldestAge = time.Duration(max(0, now-oldest)) * time.Millisecond
		}
		yield(f)
	})
}

func (b *Broker) deadLetterGroups(*remoting.Request) (*protocol.Command, error) {
	out := body.DeadLetterGroups{Groups: []body.DeadLetterGroup{}}
	b.letters.each(func(group string, c *topic.Config) {
		g := body.DeadLetterGroup{Group: group}
		g.Depth, g.Sent, g.Oldest = b.letters.depth(c)
		out.Groups = append(out.Groups, g)
	})
	return withBody(out)
}

// deadTopic finds the dead letter topic of a group.
func (b *Broker) deadTopic(group string) (*topic.Config, error) {
	if c := b.Topics.Get(topic.DLQPrefix + group); c != nil {
		return c, nil
	}
	return nil, remoting.Failf(code.TopicNotExist, "group %s has no dead letters on this broker", group)
}

func (b *Broker) listDeadLetters(_ *remoting.Request, h *header.DeadLetters) (*protocol.Command, error) {
	c, err := b.deadTopic(h.Group)
	if err != nil {
		return nil, err
	}
	page := body.DeadLetterPage{Letters: []body.DeadLetter{}}
	most := int(min(max(h.Max, 1), shownPageMost))
	page.NextQueue, page.NextOffset, err = b.letters.walk(c, h, func(q deadletter.Queue, v *message.View) bool {
		page.Letters = append(page.Letters, b.letters.letter(q, v))
		return len(page.Letters) < most
	})
	if err != nil {
		return nil, err
	}
	return withBody(page)
}

// walk visits the letters that are meant until visit says no more, or many records
// were looked at. It returns where to go on; offset -1 is the end. One that cannot be read
// now is an error, or where to go on when there were others before it.
func (d *deadLetters) walk(
	c *topic.Config, h *header.DeadLetters, visit func(deadletter.Queue, *message.View) bool,
) (queue int32, offset int64, err error) {
	looked, visited := 0, false
	var recs []byte
	for id := max(h.QueueId, 0); id < deadQueues(c); id++ {
		q := d.queue(c.TopicName, id)
		low, high, err := d.b.Store.Bounds(c.TopicName, id)
		if err != nil {
			return unreadFrom(id, 0, visited, err)
		}
		at := low
		if id == h.QueueId {
			at = max(at, h.From)
		}
		for at < high {
			if looked >= deadScanMost {
				return id, at, nil
			}
			var res store.GetResult
			res, recs = d.b.Store.Get(&store.GetRequest{Topic: c.TopicName, QueueID: id, Offset: at, MaxCount: 32}, recs[:0])
			if res.Status == store.GetFailed {
				return unreadFrom(id, at, visited, res.Err)
			}
			for rest := recs; len(rest) > 0; {
				var v message.View
				if message.Decode(rest, &v) != nil {
					break
				}
				rest = rest[v.Size:]
				looked++
				if !d.meant(q, h, &v) {
					continue
				}
				visited = true
				if !visit(q, &v) {
					if v.QueueOffset+1 < high || id+1 < deadQueues(c) {
						return id, v.QueueOffset + 1, nil
					}
					return 0, -1, nil
				}
			}
			if res.NextBegin <= at {
				break
			}
			at = res.NextBegin
		}
	}
	return 0, -1, nil
}

// unreadFrom ends a walk at a letter that cannot be read now. What was visited is answered
// first: the request that goes on from there gets the error.
func unreadFrom(id int32, at int64, visited bool, err error) (queue int32, offset int64, _ error) {
	if visited {
		return id, at, nil
	}
	return 0, 0, fmt.Errorf("dead letters of queue %d cannot be read now, from offset %d on: %w", id, at, err)
}

// letter describes one.
func (d *deadLetters) letter(q deadletter.Queue, v *message.View) body.DeadLetter {
	f := readFacts(v)
	return body.DeadLetter{
		QueueID: q.ID, Offset: v.QueueOffset, OffsetMsgID: string(message.AppendOffsetMsgID(nil, d.b.addr, v.PhyOffset)),
		MsgID: f.uniq, Origin: f.origin, OriginMsgID: f.originID, Keys: f.keys, Tags: f.tags, ReconsumeTimes: v.ReconsumeTimes,
		Born: v.BornTimestamp, BornHost: v.BornHost.String(), Stored: v.StoreTimestamp, Size: v.Size, Reason: f.reason,
		Sent: d.table.Sent(q, v.QueueOffset),
	}
}

func (b *Broker) showDeadLetter(_ *remoting.Request, h *header.DeadLetter) (*protocol.Command, error) {
	c, err := b.deadTopic(h.Group)
	if err != nil {
		return nil, err
	}
	var one *body.DeadLetter
	_, _, err = b.letters.walk(c, &header.DeadLetters{QueueId: h.QueueId, From: h.Offset, Sent: true}, func(q deadletter.Queue, v *message.View) bool {
		if q.ID == h.QueueId && v.QueueOffset == h.Offset {
			l := b.letters.letter(q, v)
			l.Properties, l.Body = string(v.Properties), append([]byte{}, v.Body[:min(len(v.Body), shownBodyMost)]...)
			one = &l
		}
		return false
	})
	if err != nil {
		return nil, err
	}
	if one == nil {
		return nil, remoting.Failf(code.QueryNotFound, "group %s has no dead letter at offset %d of queue %d", h.Group, h.Offset, h.QueueId)
	}
	return withBody(*one)
}
