package broker

import (
	"math"
	"strings"

	"github.com/skylarkmq/skylark/message"
)

// unconsumed is the store's question before a full disk costs messages: the oldest
// message that a group with offsets has still to consume, in the log. Messages that
// wait for their delay level belong to whoever consumes them later.
func (b *Broker) unconsumed() (phy int64, who string) {
	phy = math.MaxInt64
	look := func(topic string, queue int32, offset int64, name string) {
		if at, ok := b.Store.PlaceOf(topic, queue, offset); ok && at < phy {
			phy, who = at, name
		}
	}
	for key, queues := range b.Offsets.All() {
		topic, _, _ := strings.Cut(key, "@")
		if b.Topics.Get(topic) == nil {
			continue // deleted; so are its messages, as far as anyone can tell
		}
		for queue, offset := range queues {
			look(topic, queue, offset, key)
		}
	}
	for _, l := range b.Schedule.Progress() {
		look(message.TopicSchedule, l.Level-1, l.Offset, "messages with a delay level")
	}
	return phy, who
}

// clampOffsets sets groups back to the end of a queue that a crash has shortened:
// else they would skip the messages that get those offsets next (Java's issue 8239).
func (b *Broker) clampOffsets() {
	for key, queues := range b.Offsets.All() {
		topic, group, ok := strings.Cut(key, "@")
		if !ok {
			continue
		}
		for queue, offset := range queues {
			if _, end, err := b.Store.Bounds(topic, queue); err == nil && offset > end {
				b.Offsets.Commit(group, topic, queue, end)
				b.log.Warn().Str("topic", topic).Str("group", group).Int32("queue", queue).Int64("offset", offset).Int64("end", end).
					Msg("the crash has shortened the queue; the group's offset is set to its end")
			}
		}
	}
}
