package filterdata

import (
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
}

// Expressions of all groups together are bounded in number and length: they come
// from clients and stay for a day.
const (
	maxEntries = 1 << 17
	maxText    = 64 << 20
)

// Table is the filter data of all groups. It is written by heartbeats and read by
// pulls.
type Table struct {
	opt Options

	generation atomic.Uint64 // moves before an expression is born: store.BitMaps

	mu      sync.RWMutex
	groups  map[string]map[string]*Data // group → topic
	topics  map[string][]*Data          // the same by topic; a change makes another list
	entries int
	text    int   // bytes of expressions
	changes int64 // so that a save can be left out
}

// New returns an empty table.
func New(opt Options) *Table {
	return &Table{opt: opt, groups: map[string]map[string]*Data{}, topics: map[string][]*Data{}}
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
		t.text -= len(old.Expression)
		if delete(t.groups[group], topic); len(t.groups[group]) == 0 {
			delete(t.groups, group)
		}
		t.list(topic, old, nil)
		t.changes++
	}
	if d == nil || t.entries >= maxEntries || t.text+len(d.Expression) > maxText {
		return
	}
	if t.groups[group] == nil {
		t.groups[group] = map[string]*Data{}
	}
	t.groups[group][topic] = d
	t.list(topic, nil, d)
	t.entries++
	t.text += len(d.Expression)
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
	t.list(d.Topic, d, &dead)
	t.changes++
}

// list needs mu: takes an entry out of a topic's list, puts one in, or both.
func (t *Table) list(topic string, old, fresh *Data) {
	list := slices.Clone(t.topics[topic])
	if i := slices.Index(list, old); old != nil && i >= 0 {
		list = slices.Delete(list, i, i+1)
	}
	if fresh != nil {
		list = append(list, fresh)
	}
	if len(list) == 0 {
		delete(t.topics, topic)
		return
	}
	t.topics[topic] = list
}

// maxBitMapNodes bounds what one message costs; with more the record decides.
const maxBitMapNodes = 4096

// Generation moves whenever an expression is born.
func (t *Table) Generation() uint64 { return t.generation.Load() }

// BitMap has the bits of every group whose expression matches a message's properties,
// the dead ones too; nil when the topic is filtered by none.
func (t *Table) BitMap(topic string, properties []byte) []byte {
	t.mu.RLock()
	list := t.topics[topic]
	t.mu.RUnlock()
	if len(list) == 0 {
		return nil
	}
	nodes := 0
	for _, d := range list {
		if nodes += d.compiled.Nodes(); nodes > maxBitMapNodes {
			return nil
		}
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
