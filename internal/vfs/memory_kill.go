package vfs

import (
	"maps"
	"slices"
)

// KillClone is the disk as the next process finds it when this one is killed and
// the machine goes on: everything that was written, no locks. The original goes on.
//
//go:norace // mappings are written without a lock, as they are on a real disk
func (m *Memory) KillClone() *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := NewMemory(m.now)
	c.total = m.total
	clones := map[*memNode]*memNode{}
	for name, n := range m.names {
		if clones[n] == nil {
			n.mu.Lock()
			clones[n] = &memNode{dir: n.dir, modTime: n.modTime, data: slices.Clone(n.data), synced: slices.Clone(n.data)}
			n.mu.Unlock()
		}
		c.names[name] = clones[n]
	}
	c.durable = maps.Clone(c.names)
	return c
}
