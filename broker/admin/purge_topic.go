package admin

import (
	"github.com/skylarkmq/skylark/broker/purged"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// purgeTopic answers SkylarkPurgeTopic: what is stored in a topic, up to an offset or a time, is not to be read any more. The queues'
// minimum offsets move; groups that are behind are moved there. Files stay as they are: docs/adr/0005-purge.md says why.
func (a *Admin) purgeTopic(r *remoting.Request, h *header.PurgeTopic) (*protocol.Command, error) {
	if a.Rules().Slave {
		return nil, remoting.Fail(code.SystemError, "Can not purge a topic in slave broker")
	}
	c := a.Topics.Get(h.Topic)
	switch {
	case c == nil:
		return nil, remoting.Fail(code.TopicNotExist, "Topic "+h.Topic+" does not exist")
	case a.Topics.IsSystem(h.Topic):
		return nil, conflictsWithSystem(h.Topic)
	case h.Offset < -1, h.QueueId < -1, h.Before < 0: // there is no way back: what says nothing sensible must not mean everything
		return nil, remoting.Failf(code.InvalidParameter, "offset %d, queueId %d, before %d: nothing purged; offset and queueId are -1 for all, "+
			"and before is 0 for any time", h.Offset, h.QueueId, h.Before)
	case h.Offset >= 0 && h.QueueId < 0:
		return nil, remoting.Fail(code.InvalidParameter, "an offset is one of a queue: name the queue, too")
	}
	answer := body.Skipped{Queues: []body.SkippedQueue{}, Groups: []string{}, Done: h.Write}
	var marks []purged.Mark
	a.changes.Lock() // the topic is not deleted meanwhile
	defer a.changes.Unlock()
	now := a.Clock.NowMs()
	for q := range queueCount(max(c.ReadQueueNums, c.WriteQueueNums)) {
		if h.QueueId >= 0 && h.QueueId != q {
			continue
		}
		low, high, err := a.Store.Bounds(h.Topic, q)
		to := high
		switch {
		case h.Offset >= 0:
			to = min(h.Offset, high)
		case h.Before > 0:
			to, err = a.Store.OffsetByTime(h.Topic, q, h.Before, false)
		}
		if err != nil {
			return nil, err
		}
		if to <= low {
			continue
		}
		units, _, _, _ := a.Store.Units(h.Topic, q, to-1, 1)
		if len(units) == 0 {
			return nil, remoting.Failf(code.SystemError, "queue %d of topic %s has no unit for each message (a batch or light topic?): not purged", q, h.Topic)
		}
		answer.Add(h.Topic, q, low, to)
		marks = append(marks, purged.Mark{Topic: h.Topic, QueueID: q, Offset: to, Phy: units[0].PhyOffset, Time: now})
	}
	groups := a.behind(marks)
	answer.Groups = append(answer.Groups, groups...)
	if !h.Write {
		return jsonAnswer(answer)
	}
	if err := a.Purge(marks); err != nil {
		return nil, err
	}
	for _, group := range groups {
		a.moveUp(group, marks)
	}
	a.audit(r, "topic purge").Str("topic", h.Topic).Int32("queue", h.QueueId).Int64("before", h.Before).Int64("offset", h.Offset).Int("queues", len(marks)).
		Int64("messages", answer.Messages).Strs("groups", groups).Msg("topic purged")
	return jsonAnswer(answer)
}

// behind are the groups that have consumed less of a topic than the marks say.
func (a *Admin) behind(marks []purged.Mark) (groups []string) {
	if len(marks) == 0 {
		return nil
	}
	for _, group := range a.Offsets.Groups(marks[0].Topic) {
		at := a.Offsets.Queues(group, marks[0].Topic)
		for _, m := range marks {
			if offset, known := at[m.QueueID]; known && offset < m.Offset {
				groups = append(groups, group)
				break
			}
		}
	}
	return groups
}

// moveUp commits the marks for a group that is behind them. A consumer that has pulled the messages already may consume them still.
func (a *Admin) moveUp(group string, marks []purged.Mark) {
	at := a.Offsets.Queues(group, marks[0].Topic)
	for _, m := range marks {
		if offset, known := at[m.QueueID]; known && offset < m.Offset {
			a.Offsets.Commit(group, m.Topic, m.QueueID, m.Offset)
		}
	}
}
