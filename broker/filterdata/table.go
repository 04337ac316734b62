package filterdata

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/skylarkmq/skylark/filter"
)

// Options of a Table.
type Options struct {
	NowMs func() int64
	Bloom filter.Bloom
	// CleanMs is how long after its death an entry is kept.
	CleanMs func() int64
	// Refused hears of expressions that do not compile.
	Refused func(group, topic string, err error)
	// MemoryLimit is what the process may have, 0 without a limit: expressions take a part of it at most.
	MemoryLimit int64
}

// Expressions of all groups together are bounded in number and in bytes, compiled as
// they are: they come from clients, stay for a day, and are read again at a start.
const (
	maxEntries = 1 << 17
	maxKept    = 256 << 20
	// keptOfLimit: one part in so many of a memory limit.
	keptOfLimit = 16
	// entryCost is what an entry takes beside its expression and its names, about.
	entryCost = 512
)

func costOf(d *Data) int64 {
	return int64(entryCost + len(d.Topic) + len(d.ConsumerGroup) + d.compiled.Bytes())
}

// Table is the filter data of all groups. It is written by heartbeats and read by
// pulls.
type Table struct {
	opt Options

	generation atomic.Uint64 // moves before an expression is born: store.BitMaps

	mu      sync.RWMutex
	groups  map[string]map[string]*Data // group → topic
	topics  map[string]*topicRow        // the same by topic
	entries int
	kept    int64 // bytes of all entries
	most    int64 // it may have
	changes int64 // so that a save can be left out
}

// topicRow is what groups filter one topic by.
type topicRow struct {
	groups map[string]*Data
	nodes  int     // of all expressions
	list   []*Data // of groups, for bit maps; nil after a change: thousands of groups may come or go at once
}

// New returns an empty table.
func New(opt Options) *Table {
	t := &Table{opt: opt, most: maxKept}
	if opt.MemoryLimit > 0 {
		t.most = min(t.most, opt.MemoryLimit/keptOfLimit)
	}
	t.clear()
	return t
}

// Get is what a group filters a topic by, or nil.
func (t *Table) Get(topic, group string) *Data {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.groups[group][topic]
}

// Changes counts them.
func (t *Table) Changes() int64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.changes
}

