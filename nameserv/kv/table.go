// Package kv is the key-value configuration of a name server: strings by namespace and key, kept in one JSON file that is
// rewritten at each change. The namespace with a meaning of its own is ORDER_TOPIC_CONFIG.
package kv

import (
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/skylarkmq/skylark/internal/javajson"
	"github.com/skylarkmq/skylark/internal/statefile"
	"github.com/skylarkmq/skylark/internal/vfs"
)

// NamespaceOrderTopic holds, by topic, the queues of an ordered topic: `brokerA:4;brokerB:4`.
const NamespaceOrderTopic = "ORDER_TOPIC_CONFIG"

// Limits bound what is held in memory and rewritten to disk at each put. The original has none.
type Limits struct {
	// Name is the longest namespace or key, Value the longest value, in bytes.
	Name, Value int
	// Total is the size of all namespaces, keys and values together.
	Total int
}

// DefaultLimits hold some hundred thousand ordered topics.
var DefaultLimits = Limits{Name: 1 << 10, Value: 1 << 20, Total: 16 << 20}

// ErrLimit refuses a put that would exceed the limits.
var ErrLimit = errors.New("KV configuration limit")

// Table is safe for concurrent use. Readers never wait for the disk: a writer saves a changed copy first and then swaps it
// in, so what was answered with success is on disk.
type Table struct {
	disk   vfs.FS
	path   string
	limits Limits

	writer  sync.Mutex // one change at a time, over the disk write
	damaged error      // why the .bak stood in for the file, until it is set aside

	mu     sync.RWMutex
	spaces map[string]map[string]string // inner maps are replaced, never changed
	size   int
}

// file is the shape of the file, KVConfigSerializeWrapper.
type file struct {
	ConfigTable map[string]map[string]string `json:"configTable"`
}

// Open reads the file when there is one. An unreadable file is an error: starting without it would lose the configuration at
// the next put.
func Open(disk vfs.FS, path string, limits Limits) (*Table, error) {
	t := &Table{disk: disk, path: path, limits: limits, spaces: map[string]map[string]string{}}
	var f file
	_, damaged, err := statefile.ReadOr(disk, path, func(data []byte) error { f = file{}; return javajson.Unmarshal(data, &f) })
	if err != nil {
		return nil, fmt.Errorf("KV configuration: %w", err)
	}
	t.damaged = damaged
	for namespace, entries := range f.ConfigTable {
		if entries == nil {
			entries = map[string]string{}
		}
		t.spaces[namespace] = entries
		t.size += len(namespace)
		for k, v := range entries {
			t.size += len(k) + len(v)
		}
	}
	return t, nil
}

// Damaged is why the file was not read, but its .bak, the state before the last change; nil when it was.
func (t *Table) Damaged() error {
	t.writer.Lock()
	defer t.writer.Unlock()
	return t.damaged
}

// Get returns one value.
func (t *Table) Get(namespace, key string) (string, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	v, ok := t.spaces[namespace][key]
	return v, ok
}

// List returns a namespace, which its caller must not change; false when there was never a put to it.
func (t *Table) List(namespace string) (map[string]string, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	entries, ok := t.spaces[namespace]
	return entries, ok
}

// Put sets one value and saves the file.
func (t *Table) Put(namespace, key, value string) error {
	if len(namespace) > t.limits.Name || len(key) > t.limits.Name || len(value) > t.limits.Value {
		return fmt.Errorf("%w: namespace %d, key %d, value %d bytes; at most %d, %d, %d",
			ErrLimit, len(namespace), len(key), len(value), t.limits.Name, t.limits.Name, t.limits.Value)
	}
	t.writer.Lock()
	defer t.writer.Unlock()
	return t.change(namespace, func(entries map[string]string) bool {
		old, had := entries[key]
		entries[key] = value
		return !had || old != value
	})
}

// Delete removes one value and saves the file. The namespace stays, as in the original.
func (t *Table) Delete(namespace, key string) error {
	t.writer.Lock()
	defer t.writer.Unlock()
	if _, had := t.Get(namespace, key); !had {
		return nil
	}
	return t.change(namespace, func(entries map[string]string) bool {
		delete(entries, key)
		return true
	})
}

// change edits a copy of one namespace, saves, and swaps the copy in. The caller holds writer, so spaces cannot move
// underneath.
func (t *Table) change(namespace string, edit func(map[string]string) bool) error {
	old, known := t.spaces[namespace]
	next := maps.Clone(old)
	if next == nil {
		next = map[string]string{}
	}
	if !edit(next) {
		return nil
	}
	size := t.size + bytesOf(next) - bytesOf(old)
	if !known {
		size += len(namespace)
	}
	if size > t.limits.Total {
		return fmt.Errorf("%w: %d bytes in all, at most %d", ErrLimit, size, t.limits.Total)
	}
	spaces := maps.Clone(t.spaces)
	spaces[namespace] = next
	if err := t.save(spaces); err != nil {
		return err
	}
	t.mu.Lock()
	t.spaces, t.size = spaces, size
	t.mu.Unlock()
	return nil
}

func (t *Table) save(spaces map[string]map[string]string) error {
	data, err := javajson.Marshal(file{ConfigTable: spaces})
	if err != nil {
		return fmt.Errorf("KV configuration: %w", err)
	}
	if t.damaged != nil {
		if err := statefile.SetAside(t.disk, t.path); err != nil {
			return fmt.Errorf("KV configuration: %w", err)
		}
		t.damaged = nil
	}
	if err := statefile.Save(t.disk, t.path, data); err != nil {
		return fmt.Errorf("KV configuration: %w", err)
	}
	return nil
}

func bytesOf(entries map[string]string) int {
	n := 0
	for k, v := range entries {
		n += len(k) + len(v)
	}
	return n
}
