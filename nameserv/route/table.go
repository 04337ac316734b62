// Package route holds what a name server knows about brokers: which topics they serve, where they listen, and when
// each was last heard of. Its main type is Table, plain state behind one lock; it starts no goroutine and knows
// nothing of sockets. A connection is an opaque comparable handle here.
package route

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
)

const (
	// MasterID is the broker id under which clients look for a master.
	MasterID = 0

	permRead  = 4
	permWrite = 2

	// defaultHeartbeatTimeout applies to brokers that do not name one of their own.
	defaultHeartbeatTimeout = 120 * time.Second
	// maxHeartbeatTimeout bounds what they name: a stranger's promise to be silent for ever would fill the table for good.
	maxHeartbeatTimeout = time.Hour

	// memberTopicPrefix marks the topics by which brokers find the members of their group. Routes of these topics never
	// show an acting master, or a slave would take itself for one.
	memberTopicPrefix = "rmq_sys_SYNC_BROKER_MEMBER_"
)

// Channel is the connection a broker registered on. Two handles are equal when they are the same connection.
type Channel any

// Limits bound what strangers can make the table hold. The original has none.
type Limits struct {
	// Brokers is the number of live broker addresses, and of broker names.
	Brokers int
	// QueueDatas counts topic × broker name pairs, which is what a route table is made of.
	QueueDatas int
	// Mappings counts static topic × broker name pairs.
	Mappings int
	// MappedQueues counts the queues in them.
	MappedQueues int
	// NameLength is the longest topic, broker, cluster or zone name and the longest address.
	NameLength int
	// FilterServers is the number of filter server addresses of one broker.
	FilterServers int
}

// DefaultLimits leave an order of magnitude over the largest clusters known.
var DefaultLimits = Limits{Brokers: 10_000, QueueDatas: 2_000_000, Mappings: 200_000, MappedQueues: 2_000_000, NameLength: 512, FilterServers: 256}

// Rules are the settings that change what registrations do. They are read at each call, because they may change while
// the server runs.
type Rules struct {
	DeleteTopicWithBrokerRegistration bool
	NotifyMinBrokerIDChanged          bool
	SupportActingMaster               bool
}

// address names a live broker. The cluster belongs to the key: two clusters may use the same private addresses.
type address struct{ cluster, addr string }

type live struct {
	lastUpdateMs int64 // MonoMs: a clock that is set forward must not take the routes of all brokers away
	timeoutMs    int64
	version      body.DataVersion
	channel      Channel
	haServerAddr string
	number       uint64 // of the registration
}

type broker struct {
	cluster      string
	name         string
	zone         string
	actingMaster bool
	members      map[int64]member
}

// member is who holds an id of a group, and the number of the registration that last said so.
type member struct {
	addr   string
	number uint64
}

// Table is the whole state. The maps are those of the original (RouteInfoManager), so that its odd corners, such as
// broker names being global over clusters, come out the same.
type Table struct {
	clock  clock.Clock
	rules  func() Rules
	limits Limits

	mu           sync.RWMutex
	topics       map[string]map[string]body.QueueData // topic → broker name
	brokers      map[string]*broker                   // broker name
	clusters     map[string]map[string]struct{}       // cluster → broker names
	lives        map[address]*live                    //
	filters      map[address][]string                 // filter servers, a legacy of 4.x
	mappings     map[string]map[string]mapping        // static topic → broker name
	channels     map[Channel]int                      // lives by channel: most connections are clients and have none
	pairs        int                                  // sum of the inner maps of clusters
	queueDatas   int                                  // sum of the inner maps of topics
	mapped       int                                  // sum of the inner maps of mappings
	mappedQueues int                                  // sum of their queues
	number       uint64                               // of the last registration that was taken
}

// NewTable makes an empty table. rules is called under the lock and must not block.
func NewTable(c clock.Clock, limits Limits, rules func() Rules) *Table {
	return &Table{
		clock:    c,
		rules:    rules,
		limits:   limits,
		topics:   make(map[string]map[string]body.QueueData),
		brokers:  make(map[string]*broker),
		clusters: make(map[string]map[string]struct{}),
		lives:    make(map[address]*live),
		filters:  make(map[address][]string),
		mappings: make(map[string]map[string]mapping),
		channels: make(map[Channel]int),
	}
}

// setLive and dropLive are the only writers of lives; they keep the count by channel.
func (t *Table) setLive(a address, l *live) {
	t.dropLive(a)
	t.lives[a] = l
	t.channels[l.channel]++
}

func (t *Table) dropLive(a address) {
	l, ok := t.lives[a]
	if !ok {
		return
	}
	delete(t.lives, a)
	if t.channels[l.channel]--; t.channels[l.channel] == 0 {
		delete(t.channels, l.channel)
	}
}

// minID is the smallest broker id of the group, and whether it has any.
func (b *broker) minID() (int64, bool) {
	if len(b.members) == 0 {
		return 0, false
	}
	lowest := int64(math.MaxInt64)
	for id := range b.members {
		lowest = min(lowest, id)
	}
	return lowest, true
}

func (b *broker) data() body.BrokerData {
	addrs := make(map[int64]string, len(b.members))
	for id, m := range b.members {
		addrs[id] = m.addr
	}
	return body.BrokerData{
		BrokerAddrs: addrs, BrokerName: b.name, Cluster: b.cluster,
		EnableActingMaster: b.actingMaster, ZoneName: b.zone,
	}
}

// putQueueData is the only writer of topics beside dropQueueData, which keep the count. It refuses a new entry beyond
// the limit.
func (t *Table) putQueueData(topic string, q body.QueueData) bool {
	byBroker := t.topics[topic]
	if _, known := byBroker[q.BrokerName]; !known {
		if t.queueDatas >= t.limits.QueueDatas {
			return false
		}
		if byBroker == nil {
			byBroker = make(map[string]body.QueueData, 1)
			t.topics[topic] = byBroker
		}
		t.queueDatas++
	}
	byBroker[q.BrokerName] = q
	return true
}

func (t *Table) dropQueueData(topic, brokerName string) {
	byBroker, ok := t.topics[topic]
	if !ok {
		return
	}
	if _, known := byBroker[brokerName]; known {
		delete(byBroker, brokerName)
		t.queueDatas--
	}
	if len(byBroker) == 0 {
		delete(t.topics, topic)
	}
}

func (t *Table) fits(names ...string) bool {
	for _, n := range names {
		if len(n) > t.limits.NameLength {
			return false
		}
	}
	return true
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
