package broker

import (
	"fmt"

	"github.com/skylarkmq/skylark/broker/client"
	"github.com/skylarkmq/skylark/broker/subscription"
	"github.com/skylarkmq/skylark/broker/topic"
	"github.com/skylarkmq/skylark/filter"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// forbiddenType tells clients and proxies what a NO_PERMISSION is about.
type forbiddenType int64

// Java's ForbiddenType.
const (
	notForbidden forbiddenType = iota
	brokerForbidden
	groupForbidden
	topicForbidden
	broadcastForbidden
	subscriptionForbidden
)

// pullRefusal is a refusal with its forbidden type.
type pullRefusal struct {
	refusal
	kind forbiddenType
}

var pullAdmitted = pullRefusal{refusal: admitted}

func pullRefused(c code.Response, remark string) pullRefusal {
	return pullRefusal{refusal: refused(c, remark)}
}

func pullForbidden(kind forbiddenType, remark string) pullRefusal {
	return pullRefusal{refusal: refused(code.NoPermission, remark), kind: kind}
}

func (r pullRefusal) response() *protocol.Command {
	cmd := protocol.NewResponse(r.code, r.remark)
	if r.kind != notForbidden {
		cmd.Fields.SetInt("forbiddenType", int64(r.kind))
	}
	return cmd
}

// requestSource of proxies.
const (
	sourceBroadcast = 1
	sourceStream    = 2
)

// maxPullMsgs bounds what a client may ask for; the store's own limits are lower.
const maxPullMsgs = 1 << 20

// admitPull goes down the decision tree of Java's PullMessageProcessor and fills p.
func (b *Broker) admitPull(r *remoting.Request, h *header.PullMessage, p *pull) pullRefusal {
	*p = pull{
		queue: h.QueueId, offset: h.QueueOffset, maxMsgs: int(min(max(h.MaxMsgNums, 0), maxPullMsgs)), sysFlag: h.SysFlag,
		subVersion: h.SubVersion, commitOffset: h.CommitOffset, suspendMs: h.SuspendTimeoutMillis,
		lite: r.Request() == code.LitePullMessage,
	}
	if refusal := b.mayPull(p.lite); refusal.code != code.Success {
		return refusal
	}
	if p.group = b.Groups.Lookup(h.ConsumerGroup); p.group == nil {
		p.group = b.Groups.Find(string(h.ConsumerGroup))
	}
	if p.group == nil {
		return pullRefused(code.SubscriptionGroupNotExist,
			fmt.Sprintf("subscription group [%s] does not exist, %s", h.ConsumerGroup, faq))
	}
	if p.topic = b.Topics.Lookup(h.Topic); p.topic == nil && p.group.ConsumeEnable {
		return pullRefused(code.TopicNotExist, fmt.Sprintf("topic[%s] not exist, apply first please! %s", h.Topic, faq))
	}
	if refusal := mayRead(p, r.Conn); refusal.code != code.Success {
		return refusal
	}
	b.compensate(p.group.GroupName, h.RequestSource)
	if refusal := b.findSubscription(h, p); refusal.code != code.Success {
		switch refusal.code {
		case code.SubscriptionNotLatest, code.FilterDataNotExist, code.FilterDataNotLatest:
			b.Clients.Behind(p.group.GroupName, r.Conn)
		}
		return refusal
	}
	if !filter.IsTag(p.sub.ExpressionType) && !b.cfg.Get().EnablePropertyFilter {
		return pullRefused(code.SystemError, remarkNoFilter+p.sub.ExpressionType)
	}
	if b.cfg.Get().RejectPullConsumerEnable && b.rejectsPull(p.group.GroupName, r.Conn) {
		return pullRefused(code.SubscriptionNotExist, remarkPullRejected)
	}
	b.broadcaster(r.Conn, h, p)
	return pullAdmitted
}

// mayPull are the checks of the broker itself.
func (b *Broker) mayPull(lite bool) pullRefusal {
	cfg := b.cfg.Get()
	if cfg.BrokerPermission&int(topic.PermRead) == 0 {
		return pullForbidden(brokerForbidden, "the broker["+cfg.BrokerIP1+"] pulling message is forbidden")
	}
	if lite && !cfg.LitePullMessageEnable {
		return pullForbidden(brokerForbidden, "the broker["+cfg.BrokerIP1+"] for lite pull consumer is forbidden")
	}
	return pullAdmitted
}

// mayRead are the checks of group, topic and queue.
func mayRead(p *pull, conn *remoting.Conn) pullRefusal {
	switch {
	case !p.group.ConsumeEnable:
		return pullForbidden(groupForbidden, "subscription group no permission, "+p.group.GroupName)
	case !p.topic.Readable():
		return pullForbidden(topicForbidden, "the topic["+p.topic.TopicName+"] pulling message is forbidden")
	case p.queue < 0 || p.queue >= p.topic.ReadQueueNums:
		return pullRefused(code.InvalidParameter,
			fmt.Sprintf("queueId[%d] is illegal, topic:[%s] topicConfig.readQueueNums:[%d] consumer:[/%s]",
				p.queue, p.topic.TopicName, p.topic.ReadQueueNums, conn.RemoteAddr()))
	}
	return pullAdmitted
}

func (b *Broker) compensate(group string, source int32) {
	switch source {
	case sourceBroadcast:
		b.Clients.Compensate(group, client.ConsumePassively, client.Broadcasting)
	case sourceStream:
		b.Clients.Compensate(group, client.ConsumeActively, client.Clustering)
	default:
		b.Clients.Compensate(group, client.ConsumePassively, client.Clustering)
	}
}

// findSubscription takes the subscription from the request, or from the group's
// heartbeats.
func (b *Broker) findSubscription(h *header.PullMessage, p *pull) pullRefusal {
	group, name := p.group.GroupName, p.topic.TopicName
	if p.has(header.PullSubscription) {
		sub, err := b.Clients.CompensateSubscription(group, name, h.Subscription, h.ExpressionType)
		if err != nil {
			return pullRefused(code.SubscriptionParseFailed, remarkNotParsed)
		}
		p.sub = sub
		return pullAdmitted
	}
	return b.subscribed(p)
}

// subscribed looks at what the group's heartbeats say.
func (b *Broker) subscribed(p *pull) pullRefusal {
	group, name := p.group.GroupName, p.topic.TopicName
	sub, model, online := b.Clients.Subscription(group, name)
	switch {
	case !online:
		return pullRefused(code.SubscriptionNotExist, remarkNoGroupInfo)
	case !p.group.ConsumeBroadcastEnable && model == client.Broadcasting:
		return pullForbidden(broadcastForbidden, "the consumer group["+group+"] can not consume by broadcast way")
	case b.Groups.Forbidden(group, name, subscription.ForbiddenRead):
		return pullForbidden(subscriptionForbidden, "the consumer group["+group+"] is forbidden for topic["+name+"]")
	case sub == nil:
		return pullRefused(code.SubscriptionNotExist, remarkNoSubscription)
	case sub.SubVersion < p.subVersion:
		return pullRefused(code.SubscriptionNotLatest, remarkNotLatest)
	}
	p.sub, p.broadcasting = sub, model == client.Broadcasting
	return b.filterBy(p)
}

// rejectsPull says whether a consumer that pulls by itself, and is not known by
// its heartbeat, is to be refused.
func (b *Broker) rejectsPull(group string, conn *remoting.Conn) bool {
	consumeType, member := b.Clients.HasConsumer(group, conn)
	active := consumeType == "" || consumeType == client.ConsumeActively
	return active && !member && !subscription.IsSystemPull(group)
}
