// Package lock holds the queue locks of orderly consumers. A lock is advice
// between the clients of a group: pulls do not look at it.
package lock

import "sync"

// Queue names a message queue as clients do.
type Queue struct {
	BrokerName string `json:"brokerName"`
	QueueID    int32  `json:"queueId"`
	Topic      string `json:"topic"`
}

// Bounds against clients that lock what does not exist.
const (
	maxGroups         = 1 << 17
	MaxQueuesPerGroup = 1 << 16 // more of them a client asks for in vain
	// maxQueues bounds those of all groups: 50 MB and the names, 300 MB at the longest,
	// and five times what 100,000 orderly queues need.
	maxQueues = 1 << 19
	// Under a memory limit they may take one part in so many of it.
	queueBytes    = 256
	queuesOfLimit = 8
)

// Options of a Table; NowMs is needed.
type Options struct {
	NowMs func() int64
	// MaxLiveMs is how long a lock holds without being renewed; 60 s when nil.
	MaxLiveMs func() int64
	// MemoryLimit is what the process may have, 0 without a limit.
	MemoryLimit int64
}

// DefaultMaxLiveMs is Java's rocketmq.broker.rebalance.lockMaxLiveTime.
const DefaultMaxLiveMs = 60_000

// Table maps group and queue to who holds it, and since when. One mutex: clients
// renew their locks every 20 seconds.
type Table struct {
	opt    Options
	mu     sync.Mutex
	groups map[string]map[Queue]entry
	queues int // of all groups
	most   int // of them
}

type entry struct {
	clientID  string
	renewedMs int64
}

// New returns an empty table.
func New(opt Options) *Table {
	if opt.MaxLiveMs == nil {
		opt.MaxLiveMs = func() int64 { return DefaultMaxLiveMs }
	}
	t := &Table{opt: opt, most: maxQueues, groups: map[string]map[Queue]entry{}}
	if opt.MemoryLimit > 0 {
		t.most = int(min(int64(t.most), opt.MemoryLimit/queuesOfLimit/queueBytes))
	}
	return t
}

func (t *Table) expired(e entry, now int64) bool { return now-e.renewedMs > t.opt.MaxLiveMs() }

// Lock takes or renews the queues for a client and returns those it holds now. A
// queue of another client is taken over once that lock has expired. Of a full table a
// client gets no queue that is not in it yet; what is there can be renewed.
func (t *Table) Lock(group, clientID string, queues []Queue) []Queue {
	held := make([]Queue, 0, len(queues))
	now := t.opt.NowMs()
	t.mu.Lock()
	defer t.mu.Unlock()
	m := t.groups[group]
	if m == nil {
		if len(t.groups) >= maxGroups {
			return held
		}
		m = map[Queue]entry{}
		t.groups[group] = m
	}
	for _, q := range queues {
		e, known := m[q]
		if known && e.clientID != clientID && !t.expired(e, now) {
			continue
		}
		if !known {
			if len(m) >= MaxQueuesPerGroup || t.queues >= t.most {
				continue
			}
			t.queues++
		}
		m[q] = entry{clientID: clientID, renewedMs: now}
		held = append(held, q)
	}
	if len(m) == 0 {
		delete(t.groups, group)
	}
	return held
}

// Unlock gives back those of the queues that the client holds.
func (t *Table) Unlock(group, clientID string, queues []Queue) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := t.groups[group]
	for _, q := range queues {
		if e, known := m[q]; known && e.clientID == clientID {
			delete(m, q)
			t.queues--
		}
	}
	if m != nil && len(m) == 0 {
		delete(t.groups, group)
	}
}

// AllExpired says whether no client holds a live lock of the group.
func (t *Table) AllExpired(group string) bool {
	now := t.opt.NowMs()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.groups[group] {
		if !t.expired(e, now) {
			return false
		}
	}
	return true
}

// Sweep forgets locks that expired long ago; Java keeps them for ever.
func (t *Table) Sweep() {
	now := t.opt.NowMs()
	t.mu.Lock()
	defer t.mu.Unlock()
	for group, m := range t.groups {
		for q, e := range m {
			if t.expired(e, now) {
				delete(m, q)
				t.queues--
			}
		}
		if len(m) == 0 {
			delete(t.groups, group)
		}
	}
}