// Register takes a heartbeat's subscriptions: those with an expression are
// compiled and kept, the group's entries for other topics die.
func (t *Table) Register(group string, subs []*filter.Subscription) {
	if t.nothingFor(group, subs) {
		return
	}
	for _, s := range subs {
		if !filter.IsTag(s.ExpressionType) && s.SubString != "" {
			t.register(group, s)
		}
	}
	subscribed := make(map[string]bool, len(subs))
	for _, s := range subs {
		subscribed[s.Topic] = true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for topic, d := range t.groups[group] {
		if !subscribed[topic] {
			t.kill(d)
		}
	}
}

// nothingFor is the usual case: tags only, and nothing known.
func (t *Table) nothingFor(group string, subs []*filter.Subscription) bool {
	for _, s := range subs {
		if !filter.IsTag(s.ExpressionType) {
			return false
		}
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.groups[group]) == 0
}

// register compiles outside the lock. A subscription that is not newer than what is
// known changes nothing, unless that is dead: then its consumers are those that live,
// however old their version is, and Java would let them wait for ever. An expression
// that no longer compiles takes the old one with it, so that its consumers are told.
func (t *Table) register(group string, s *filter.Subscription) {
	old := t.Get(s.Topic, group)
	bloom := t.opt.Bloom.Data(group + "#" + s.Topic)
	same := old != nil && old.Expression == s.SubString && old.ExpressionType == s.ExpressionType && old.BloomFilterData.Equal(bloom)
	var fresh *Data
	switch {
	case old != nil && s.SubVersion <= old.ClientVersion && !old.IsDead():
		return
	case same:
		alive := *old
		alive.DeadTime, alive.ClientVersion = 0, max(old.ClientVersion, s.SubVersion)
		fresh = &alive
	default:
		compiled, err := filter.Compile(s.SubString, s.ExpressionType)
		if err != nil {
			t.opt.Refused(group, s.Topic, err)
			break
		}
		fresh = &Data{
			BloomFilterData: bloom, ClientVersion: s.SubVersion, ConsumerGroup: group, Expression: s.SubString,
			ExpressionType: s.ExpressionType, Topic: s.Topic, compiled: compiled,
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.groups[group][s.Topic] != old {
		return // another client of the group came first; the next heartbeat decides
	}
	if fresh != nil && fresh.BornTime == 0 {
		t.generation.Add(1)
		fresh.BornTime = t.opt.NowMs()
	}
	t.put(group, s.Topic, fresh)
}

// put needs mu; nil removes. What does not fit any more is left out, and its
// consumers learn that there is no filter data.
func (t *Table) put(group, topic string, d *Data) {
	if old := t.groups[group][topic]; old != nil {
		t.entries--
		t.kept -= costOf(old)
		if delete(t.groups[group], topic); len(t.groups[group]) == 0 {
			delete(t.groups, group)
		}
		t.list(topic, group, nil)
		t.changes++
	}
	if d == nil || t.entries >= maxEntries || t.kept+costOf(d) > t.most {
		return
	}
	if t.groups[group] == nil {
		t.groups[group] = map[string]*Data{}
	}
	t.groups[group][topic] = d
	t.list(topic, group, d)
	t.entries++
	t.kept += costOf(d)
	t.changes++
}

// kill needs mu.
func (t *Table) kill(d *Data) {
	if d.IsDead() {
		return
	}
	dead := *d
	dead.DeadTime = max(t.opt.NowMs(), d.BornTime)
	t.groups[d.ConsumerGroup][d.Topic] = &dead
	t.list(d.Topic, d.ConsumerGroup, &dead)
	t.changes++
}

// list needs mu: files what a group filters a topic by under the topic; nil takes it out.
func (t *Table) list(topic, group string, d *Data) {
	row := t.topics[topic]
	if row == nil {
		row = &topicRow{groups: map[string]*Data{}}
		t.topics[topic] = row
	}
	if old := row.groups[group]; old != nil {
		row.nodes -= old.compiled.Nodes()
		delete(row.groups, group)
	}
	if d != nil {
		row.nodes += d.compiled.Nodes()
		row.groups[group] = d
	}
	if row.list = nil; len(row.groups) == 0 {
		delete(t.topics, topic)
	}
}

// maxBitMapNodes bounds what one message costs; with more the record decides.
const maxBitMapNodes = 4096

// Generation moves whenever an expression is born.
func (t *Table) Generation() uint64 { return t.generation.Load() }

// listed is what a topic is filtered by; nil when it is by nothing, or by more than a
// message may cost.
func (t *Table) listed(topic string) []*Data {
	t.mu.RLock()
	row := t.topics[topic]
	if row == nil || row.nodes > maxBitMapNodes {
		t.mu.RUnlock()
		return nil
	}
	list := row.list
	t.mu.RUnlock()
	if list != nil {
		return list
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if row = t.topics[topic]; row == nil {
		return nil
	}
	if row.list == nil {
		row.list = slices.Collect(maps.Values(row.groups))
	}
	return row.list
}

// BitMap has the bits of every group whose expression matches a message's properties,
// the dead ones too; nil when the topic is filtered by none.
func (t *Table) BitMap(topic string, properties []byte) []byte {
	list := t.listed(topic)
	if len(list) == 0 {
		return nil
	}
	bitMap := make([]byte, t.opt.Bloom.Bits/8)
	for _, d := range list {
		if d.compiled.Match(properties) {
			d.BloomFilterData.Set(bitMap)
		}
	}
	return bitMap
}

// Unregister marks what a group filters by as dead: it has no client any more.
func (t *Table) Unregister(group string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, d := range t.groups[group] {
		t.kill(d)
	}
}

// Clean forgets what died too long ago.
func (t *Table) Clean() {
	now, after := t.opt.NowMs(), t.opt.CleanMs()
	t.mu.Lock()
	defer t.mu.Unlock()
	for group, topics := range t.groups {
		for topic, d := range topics {
			if d.IsDead() && now-d.DeadTime >= after {
				t.put(group, topic, nil)
			}
		}
	}
}
