package store

import (
	"strings"

	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store/consumequeue"
)

// home is what the name of a topic says about its messages. Those of a turn have few topics: a batch keeps the newest one.
type home struct {
	topic  string
	legal  bool // as a name
	batch  bool // its queues hold batches
	light  bool // it is a light queue
	prefix int32
	queues consumequeue.Topic
}

func (s *Store) homeOf(b *Batch, topic string) *home {
	if b.home.topic != topic || topic == "" {
		b.home = home{
			topic: topic, legal: legalTopic(topic), batch: s.isBatch(topic), light: message.IsLight(topic),
			prefix: indexPrefix(topic), queues: s.queues.Topic(topic),
		}
	}
	return &b.home
}

func legalTopic(topic string) bool {
	longest := 127
	if strings.HasPrefix(topic, message.RetryGroupPrefix) || strings.HasPrefix(topic, message.DLQGroupPrefix) {
		longest = 255
	}
	return len(topic) <= longest && message.SafeTopic(topic)
}

// indexPrefix is the hash that those of all index keys of a topic go on from.
func indexPrefix(topic string) int32 { return message.HashOn(message.HashCode(topic), "#") }
