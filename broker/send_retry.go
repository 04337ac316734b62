package broker

import (
	"strings"

	"github.com/skylarkmq/skylark/broker/topic"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// Sends straight to a retry topic: what a consumer does whose CONSUMER_SEND_MSG_BACK
// failed, and an orderly consumer that has tried often enough.

// versionOfMaxReconsume is V3_4_9: clients from there on say how often they retry.
const versionOfMaxReconsume = 121

// dlqQueues is how many queues a dead letter topic gets.
const dlqQueues = 1

// retryPlace is Java's handleRetryAndDLQ: it decides whether a send to a retry topic
// goes to the group's dead letter topic instead, and returns the topic to store it
// under. A nil topic without a refusal: that topic has to be made, and the caller may
// not wait for it.
func (s *sendTurn) retryPlace(r *remoting.Request, cfg *topic.Config, mayCreate bool) (*topic.Config, refusal) {
	h, name := &s.head, groupOfRetry(cfg.TopicName)
	group := s.b.Groups.Find(name)
	if group == nil {
		return nil, noSuchGroup(name)
	}
	most := group.RetryMaxTimes
	if r.Version >= versionOfMaxReconsume && h.HasMaxReconsumeTimes {
		most = h.MaxReconsumeTimes
	}
	if h.ReconsumeTimes <= most && s.b.Locks.AllExpired(name) {
		return cfg, admitted
	}
	dlq, refusal := s.b.groupTopic(topic.GroupTopic{Topic: topic.DLQPrefix + name, QueueNums: dlqQueues}, mayCreate)
	if dlq != nil {
		s.b.Stats.DLQ([]byte(name), h.Topic, 1)
		props := message.AppendWithoutProperty(make([]byte, 0, len(h.Properties)+len("DELAY.-1.")+1), h.Properties, message.PropertyDelay)
		h.Properties = message.AppendProperty(props, message.PropertyDelay, "-1")
	}
	return dlq, refusal
}

// groupOfRetry is the group of a retry topic, %RETRY%group or %RETRY%group+topic.
func groupOfRetry(name string) string {
	group := strings.TrimPrefix(name, topic.RetryPrefix)
	if at := strings.IndexByte(group, '+'); at >= 0 && at == strings.LastIndexByte(group, '+') {
		return group[:at]
	}
	return group
}

func noSuchGroup(name string) refusal {
	return refused(code.SubscriptionGroupNotExist, "subscription group not exist, "+name+" "+faq)
}

// groupTopic finds or makes a topic that belongs to a group (Java's
// createTopicInSendMessageBackMethod). nil without a refusal: it has to be made, or to
// grow, and the caller may not wait for that.
func (b *Broker) groupTopic(g topic.GroupTopic, mayCreate bool) (*topic.Config, refusal) {
	if c := b.Topics.Get(g.Topic); g.Fits(c) {
		return c, admitted
	}
	if !mayCreate {
		return nil, admitted
	}
	if topic.Validate(g.Topic) != "" {
		return nil, refused(code.SystemError, "topic["+g.Topic+"] not exist")
	}
	grown, err := b.Topics.CreateForGroups([]topic.GroupTopic{g})
	if err != nil {
		b.log.Warn().Err(err).Str("topic", g.Topic).Msg("topic of a consumer group not made, or not saved yet")
	}
	if len(grown) > 0 {
		b.AnnounceTopic(grown...)
	}
	if c := b.Topics.Get(g.Topic); c != nil {
		return c, admitted
	}
	return nil, refused(code.SystemError, "topic["+g.Topic+"] not exist")
}
