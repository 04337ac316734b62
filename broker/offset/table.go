// Package offset holds what consumer groups have consumed: committed offsets
// (consumerOffset.json), the last pulled offsets, and resets that an operator
// ordered and no consumer has taken yet.
//
// Its main type is Table. It starts no goroutine.
package offset

import (
	"hash/maphash"
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/skylarkmq/skylark/broker/dataversion"
	"github.com/skylarkmq/skylark/message"
)

// None is the answer for an offset that was never committed.
const None int64 = -1

// Bounds against clients that invent queues and groups.
const (
	maxQueuesPerKey = 1 << 16
	maxKeys         = 1 << 20
	// maxEntries bounds the committed and the pulled offsets of all keys: 100,000 queues
	// that twenty groups read, or some 200 MB. What a file brings counts, and is taken
	// whatever it is. Resets are not counted, as operators make them.
	maxEntries = 1 << 22
	// Under a memory limit they may take one part in so many of it.
	entryBytes     = 48
	entriesOfLimit = 8
)

const shards = 64

// Options of a Table; NowMs is needed.
type Options struct {
	NowMs func() int64
	// VersionStep is consumerOffsetUpdateVersionStep: so many commits move the
	// version once.
	VersionStep func() int64
	// ServerSideReset is useServerSideResetOffset: whether queries show a pending reset.
	ServerSideReset func() bool
	// Known says whether group and topic are there; nil: all are. It takes no lock, and is
	// asked before a consumer's offset is stored where nothing is yet: whoever deletes one
	// of them lets it be unknown first, and then removes its offsets.
	Known func(group, topic string) bool
	// Skipped hears, sorted, which keys of a file are not topic@group and are left out.
	Skipped func(keys []string)
	// Light: groups whose name begins with %LMQ% have one offset a topic, and the file
	// is lmqConsumerOffset.json (enableLmq).
	Light bool
	// MemoryLimit is what the process may have, 0 without a limit.
	MemoryLimit int64
}

// Table maps topic@group and queue to offsets. Its three tables share one row, so
// that one short lock covers what a pull does.
type Table struct {
	opt     Options
	seed    maphash.Seed
	keys    atomic.Int64
	entries atomic.Int64 // see maxEntries
	most    int64        // of them
	commits atomic.Int64
	changes atomic.Int64 // of what the file holds
	shards  [shards]shard

	mu      sync.Mutex
	version dataversion.Version
}

type shard struct {
	mu   sync.Mutex
	rows map[string]*row // by topic@group
}

// row is what is known of one group and topic.
type row struct {
	topic, group string
	committed    map[int32]int64
	pulled       map[int32]int64
	reset        map[int32]int64
}

// entries are those that count for maxEntries.
func (r *row) entries() int64 { return int64(len(r.committed) + len(r.pulled)) }

// New returns an empty table.
func New(opt Options) *Table {
	t := &Table{opt: opt, seed: maphash.MakeSeed(), most: maxEntries}
	if opt.MemoryLimit > 0 {
		t.most = min(t.most, opt.MemoryLimit/entriesOfLimit/entryBytes)
	}
	t.version.Timestamp = opt.NowMs()
	for i := range t.shards {
		t.shards[i].rows = map[string]*row{}
	}
	return t
}

// making says what happens when a row is not there.
type making int

const (
	never    making = iota
	bounded         // it is made unless the table is full
	consumed        // it is a consumer's: bounded, if group and topic are known
	always          // it is of a file
)

