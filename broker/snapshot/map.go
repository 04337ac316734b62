// Package snapshot holds Map, a table that is read on every message and changed
// a few times a day: topics, subscription groups.
//
// Readers load one pointer and index a Go map that nobody changes any more, so a
// look-up by bytes takes no lock and allocates nothing. Writers copy one of the
// shards under its mutex and publish the copy. A single map would make creating
// n entries cost n² copies; 256 shards keep the copy at a few hundred entries
// even with a hundred thousand topics.
package snapshot

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

const shards = 256

// Map is ready after New. Values are treated as immutable once stored.
type Map[V any] struct {
	seed   maphash.Seed
	count  atomic.Int64
	shards [shards]shard[V]
}

type shard[V any] struct {
	mu    sync.Mutex
	table atomic.Pointer[map[string]V]
}

// New returns an empty table.
func New[V any]() *Map[V] {
	m := &Map[V]{seed: maphash.MakeSeed()}
	for i := range m.shards {
		empty := map[string]V{}
		m.shards[i].table.Store(&empty)
	}
	return m
}

// Lookup finds a value by a borrowed name; it neither keeps nor copies the bytes.
func (m *Map[V]) Lookup(name []byte) (V, bool) {
	s := &m.shards[maphash.Bytes(m.seed, name)%shards]
	v, ok := (*s.table.Load())[string(name)]
	return v, ok
}

// Get finds a value by name.
func (m *Map[V]) Get(name string) (V, bool) {
	s := &m.shards[maphash.String(m.seed, name)%shards]
	v, ok := (*s.table.Load())[name]
	return v, ok
}

// Len is the number of entries.
func (m *Map[V]) Len() int { return int(m.count.Load()) }

// Update changes the entry of one name: fn sees the present value and says what
// to store, or keep=false to remove it. It runs under the shard's mutex.
func (m *Map[V]) Update(name string, fn func(old V, found bool) (v V, keep bool)) {
	s := &m.shards[maphash.String(m.seed, name)%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	table := *s.table.Load()
	old, found := table[name]
	v, keep := fn(old, found)
	if !keep && !found {
		return
	}
	next := make(map[string]V, len(table)+1)
	for k, e := range table {
		next[k] = e
	}
	if keep {
		next[name] = v
	} else {
		delete(next, name)
	}
	m.count.Add(int64(len(next) - len(table)))
	s.table.Store(&next)
}

// Set stores a value.
func (m *Map[V]) Set(name string, v V) {
	m.Update(name, func(V, bool) (V, bool) { return v, true })
}

// Delete removes a name and says whether it was there.
func (m *Map[V]) Delete(name string) (found bool) {
	m.Update(name, func(old V, f bool) (V, bool) { found = f; return old, false })
	return found
}

// Range calls fn for every entry until it returns false, each shard as it was
// at one moment, in no particular order.
func (m *Map[V]) Range(fn func(name string, v V) bool) {
	for i := range m.shards {
		for k, v := range *m.shards[i].table.Load() {
			if !fn(k, v) {
				return
			}
		}
	}
}
