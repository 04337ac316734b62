package broker

import (
	"math/rand/v2"
	"strconv"

	"github.com/skylarkmq/skylark/broker/topic"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// The queues of a send: the one that was asked for, the one of its priority, and the light queue of its lite topic.

// queueOf is the queue that a sender asked for, any where it left the choice to
// the broker; false when the topic has none and the sender was told.
func (s *sendTurn) queueOf(r *remoting.Request, asked int32, cfg *topic.Config) (int32, bool) {
	if asked >= 0 {
		return asked, true
	}
	if cfg.WriteQueueNums <= 0 {
		s.refuse(r, code.SystemError, "java.lang.ArithmeticException: / by zero")
		return 0, false
	}
	return rand.Int32N(cfg.WriteQueueNums), true
}

// redirect is for messages with a priority or a lite topic. As in Java's SendMessageProcessor the properties alone decide, not
// the type of the topic. Where they have to change they are completed again, from their place in s.props.
func (s *sendTurn) redirect(cfg *topic.Config, from int, queue int32) (int32, refusal) {
	h, c := &s.head, &s.known
	changed := false
	if c.lite != nil {
		name, ok := message.LiteQueue(h.Topic, c.lite)
		if !ok {
			return 0, refused(code.MessageIllegal, "no light queue can be of lite topic["+string(c.lite)+"]")
		}
		props := make([]byte, 0, len(h.Properties)+len(message.PropertyInnerMultiDispatch)+len(name)+3)
		props = message.AppendWithoutProperty(props, h.Properties, message.PropertyInnerMultiDispatch)
		h.Properties, changed = message.AppendProperty(props, message.PropertyInnerMultiDispatch, name), true
	}
	if priority, err := strconv.ParseInt(string(c.priority), 10, 32); err == nil && priority >= 0 {
		if c.otherType() {
			h.Properties, changed = message.DeleteProperty(h.Properties, message.PropertyPriority), true
		} else {
			queue = min(int32(priority), max(cfg.WriteQueueNums, 1)-1)
		}
	}
	if changed {
		s.props = s.props[:from]
		s.complete()
	}
	return queue, admitted
}

// otherType says whether a message is of one of the types that go before priorities (Java's TopicMessageType).
func (c *completion) otherType() bool {
	return c.transaction || c.facts.Delay != nil || c.timer || c.sharded
}
