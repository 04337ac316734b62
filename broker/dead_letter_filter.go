package broker

import (
	"strings"

	"github.com/skylarkmq/skylark/broker/deadletter"
	"github.com/skylarkmq/skylark/broker/topic"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// deadFacts is what the properties of a dead letter say.
type deadFacts struct {
	keys, tags, uniq, origin, originID, reason string
}

func readFacts(v *message.View) (f deadFacts) {
	var real string
	message.EachProperty(v.Properties, func(name, value []byte) bool {
		switch string(name) {
		case message.PropertyKeys:
			f.keys = string(value)
		case message.PropertyTags:
			f.tags = string(value)
		case message.PropertyUniqKey:
			f.uniq = string(value)
		case message.PropertyRetryTopic:
			f.origin = string(value)
		case message.PropertyRealTopic:
			real = string(value)
		case message.PropertyDLQOriginTopic: // what proxies of 5.x say
			if f.origin == "" {
				f.origin = string(value)
			}
		case message.PropertyOriginMessageID, message.PropertyDLQOriginMessageID:
			f.originID = string(value)
		case message.PropertyFailureReason:
			f.reason = string(value)
		}
		return true
	})
	// A message that waited for its retry names the retry topic as its real one.
	if f.origin == "" && !topic.IsRetry(real) && !topic.IsDLQ(real) {
		f.origin = real
	}
	return f
}

// meant says whether a request chooses a letter.
func (d *deadLetters) meant(q deadletter.Queue, h *header.DeadLetters, v *message.View) bool {
	if h.Begin > 0 && v.StoreTimestamp < h.Begin || h.End > 0 && v.StoreTimestamp >= h.End {
		return false
	}
	if !h.Sent && d.table.Sent(q, v.QueueOffset) {
		return false
	}
	if h.Key == "" && h.Tag == "" && h.Origin == "" && h.MsgId == "" {
		return true
	}
	f := readFacts(v)
	return (h.Key == "" || hasKey(f.keys, h.Key)) && (h.Tag == "" || f.tags == h.Tag) && (h.Origin == "" || f.origin == h.Origin) &&
		(h.MsgId == "" || h.MsgId == f.uniq || h.MsgId == f.originID ||
			h.MsgId == string(message.AppendOffsetMsgID(nil, d.b.addr, v.PhyOffset)))
}

// hasKey: keys are parted by blanks.
func hasKey(keys, key string) bool {
	for one := range strings.FieldsSeq(keys) {
		if one == key {
			return true
		}
	}
	return keys == key
}
