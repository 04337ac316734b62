package admin

import (
	"errors"
	"strings"

	"github.com/skylarkmq/skylark/broker/topic"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// deleteTopic answers DELETE_TOPIC_IN_BROKER: the configuration, the offsets and the queues go, with the POP retry topics of its
// groups. What is in the commit log stays until it expires. A topic that does not exist is deleted with success.
func (a *Admin) deleteTopic(r *remoting.Request, h *header.DeleteTopic) (*protocol.Command, error) {
	a.asked(r).Str("topic", h.Topic).Msg("topic to be deleted")
	rules := a.Rules()
	if strings.TrimSpace(h.Topic) == "" {
		return nil, remoting.Fail(code.InvalidParameter, "The specified topic is blank.")
	}
	if rules.ValidateSystemTopic && a.Topics.IsSystem(h.Topic) {
		return nil, conflictsWithSystem(h.Topic)
	}
	if err := a.removeTopic(h.Topic, &rules); err != nil {
		return nil, err
	}
	if a.TopicsGone != nil {
		a.TopicsGone()
	}
	return success()
}

// removeTopic removes a topic and the POP retry topics of its groups, with all that is theirs.
func (a *Admin) removeTopic(deleted string, rules *Rules) error {
	a.changes.Lock()
	defer a.changes.Unlock()
	gone := []string{deleted}
	if rules.ClearRetryTopic {
		for _, group := range a.Offsets.Groups(deleted) {
			for _, separator := range []string{"+", "_"} { // enableRetryTopicV2 names, then the older ones
				if name := topic.RetryPrefix + group + separator + deleted; a.Topics.Get(name) != nil {
					gone = append(gone, name)
				}
			}
		}
	}
	var failed error
	for _, name := range gone {
		failed = errors.Join(failed, a.Topics.Delete(name, func() error {
			a.Broadcasts.RemoveTopic(name)
			a.Offsets.RemoveTopic(name)
			if rules.AutoDeleteStats {
				a.Stats.TopicDeleted(name)
			}
			return a.Store.DeleteTopics([]string{name})
		}))
	}
	return failed
}
