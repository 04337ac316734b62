package admin

import (
	"maps"
	"slices"

	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// skipToEnd answers SkylarkSkipToEnd: the group goes on behind everything that is stored now, in one topic or in all that it has
// offsets of or subscribes to, its retry topic among them. It is a reset to the end of each queue: consumers hear of it by their next
// pull; with useServerSideResetOffset=false they are told, and the others' offsets are written.
func (a *Admin) skipToEnd(r *remoting.Request, h *header.SkipToEnd) (*protocol.Command, error) {
	rules := a.Rules()
	if rules.Slave {
		return nil, remoting.Fail(code.SystemError, "Can not reset offset in slave broker")
	}
	if a.Groups.Get(h.Group) == nil {
		return nil, remoting.Fail(code.SubscriptionGroupNotExist, "Group "+h.Group+" does not exist")
	}
	topics, err := a.skipTopics(h)
	if err != nil {
		return nil, err
	}
	answer := body.Skipped{Queues: []body.SkippedQueue{}, Groups: []string{}, Done: h.Write}
	for _, name := range topics {
		c := a.Topics.Get(name)
		if c == nil {
			continue // its offsets are a rest
		}
		for q := range queueCount(max(c.ReadQueueNums, c.WriteQueueNums)) {
			low, high, err := a.Store.Bounds(name, q)
			if err != nil {
				return nil, err
			}
			answer.Add(name, q, max(a.Offsets.Query(h.Group, name, q), low), high)
		}
	}
	if len(answer.Queues) > 0 {
		answer.Groups = append(answer.Groups, h.Group)
	}
	if h.Write {
		for _, q := range answer.Queues {
			a.skip(&rules, r, h.Group, &q)
		}
		a.audit(r, "group skip-to-end").Str("group", h.Group).Str("topic", h.Topic).Int("queues", len(answer.Queues)).Int64("messages", answer.Messages).
			Msg("consumer group skipped to the end")
	}
	return jsonAnswer(answer)
}

func (a *Admin) skipTopics(h *header.SkipToEnd) ([]string, error) {
	if h.Topic != "" {
		if a.Topics.Get(h.Topic) == nil {
			return nil, remoting.Fail(code.TopicNotExist, "Topic "+h.Topic+" does not exist")
		}
		return []string{h.Topic}, nil
	}
	topics := a.Offsets.Topics(h.Group)
	if g, online := a.Clients.ConsumerGroup(h.Group); online {
		topics = append(topics, slices.Collect(maps.Keys(g.Subscriptions))...)
	}
	slices.Sort(topics)
	return slices.Compact(topics), nil
}

func (a *Admin) skip(rules *Rules, r *remoting.Request, group string, q *body.SkippedQueue) {
	if rules.ServerSideReset {
		a.Offsets.AssignReset(group, q.Topic, q.QueueID, q.To)
		return
	}
	a.Offsets.Commit(group, q.Topic, q.QueueID, q.To) // a full table has this row already
	if _, online := a.Clients.ConsumerGroup(group); online {
		if _, err := a.resetAtClients(rules, r.Language == protocol.CPP, &header.ResetOffset{
			Topic: q.Topic, Group: group, QueueId: q.QueueID, Timestamp: -1, IsForce: true,
		}); err != nil {
			a.Log.Warn().Err(err).Str("group", group).Str("topic", q.Topic).Msg("consumers not told to skip")
		}
	}
}
