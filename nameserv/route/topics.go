package route

import "github.com/skylarkmq/skylark/remoting/protocol/body"

const (
	flagUnit    = 1
	flagUnitSub = 2
)

// Topics lists every topic.
func (t *Table) Topics() []string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return sortedKeys(t.topics)
}

// TopicsOfCluster lists the topics of the brokers of a cluster; none for an unknown one.
func (t *Table) TopicsOfCluster(cluster string) []string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	names := t.clusters[cluster]
	return t.selectTopics(func(byBroker map[string]body.QueueData) bool {
		for name := range byBroker {
			if _, ok := names[name]; ok {
				return true
			}
		}
		return false
	})
}

// SystemTopics are the names of clusters and brokers, which are topics of every broker, and some broker's address.
func (t *Table) SystemTopics() (topics []string, brokerAddr string) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	names := make(map[string]struct{}, len(t.clusters)+len(t.brokers))
	for cluster, brokers := range t.clusters {
		names[cluster] = struct{}{}
		for name := range brokers {
			names[name] = struct{}{}
		}
	}
	for _, name := range sortedKeys(t.brokers) {
		b := t.brokers[name]
		if lowest, any := b.minID(); any {
			brokerAddr = b.members[lowest].addr
			break
		}
	}
	return sortedKeys(names), brokerAddr
}

// UnitTopics are those whose unit flag is set.
func (t *Table) UnitTopics() []string { return t.topicsByFlag(flagUnit, flagUnit) }

// UnitSubTopics are those whose unit subscription flag is set.
func (t *Table) UnitSubTopics() []string { return t.topicsByFlag(flagUnitSub, flagUnitSub) }

// UnitSubUnunitTopics have the unit subscription flag without the unit flag.
func (t *Table) UnitSubUnunitTopics() []string {
	return t.topicsByFlag(flagUnit|flagUnitSub, flagUnitSub)
}

func (t *Table) topicsByFlag(mask, want int32) []string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.selectTopics(func(byBroker map[string]body.QueueData) bool {
		// The original looks at whichever broker comes first; we take the first by name, so that answers are stable.
		return byBroker[sortedKeys(byBroker)[0]].TopicSysFlag&mask == want
	})
}

func (t *Table) selectTopics(take func(map[string]body.QueueData) bool) []string {
	picked := make(map[string]struct{})
	for topic, byBroker := range t.topics {
		if take(byBroker) {
			picked[topic] = struct{}{}
		}
	}
	return sortedKeys(picked)
}

// DeleteTopic forgets a topic. It comes back with the next registration of a broker that still has it.
func (t *Table) DeleteTopic(topic string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.queueDatas -= len(t.topics[topic])
	delete(t.topics, topic)
	t.dropTopicMappings(topic, nil)
}

// DeleteTopicOfCluster forgets a topic on the brokers of one cluster.
func (t *Table) DeleteTopicOfCluster(topic, cluster string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	names := t.clusters[cluster]
	for name := range names {
		t.dropQueueData(topic, name)
	}
	if names != nil {
		t.dropTopicMappings(topic, names)
	}
}

// WipeWritePerm takes the write permission from every topic of a broker name and says of how many. It lasts until the
// broker registers with another data version.
func (t *Table) WipeWritePerm(brokerName string) int {
	return t.eachQueueData(brokerName, func(q *body.QueueData) { q.Perm &^= permWrite })
}

// AddWritePerm gives it back, as exactly read and write: the original loses the inherit bit here, and so do we.
func (t *Table) AddWritePerm(brokerName string) int {
	return t.eachQueueData(brokerName, func(q *body.QueueData) { q.Perm = permRead | permWrite })
}

func (t *Table) eachQueueData(brokerName string, change func(*body.QueueData)) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for _, byBroker := range t.topics {
		q, ok := byBroker[brokerName]
		if !ok {
			continue
		}
		change(&q)
		byBroker[brokerName] = q
		n++
	}
	return n
}
