package admin

import (
	"slices"

	"github.com/skylarkmq/skylark/broker/client"
	"github.com/skylarkmq/skylark/filter"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// getConsumerConnectionList answers GET_CONSUMER_CONNECTION_LIST.
func (a *Admin) getConsumerConnectionList(_ *remoting.Request, h *header.GetConsumerConnectionList) (*protocol.Command, error) {
	g, online := a.Clients.ConsumerGroup(h.ConsumerGroup)
	if !online {
		return nil, remoting.Fail(code.ConsumerNotOnline, "the consumer group["+h.ConsumerGroup+"] not online")
	}
	out := body.ConsumerConnection{
		ConnectionSet: connections(g.Clients), ConsumeFromWhere: g.ConsumeFromWhere, ConsumeType: g.ConsumeType,
		MessageModel: g.MessageModel, SubscriptionTable: make(map[string]body.SubscriptionData, len(g.Subscriptions)),
	}
	for name, sub := range g.Subscriptions {
		out.SubscriptionTable[name] = subscriptionData(sub)
	}
	return jsonAnswer(out)
}

// getProducerConnectionList answers GET_PRODUCER_CONNECTION_LIST.
func (a *Admin) getProducerConnectionList(_ *remoting.Request, h *header.GetProducerConnectionList) (*protocol.Command, error) {
	list, ok := a.Clients.ProducerGroup(h.ProducerGroup)
	if !ok {
		return nil, remoting.Fail(code.SystemError, "the producer group["+h.ProducerGroup+"] not exist")
	}
	return jsonAnswer(body.ProducerConnection{ConnectionSet: connections(list)})
}

// getAllProducerInfo answers GET_ALL_PRODUCER_INFO.
func (a *Admin) getAllProducerInfo(*remoting.Request) (*protocol.Command, error) {
	out := body.ProducerTableInfo{Data: map[string][]body.ProducerInfo{}}
	for group, list := range a.Clients.Producers() {
		for _, c := range list {
			out.Data[group] = append(out.Data[group], body.ProducerInfo{
				ClientId: c.ClientID, Language: c.Language, LastUpdateTimestamp: c.LastUpdateMs, RemoteIP: c.RemoteAddr, Version: c.Version,
			})
		}
	}
	return jsonAnswer(out)
}

// queryTopicConsumeByWho answers QUERY_TOPIC_CONSUME_BY_WHO: groups online, and groups with offsets.
func (a *Admin) queryTopicConsumeByWho(_ *remoting.Request, h *header.QueryTopicConsumeByWho) (*protocol.Command, error) {
	groups := append(a.Clients.ConsumersOf(h.Topic), a.Offsets.Groups(h.Topic)...)
	slices.Sort(groups)
	groups = slices.Compact(groups)
	if groups == nil {
		groups = []string{}
	}
	return jsonAnswer(body.GroupList{GroupList: groups})
}

// queryTopicsByConsumer answers QUERY_TOPICS_BY_CONSUMER: topics the group has offsets of.
func (a *Admin) queryTopicsByConsumer(_ *remoting.Request, h *header.QueryTopicsByConsumer) (*protocol.Command, error) {
	topics := a.Offsets.Topics(h.Group)
	if topics == nil {
		topics = []string{}
	}
	return jsonAnswer(body.TopicList{TopicList: topics, BrokerAddr: a.Rules().Addr.String()})
}

// querySubscriptionByConsumer answers QUERY_SUBSCRIPTION_BY_CONSUMER.
func (a *Admin) querySubscriptionByConsumer(_ *remoting.Request, h *header.QuerySubscriptionByConsumer) (*protocol.Command, error) {
	out := body.QuerySubscriptionResponseBody{Group: h.Group, Topic: h.Topic}
	if sub := a.Clients.AnySubscription(h.Group, h.Topic); sub != nil {
		data := subscriptionData(sub)
		out.SubscriptionData = &data
	}
	return jsonAnswer(out)
}

func connections(list []client.Info) []body.Connection {
	out := make([]body.Connection, len(list))
	for i, c := range list {
		out[i] = body.Connection{ClientAddr: c.RemoteAddr, ClientId: c.ClientID, Language: c.Language, Version: c.Version}
	}
	return out
}

func subscriptionData(s *filter.Subscription) body.SubscriptionData {
	d := body.SubscriptionData{
		ClassFilterMode: s.ClassFilterMode, CodeSet: s.CodeSet, ExpressionType: s.ExpressionType, SubString: s.SubString,
		SubVersion: s.SubVersion, TagsSet: s.TagsSet, Topic: s.Topic,
	}
	if d.CodeSet == nil {
		d.CodeSet = []int32{}
	}
	if d.TagsSet == nil {
		d.TagsSet = []string{}
	}
	return d
}