// with runs fn on a row under its lock; fn gets nil when there is none and it was not
// made.
func (t *Table) with(topic, group string, m making, fn func(*row)) {
	var buf [512]byte
	key := append(append(append(buf[:0], topic...), '@'), group...)
	s := &t.shards[maphash.Bytes(t.seed, key)%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rows[string(key)]
	if r == nil && t.mayMake(topic, group, m) {
		r = &row{topic: topic, group: group}
		s.rows[string(key)] = r
		t.keys.Add(1)
	}
	fn(r)
}

func (t *Table) mayMake(topic, group string, m making) bool {
	switch m {
	case bounded:
		return t.hasRoom()
	case consumed:
		return t.hasRoom() && (t.opt.Known == nil || t.opt.Known(group, topic))
	}
	return m == always
}

func (t *Table) hasRoom() bool { return t.keys.Load() < maxKeys && t.entries.Load() < t.most }

// take counts n entries more, or none when they do not fit.
func (t *Table) take(n int64) bool {
	if t.entries.Add(n) > t.most && n > 0 {
		t.entries.Add(-n)
		return false
	}
	return true
}

// put stores an offset unless it is a new one and the row or the table is full; what is
// known is always updated.
func (t *Table) put(m *map[int32]int64, queue int32, offset int64) bool {
	if _, known := (*m)[queue]; !known && (len(*m) >= maxQueuesPerKey || !t.take(1)) {
		return false
	}
	set(m, queue, offset)
	return true
}

func set(m *map[int32]int64, queue int32, offset int64) {
	if *m == nil {
		*m = make(map[int32]int64, 8)
	}
	(*m)[queue] = offset
}

// Commit stores an offset, also a smaller one than before. It returns the offset
// stored before (None) and false when the table is full.
func (t *Table) Commit(group, topic string, queue int32, offset int64) (before int64, ok bool) {
	before, queue = None, t.place(group, queue)
	t.with(topic, group, bounded, func(r *row) {
		if r == nil {
			return
		}
		if old, known := r.committed[queue]; known {
			before = old
		}
		ok = t.put(&r.committed, queue, offset)
	})
	t.changed(ok)
	return before, ok
}

func (t *Table) showsResets() bool { return t.opt.ServerSideReset == nil || t.opt.ServerSideReset() }

// changed counts a commit, and moves the version by one that was stored.
func (t *Table) changed(stored bool) {
	t.changes.Add(1)
	if stored && t.opt.VersionStep != nil {
		if step := t.opt.VersionStep(); step > 0 && t.commits.Add(1)%step == 0 {
			t.Bump()
		}
	}
}

// place is the queue under which an offset is kept: all of a light group are its one.
func (t *Table) place(group string, queue int32) int32 {
	if t.opt.Light && message.IsLight(group) {
		return 0
	}
	return queue
}

// Query is the pending reset if there is one, else the committed offset, else None.
func (t *Table) Query(group, topic string, queue int32) int64 {
	showReset := t.showsResets()
	offset := None
	t.with(topic, group, never, func(r *row) {
		if r == nil {
			return
		}
		if v, ok := r.reset[queue]; ok && showReset {
			offset = v
		} else if v, ok := r.committed[t.place(group, queue)]; ok {
			offset = v
		}
	})
	return offset
}

// CommitPull notes the next offset a group will pull.
func (t *Table) CommitPull(group, topic string, queue int32, offset int64) {
	t.with(topic, group, consumed, func(r *row) {
		if r != nil {
			t.put(&r.pulled, queue, offset)
		}
	})
}

// QueryPull is the last pulled offset, else what Query says.
func (t *Table) QueryPull(group, topic string, queue int32) int64 {
	offset, known := None, false
	t.with(topic, group, never, func(r *row) {
		if r != nil {
			offset, known = r.pulled[queue]
		}
	})
	if known {
		return offset
	}
	return t.Query(group, topic, queue)
}

// AssignReset orders a reset: the next pull of the queue is answered with it, and
// the committed offset becomes the same. Negative numbers are ignored.
func (t *Table) AssignReset(group, topic string, queue int32, offset int64) {
	if topic == "" || group == "" || queue < 0 || offset < 0 {
		return
	}
	t.with(topic, group, bounded, func(r *row) {
		if r == nil {
			return
		}
		if _, known := r.reset[queue]; known || len(r.reset) < maxQueuesPerKey {
			set(&r.reset, queue, offset)
			t.put(&r.committed, t.place(group, queue), offset)
		}
	})
	t.changes.Add(1)
}

// HasReset says whether a reset is pending.
func (t *Table) HasReset(group, topic string, queue int32) (pending bool) {
	t.with(topic, group, never, func(r *row) {
		if r != nil {
			_, pending = r.reset[queue]
		}
	})
	return pending
}

// TakeReset removes and returns a pending reset.
func (t *Table) TakeReset(group, topic string, queue int32) (offset int64, pending bool) {
	t.with(topic, group, never, func(r *row) {
		if r == nil || len(r.reset) == 0 {
			return
		}
		if offset, pending = r.reset[queue]; pending {
			delete(r.reset, queue)
		}
	})
	return offset, pending
}

// Queues is a copy of the committed offsets of one group and topic; nil for none.
func (t *Table) Queues(group, topic string) (queues map[int32]int64) {
	t.with(topic, group, never, func(r *row) {
		if r != nil && r.committed != nil {
			queues = maps.Clone(r.committed)
		}
	})
	return queues
}

// Clone copies one topic's committed offsets from a group to another, unless the table
// has no room for them.
func (t *Table) Clone(from, to, topic string) {
	queues := t.Queues(from, topic)
	if queues == nil {
		return
	}
	t.with(topic, to, bounded, func(r *row) {
		if r != nil && t.take(int64(len(queues)-len(r.committed))) {
			r.committed = queues
		}
	})
	t.changes.Add(1)
}

// each visits every row under its shard's lock; fn says whether to keep it.
func (t *Table) each(fn func(r *row) (keep bool)) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		for key, r := range s.rows {
			if !fn(r) {
				delete(s.rows, key)
				t.keys.Add(-1)
				t.entries.Add(-r.entries())
			}
		}
		s.mu.Unlock()
	}
}

// RemoveGroup forgets everything of a group.
func (t *Table) RemoveGroup(group string) {
	t.each(func(r *row) bool { return r.group != group })
	t.changes.Add(1)
}

// RemoveTopic forgets everything of a topic.
func (t *Table) RemoveTopic(topic string) {
	t.each(func(r *row) bool { return r.topic != topic })
	t.changes.Add(1)
}

// Remove forgets the committed offsets of one group and topic.
func (t *Table) Remove(group, topic string) {
	t.with(topic, group, never, func(r *row) {
		if r != nil {
			t.entries.Add(-int64(len(r.committed)))
			r.committed = nil
		}
	})
	t.changes.Add(1)
}

// Changes counts the changes of committed offsets, so that a saver sees whether
// there is anything to save.
func (t *Table) Changes() int64 { return t.changes.Load() }

// Bump moves the version.
func (t *Table) Bump() {
	t.mu.Lock()
	t.version = t.version.Next(t.opt.NowMs())
	t.mu.Unlock()
}

// Version is the present DataVersion.
func (t *Table) Version() dataversion.Version {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.version
}

// splitKey cuts topic@group at the first '@'.
func splitKey(key string) (topic, group string, ok bool) {
	topic, group, ok = strings.Cut(key, "@")
	if !ok || topic == "" || group == "" {
		return "", "", false
	}
	return topic, group, true
}
