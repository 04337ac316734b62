package route

import (
	"fmt"

	"github.com/skylarkmq/skylark/remoting/protocol/body"
)

// Mappings of static topics. The original never forgets one; here they go with the topic, and with the broker that brought them, which
// brings them again when it comes back.

// mapping is what a broker says of a static topic. It is filed under the broker name inside, which need not be the sender's.
type mapping struct {
	info   body.TopicQueueMappingInfo
	sender string
}

func (t *Table) checkRoomForMappings(r *Registration) error {
	fresh, freshQueues := 0, 0
	for topic, info := range r.Mappings {
		known, ok := t.mappings[topic][info.Bname]
		if !ok {
			fresh++
		}
		freshQueues += len(info.CurrIdMap) - len(known.info.CurrIdMap)
	}
	if t.mapped+fresh > t.limits.Mappings || t.mappedQueues+freshQueues > t.limits.MappedQueues {
		return fmt.Errorf("%w: %d mappings and %d more, of %d queues and %d more; at most %d and %d", ErrLimit,
			t.mapped, fresh, t.mappedQueues, freshQueues, t.limits.Mappings, t.limits.MappedQueues)
	}
	return nil
}

// takeMappings takes all of a registration that says something new, and otherwise, as with topics, what was forgotten in between.
func (t *Table) takeMappings(r *Registration, changed bool) {
	for topic, info := range r.Mappings {
		if !t.fits(topic, info.Bname, info.Topic, info.Scope) {
			continue
		}
		if _, known := t.mappings[topic][info.Bname]; known && !changed {
			continue
		}
		t.dropMapping(topic, info.Bname)
		if t.mappings[topic] == nil {
			t.mappings[topic] = make(map[string]mapping, 1)
		}
		t.mappings[topic][info.Bname] = mapping{info, r.BrokerName}
		t.mapped++
		t.mappedQueues += len(info.CurrIdMap)
	}
}

func (t *Table) dropMapping(topic, bname string) {
	byBroker := t.mappings[topic]
	if m, known := byBroker[bname]; known {
		delete(byBroker, bname)
		t.mapped--
		t.mappedQueues -= len(m.info.CurrIdMap)
	}
	if len(byBroker) == 0 {
		delete(t.mappings, topic)
	}
}

// dropMappingsOf forgets what brokers that are gone have sent.
func (t *Table) dropMappingsOf(senders map[string]struct{}) {
	for topic := range t.mappings {
		t.dropTopicMappings(topic, senders)
	}
}

// dropTopicMappings forgets those of one topic that the brokers have sent, or all without brokers.
func (t *Table) dropTopicMappings(topic string, senders map[string]struct{}) {
	for bname, m := range t.mappings[topic] {
		if _, named := senders[m.sender]; named || senders == nil {
			t.dropMapping(topic, bname)
		}
	}
}
