package admin

import (
	"strings"

	"github.com/skylarkmq/skylark/broker/topic"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// getConsumeStats answers GET_CONSUME_STATS: how far a group is in its topics.
func (a *Admin) getConsumeStats(_ *remoting.Request, h *header.GetConsumeStats) (*protocol.Command, error) {
	rules := a.Rules()
	out := body.ConsumeStats{OffsetTable: map[body.MessageQueue]body.OffsetWrapper{}}
	for _, name := range a.topicsOf(h) {
		c := a.Topics.Get(name)
		if c == nil {
			continue
		}
		for q := range queueCount(c.ReadQueueNums) {
			w := a.position(h.ConsumerGroup, name, q)
			w.PullOffset = max(w.ConsumerOffset, a.Offsets.QueryPull(h.ConsumerGroup, name, q))
			out.OffsetTable[a.queue(&rules, name, q)] = w
		}
		out.ConsumeTps += a.Stats.GroupGetTps(h.ConsumerGroup, name)
	}
	return jsonAnswer(out)
}

// topicsOf lists the topics a caller wants to know of. Those named in topicList are taken as they are; the others only when the group
// subscribes to them now, or is not online.
func (a *Admin) topicsOf(h *header.GetConsumeStats) []string {
	var named []string
	for name := range strings.SplitSeq(h.TopicList, ";") {
		if strings.TrimSpace(name) != "" {
			named = append(named, name)
		}
	}
	if len(named) > 0 {
		return named
	}
	list := []string{h.Topic}
	if strings.TrimSpace(h.Topic) == "" {
		list = a.Offsets.Topics(h.ConsumerGroup)
	}
	wanted := list[:0:0]
	for _, name := range list {
		if a.mayConsume(h.ConsumerGroup, name) {
			wanted = append(wanted, name)
		}
	}
	return wanted
}

// mayConsume is false when the group is online and subscribes to other topics only: its offsets of this one are left from earlier.
func (a *Admin) mayConsume(group, name string) bool {
	sub, _, online := a.Clients.Subscription(group, name)
	if !online || sub != nil {
		return true
	}
	g, _ := a.Clients.ConsumerGroup(group)
	return len(g.Subscriptions) == 0
}

// position is where a group is in one queue.
func (a *Admin) position(group, name string, q int32) body.OffsetWrapper {
	w := body.OffsetWrapper{
		BrokerOffset:   max(a.Store.MaxOffset(name, q), 0),
		ConsumerOffset: max(a.Offsets.Query(group, name, q), 0),
	}
	if w.ConsumerOffset > 0 {
		w.LastTimestamp = max(a.Store.StoreTime(name, q, w.ConsumerOffset-1), 0)
	}
	return w
}

// getBrokerConsumeStats answers GET_BROKER_CONSUME_STATS: every group of this broker. Unlike GET_CONSUME_STATS the original counts
// write queues here and leaves pull offsets at 0, which makes the sums in flight negative; so do we.
func (a *Admin) getBrokerConsumeStats(_ *remoting.Request, h *header.GetConsumeStatsInBroker) (*protocol.Command, error) {
	rules := a.Rules()
	out := body.ConsumeStatsList{BrokerAddr: rules.Addr.String(), ConsumeStatsList: []map[string][]body.ConsumeStats{}}
	topics := a.Offsets.TopicsByGroup()
	for _, g := range a.Groups.All() {
		list := []body.ConsumeStats{}
		for _, name := range topics[g.GroupName] {
			c := a.Topics.Get(name)
			if c == nil || h.IsOrder && !c.Order || !a.mayConsume(g.GroupName, name) {
				continue
			}
			list = append(list, a.topicConsumeStats(&rules, g.GroupName, c, &out))
		}
		out.ConsumeStatsList = append(out.ConsumeStatsList, map[string][]body.ConsumeStats{g.GroupName: list})
	}
	return jsonAnswer(out)
}

func (a *Admin) topicConsumeStats(rules *Rules, group string, c *topic.Config, sums *body.ConsumeStatsList) body.ConsumeStats {
	s := body.ConsumeStats{
		OffsetTable: map[body.MessageQueue]body.OffsetWrapper{}, ConsumeTps: a.Stats.GroupGetTps(group, c.TopicName),
	}
	for q := range queueCount(c.WriteQueueNums) {
		w := a.position(group, c.TopicName, q)
		s.OffsetTable[a.queue(rules, c.TopicName, q)] = w
		sums.TotalDiff += w.BrokerOffset - w.ConsumerOffset
		sums.TotalInflightDiff += w.PullOffset - w.ConsumerOffset
	}
	return s
}
