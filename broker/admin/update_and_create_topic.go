package admin

import (
	"fmt"

	"github.com/skylarkmq/skylark/broker/topic"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// allPerms are the bits a topic's permission may have.
const allPerms = topic.PermPriority | topic.PermRead | topic.PermWrite | topic.PermInherit

// updateAndCreateTopic answers UPDATE_AND_CREATE_TOPIC.
func (a *Admin) updateAndCreateTopic(r *remoting.Request, h *header.CreateTopic) (*protocol.Command, error) {
	a.asked(r).Str("topic", h.Topic).Int32("readQueues", h.ReadQueueNums).Int32("writeQueues", h.WriteQueueNums).Msg("topic asked for")
	attributes, err := parseAttributes(h.Attributes)
	if err != nil {
		return nil, err
	}
	return a.changeTopics([]*topic.Config{{
		TopicName: h.Topic, ReadQueueNums: h.ReadQueueNums, WriteQueueNums: h.WriteQueueNums, Perm: h.Perm,
		TopicFilterType: h.TopicFilterType, TopicSysFlag: h.TopicSysFlag, Order: h.Order, Attributes: attributes,
	}})
}

// updateAndCreateTopicList answers UPDATE_AND_CREATE_TOPIC_LIST. As in the original one topic that has not changed ends the whole
// list with success.
func (a *Admin) updateAndCreateTopicList(r *remoting.Request) (*protocol.Command, error) {
	b, err := body.Decode[body.CreateTopicListRequestBody](r.Body)
	if err != nil {
		return nil, remoting.Fail(code.SystemError, err.Error())
	}
	a.asked(r).Int("topics", len(b.TopicConfigList)).Msg("topics asked for")
	list := make([]*topic.Config, len(b.TopicConfigList))
	for i := range b.TopicConfigList {
		c := topic.Config(b.TopicConfigList[i])
		list[i] = &c
	}
	return a.changeTopics(list)
}

// changeTopics stores topics and tells the name servers, which may take its time and is done without the lock.
func (a *Admin) changeTopics(list []*topic.Config) (*protocol.Command, error) {
	changed, err := a.putTopics(list)
	if err != nil {
		return nil, err
	}
	if changed {
		a.AnnounceTopic(list...)
	}
	return success()
}

// putTopics checks all before it changes one. The attributes of the list are changes: +key, -key.
func (a *Admin) putTopics(list []*topic.Config) (changed bool, err error) {
	rules := a.Rules()
	a.changes.Lock()
	defer a.changes.Unlock()
	for _, c := range list {
		if err := a.checkTopic(&rules, c); err != nil {
			return false, err
		}
		if old := a.Topics.Get(c.TopicName); old != nil && old.Equal(c) {
			return false, a.Topics.Resave()
		}
	}
	for _, c := range list {
		old := a.Topics.Get(c.TopicName)
		var present map[string]string
		if old != nil {
			present = old.Attributes
		}
		attributes, err := alterAttributes(topicAttributes, old == nil, present, c.Attributes)
		if err != nil {
			return false, err
		}
		c.Attributes = attributes
	}
	return true, a.Topics.Put(list...)
}

func (a *Admin) checkTopic(rules *Rules, c *topic.Config) error {
	if remark := topic.Validate(c.TopicName); remark != "" {
		return remoting.Fail(code.InvalidParameter, remark)
	}
	if rules.ValidateSystemTopic && a.Topics.IsSystem(c.TopicName) {
		return conflictsWithSystem(c.TopicName)
	}
	if !rules.MixedMessageType && c.Attributes["+message.type"] == "MIXED" {
		return remoting.Fail(code.InvalidParameter, "MIXED message type is not supported.")
	}
	if c.TopicFilterType != topic.SingleTag && c.TopicFilterType != topic.MultiTag {
		return remoting.Fail(code.SystemError, "No enum constant org.apache.rocketmq.common.TopicFilterType."+c.TopicFilterType)
	}
	// The original takes any number; each queue is a place in tables that are walked and saved.
	for _, n := range []int32{c.ReadQueueNums, c.WriteQueueNums} {
		if n < 0 || n > maxQueues {
			return remoting.Fail(code.InvalidParameter, fmt.Sprintf("The specified queue number: %d, is not between 0 and %d", n, maxQueues))
		}
	}
	if c.Perm < 0 || c.Perm > allPerms {
		return remoting.Fail(code.InvalidParameter, fmt.Sprintf("The specified perm: %d, is not between 0 and %d", c.Perm, allPerms))
	}
	return nil
}

func conflictsWithSystem(name string) error {
	return remoting.Fail(code.InvalidParameter, "The topic["+name+"] is conflict with system topic.")
}
