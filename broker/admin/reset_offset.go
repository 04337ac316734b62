package admin

import (
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// resetOffset answers INVOKE_BROKER_TO_RESET_OFFSET. The new way leaves the reset here until the consumer pulls again; the old one
// (useServerSideResetOffset=false) tells the consumers, which must be online.
func (a *Admin) resetOffset(r *remoting.Request, h *header.ResetOffset) (*protocol.Command, error) {
	a.asked(r).Str("group", h.Group).Str("topic", h.Topic).Int32("queue", h.QueueId).Int64("timestamp", h.Timestamp).Msg("offsets to be reset")
	rules := a.Rules()
	if !rules.ServerSideReset {
		return a.resetAtClients(&rules, r.Language == protocol.CPP, h)
	}
	if rules.Slave {
		return nil, remoting.Fail(code.SystemError, "Can not reset offset in slave broker")
	}
	c := a.Topics.Get(h.Topic)
	if c == nil {
		return nil, remoting.Fail(code.TopicNotExist, "Topic "+h.Topic+" does not exist")
	}
	if a.Groups.Get(h.Group) == nil {
		return nil, remoting.Fail(code.SubscriptionGroupNotExist, "Group "+h.Group+" does not exist")
	}
	targets, err := a.resetTargets(&rules, h, queueCount(c.ReadQueueNums))
	if err != nil {
		return nil, err
	}
	if len(targets) == 0 {
		return nil, remoting.Fail(code.SystemError, "No queues to reset.")
	}
	for q, target := range targets {
		a.Offsets.AssignReset(h.Group, h.Topic, q.QueueId, target)
	}
	return jsonAnswer(body.ResetOffsetBody{OffsetTable: targets})
}

// resetTargets is where to reset the queues asked for: all, or one.
func (a *Admin) resetTargets(rules *Rules, h *header.ResetOffset, queues int32) (targets map[body.MessageQueue]int64, err error) {
	targets = map[body.MessageQueue]int64{}
	switch {
	case h.QueueId < 0:
		for q := range queues {
			if targets[a.queue(rules, h.Topic, q)], err = a.offsetAt(h.Topic, q, h.Timestamp); err != nil {
				return nil, err
			}
		}
	case h.Offset != nil && *h.Offset != -1:
		low, high, err := a.Store.Bounds(h.Topic, h.QueueId)
		if err != nil {
			return nil, err
		}
		if low >= 0 && *h.Offset < low || *h.Offset > high+1 {
			return nil, remoting.Failf(code.SystemError, "Target offset %d not in consume queue range [%d-%d]", *h.Offset, low, high)
		}
		targets[a.queue(rules, h.Topic, h.QueueId)] = *h.Offset
	default:
		targets[a.queue(rules, h.Topic, h.QueueId)], err = a.offsetAt(h.Topic, h.QueueId, h.Timestamp)
	}
	return targets, err
}

// offsetAt is the first offset not older than a time; any negative time means the end of the queue.
func (a *Admin) offsetAt(topicName string, q int32, ms int64) (int64, error) {
	if ms < 0 {
		_, high, err := a.Store.Bounds(topicName, q)
		return high, err
	}
	return a.Store.OffsetByTime(topicName, q, ms, false)
}

// offsetAtClients is offsetAt the old way: -1 alone means the end, any other time before the first message its beginning.
func (a *Admin) offsetAtClients(topicName string, q int32, ms int64) (int64, error) {
	if ms == -1 {
		return a.offsetAt(topicName, q, ms)
	}
	at, err := a.Store.OffsetByTime(topicName, q, ms, false)
	return max(at, 0), err
}

// resetAtClients is Broker2Client.resetOffset: consumers get RESET_CONSUMER_CLIENT_OFFSET and commit by themselves.
func (a *Admin) resetAtClients(rules *Rules, listForm bool, h *header.ResetOffset) (*protocol.Command, error) {
	c := a.Topics.Get(h.Topic)
	if c == nil {
		return nil, remoting.Fail(code.TopicNotExist, "[reset-offset] reset offset failed, no topic in this broker. topic="+h.Topic)
	}
	targets := map[body.MessageQueue]int64{}
	for q := range queueCount(c.WriteQueueNums) {
		at := a.Offsets.Query(h.Group, h.Topic, q)
		if at < 0 {
			return nil, remoting.Failf(code.SystemError, "THe consumer group <%s> not exist", h.Group)
		}
		target, err := a.offsetAtClients(h.Topic, q, h.Timestamp)
		if err != nil {
			return nil, err
		}
		if !h.IsForce && target >= at {
			target = at
		}
		targets[a.queue(rules, h.Topic, q)] = target
	}
	g, online := a.Clients.ConsumerGroup(h.Group)
	if !online || len(g.Clients) == 0 {
		return nil, remoting.Failf(code.ConsumerNotOnline,
			"Consumer not online, so can not reset offset, Group: %s Topic: %s Timestamp: %d", h.Group, h.Topic, h.Timestamp)
	}
	data, err := resetBody(listForm, targets)
	if err != nil {
		return nil, err
	}
	for i := range g.Clients {
		member := &g.Clients[i]
		if member.Version < version3_0_7 {
			return nil, remoting.Failf(code.SystemError, "the client does not support this feature. version=%d", member.Version)
		}
		conn, _ := member.Channel.(*remoting.Conn)
		if conn == nil {
			continue
		}
		cmd := protocol.NewRequest(code.ResetConsumerClientOffset, h, data)
		if err := conn.Send(cmd); err != nil {
			a.Log.Warn().Err(err).Str("group", h.Group).Str("client", member.ClientID).Msg("reset offset not sent")
		}
	}
	return jsonAnswer(body.ResetOffsetBody{OffsetTable: targets})
}

// resetBody writes the offsets as a map, or as the list that clients in C++ read.
func resetBody(listForm bool, targets map[body.MessageQueue]int64) ([]byte, error) {
	if !listForm {
		return body.Encode(body.ResetOffsetBody{OffsetTable: targets})
	}
	list := body.ResetOffsetBodyForC{OffsetTable: []body.MessageQueueForC{}}
	for q, target := range targets {
		list.OffsetTable = append(list.OffsetTable, body.MessageQueueForC{BrokerName: q.BrokerName, QueueId: q.QueueId, Topic: q.Topic, Offset: target})
	}
	return body.Encode(list)
}
