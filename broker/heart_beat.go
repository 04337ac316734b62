package broker

import (
	"errors"

	"github.com/skylarkmq/skylark/broker/client"
	"github.com/skylarkmq/skylark/broker/subscription"
	"github.com/skylarkmq/skylark/broker/topic"
	"github.com/skylarkmq/skylark/filter"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// HEART_BEAT (34), versions 1 and 2.
//
// Runs on the loop; the first heartbeat of a group, whose retry topic has to be
// made and registered, runs on the Clients lane.

// maxHeartbeat bounds the body: a client with thousands of subscriptions stays far
// below. With the bytes that Java writes for each, that many subscriptions or producer
// groups would not fit into it.
const (
	maxHeartbeat          = 4 << 20
	maxHeartbeatGroups    = 4096
	maxHeartbeatSubs      = 1 << 16
	maxHeartbeatProducers = 1 << 17
)

// inlineBody is the longest JSON body that is read on the loop: reading it may take
// a fraction of a millisecond.
const inlineBody = 32 << 10

func tooLongForLoop(r *remoting.Request) bool { return r.Turn() != nil && len(r.Body) > inlineBody }

var errClientID = errors.New("heartbeat without a clientID, or with one that is too long")

func (b *Broker) heartBeat(r *remoting.Request) (*protocol.Command, error) {
	if tooLongForLoop(r) {
		r.ToLane(remoting.Clients, b.heartBeat)
		return nil, nil
	}
	data, err := decodeHeartbeat(r.Body)
	if err != nil {
		return nil, remoting.Fail(code.SystemError, err.Error())
	}
	if r.Turn() != nil && b.needsTopics(data) {
		r.ToLane(remoting.Clients, b.heartBeat)
		return nil, nil
	}
	groups := b.groupsOf(data)
	if list := b.retryTopics(data, groups); len(list) > 0 {
		if r.Turn() != nil { // a topic went, or should have more queues, since the look before
			r.ToLane(remoting.Clients, b.heartBeat)
			return nil, nil
		}
		b.makeRetryTopics(data, list)
	}
	info := client.Info{
		Channel: r.Conn, ClientID: data.ClientID, Language: r.Language.String(), Version: r.Version,
		RemoteAddr: remoteText(r.Conn.RemoteAddr()),
	}
	resend := data.HeartbeatFingerprint == 0
	var conflict error
	for i, group := range groups {
		again, err := b.registerConsumer(info, data, &data.ConsumerDataSet[i], group)
		resend = resend || again
		if err != nil {
			conflict = err
		}
	}
	b.registerProducers(data, info)
	if r.Conn.Closed() { // it may have closed before it was registered
		b.channelClosed(r.Conn)
	}
	if conflict != nil {
		return nil, conflict
	}
	cmd := protocol.NewResponse(code.Success, "")
	cmd.Fields.SetBool("IS_SUPPORT_HEART_BEAT_V2", true)
	cmd.Fields.SetBool("IS_SUB_CHANGE", resend)
	return cmd, nil
}

// registerProducers leaves out who is new where nobody would ask them about transactions; who is there stays.
func (b *Broker) registerProducers(data *body.HeartbeatData, info client.Info) {
	cfg := b.cfg.Get()
	closed := !cfg.EnableRegisterProducer && cfg.RejectTransactionMessage // both, as ProducerManager has it
	for _, p := range data.ProducerDataSet {
		if closed {
			b.Clients.RefreshProducer(p.GroupName, info.Channel)
		} else {
			b.Clients.RegisterProducer(p.GroupName, info)
		}
	}
}

func decodeHeartbeat(data []byte) (*body.HeartbeatData, error) {
	if len(data) == 0 || len(data) > maxHeartbeat {
		return nil, errors.New("heartbeat body is missing or too long")
	}
	d, err := body.Decode[body.HeartbeatData](data)
	if err != nil {
		return nil, err
	}
	subs := 0
	for i := range d.ConsumerDataSet {
		subs += len(d.ConsumerDataSet[i].SubscriptionDataSet)
	}
	if len(d.ConsumerDataSet) > maxHeartbeatGroups || subs > maxHeartbeatSubs || len(d.ProducerDataSet) > maxHeartbeatProducers {
		return nil, errors.New("heartbeat with too many consumer groups, subscriptions or producer groups")
	}
	if d.ClientID == "" || len(d.ClientID) > client.MaxClientID {
		return nil, errClientID
	}
	return d, nil
}

// needsTopics says whether a retry topic has to be made or changed, which saves a
// file and talks to the name servers. A group that is not there yet is made with one
// retry queue.
func (b *Broker) needsTopics(d *body.HeartbeatData) bool {
	for i := range d.ConsumerDataSet {
		c := &d.ConsumerDataSet[i]
		var buf [300]byte
		name := append(append(buf[:0], topic.RetryPrefix...), c.GroupName...)
		retry := topic.GroupTopic{QueueNums: 1, Order: b.subscribesOrdered(c)}
		if g := b.Groups.Get(c.GroupName); g != nil {
			retry.QueueNums = g.RetryQueueNums
		}
		if !retry.Fits(b.Topics.Lookup(name)) {
			return true
		}
	}
	return false
}

func (b *Broker) subscribesOrdered(c *body.ConsumerData) bool {
	for i := range c.SubscriptionDataSet {
		if t := b.Topics.Get(c.SubscriptionDataSet[i].Topic); t != nil && t.Order {
			return true
		}
	}
	return false
}

// groupsOf finds or makes the settings of each consumer group; nil for one that is
// refused, which Java skips in silence too.
func (b *Broker) groupsOf(d *body.HeartbeatData) []*subscription.Group {
	list := make([]*subscription.Group, len(d.ConsumerDataSet))
	for i := range d.ConsumerDataSet {
		c := &d.ConsumerDataSet[i]
		if b.cfg.Get().RejectPullConsumerEnable && c.ConsumeType == client.ConsumeActively {
			continue
		}
		list[i] = b.Groups.Find(c.GroupName)
	}
	return list
}

// retryTopics are the retry topics of groups that have to be made or changed, which saves a
// file and talks to the name servers.
func (b *Broker) retryTopics(d *body.HeartbeatData, groups []*subscription.Group) (list []topic.GroupTopic) {
	for i, g := range groups {
		if g == nil {
			continue
		}
		c := &d.ConsumerDataSet[i]
		t := topic.GroupTopic{Topic: topic.RetryPrefix + g.GroupName, QueueNums: g.RetryQueueNums, Order: b.subscribesOrdered(c)}
		if c.UnitMode {
			t.SysFlag = topic.SysFlagUnitSub
		}
		if !t.Fits(b.Topics.Get(t.Topic)) {
			list = append(list, t)
		}
	}
	return list
}

// makeRetryTopics makes what is missing of retry topics and their queues, saves once and tells the name servers once.
func (b *Broker) makeRetryTopics(d *body.HeartbeatData, list []topic.GroupTopic) {
	grown, err := b.Topics.CreateForGroups(list)
	if err != nil {
		b.log.Warn().Err(err).Str("client", d.ClientID).Msg("retry topics not made, or not saved yet")
	}
	if len(grown) > 0 {
		b.AnnounceTopic(grown...)
	}
}

// registerConsumer notes one group of a heartbeat; resend asks the client for its
// subscriptions (version 2). The error is a refusal for rejectConflictingSubscription.
func (b *Broker) registerConsumer(info client.Info, d *body.HeartbeatData, c *body.ConsumerData, group *subscription.Group) (resend bool, err error) {
	resend = b.Clients.Fingerprint(c.GroupName, d.HeartbeatFingerprint, d.WithoutSub, info.Channel) && d.HeartbeatFingerprint != 0
	if group == nil {
		return resend, nil
	}
	subs, withoutSub := subscriptions(c), d.WithoutSub && d.HeartbeatFingerprint != 0
	changed, objector := b.Clients.JoinConsumer(info, client.Consumer{
		Group: c.GroupName, ConsumeType: c.ConsumeType, MessageModel: c.MessageModel, ConsumeFromWhere: c.ConsumeFromWhere,
		Subscriptions: subs, WithoutSub: withoutSub, Notify: group.NotifyConsumerIdsChangedEnable,
		RejectConflict: b.cfg.Get().RejectConflictingSubscription,
	})
	if objector != "" {
		return true, b.conflicts.refuse(c.GroupName, info.ClientID, objector)
	}
	if !withoutSub {
		b.Filters.Register(c.GroupName, subs)
		b.Clients.NoteGone(c.GroupName)
	}
	if changed {
		b.log.Info().Str("group", c.GroupName).Str("client", info.ClientID).Str("remote", info.RemoteAddr).Msg("consumer group changed")
	}
	return resend, nil
}

func subscriptions(c *body.ConsumerData) []*filter.Subscription {
	list := make([]*filter.Subscription, 0, len(c.SubscriptionDataSet))
	for i := range c.SubscriptionDataSet {
		s := &c.SubscriptionDataSet[i]
		list = append(list, (&filter.Subscription{
			ClassFilterMode: s.ClassFilterMode, CodeSet: s.CodeSet, ExpressionType: s.ExpressionType, SubString: s.SubString,
			SubVersion: s.SubVersion, TagsSet: s.TagsSet, Topic: s.Topic,
		}).Prepare())
	}
	return list
}
