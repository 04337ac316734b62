// Package broadcast holds how far the clients of broadcasting groups have pulled.
// Such clients keep their offsets themselves; what the broker knows is for those
// that move between a proxy and the broker, which start with nothing.
//
// Its main type is Table. It starts no goroutine: pulls update, the broker calls Scan.
package broadcast

import "sync"

// None is the answer when a client's own offset is right.
const None int64 = -1

// Suffix is what a group's common offsets are committed under: `<group>@broadcast`.
const Suffix = "@broadcast"

// Bounds against proxies that invent clients.
const (
	maxKeys            = 1 << 16
	maxClientsPerKey   = 1 << 14
	maxQueuesPerClient = 1 << 12
	maxClients         = 1 << 17 // of all keys
	maxQueues          = 1 << 19 // of all clients
)

// Options of a Table; all are needed.
type Options struct {
	NowMs func() int64
	// Online are the ids of a group's clients that heart-beat to this broker.
	Online func(group string) []string
	// OfflineMs and OnlineMs are how long after its last pull a client is remembered.
	OfflineMs, OnlineMs func() int64
	// Start is where a client begins of which nothing is known: the group's common
	// offset, or the beginning or end of the queue; None when that cannot be told now.
	Start func(group, topic string, queue int32) int64
	// Commit stores the smallest offset of a group's clients.
	Commit func(group, topic string, queue int32, offset int64)
}

type key struct{ topic, group string }

// place is how far one client is.
type place struct {
	pulledMs  int64
	fromProxy bool
	queues    map[int32]int64
}

// Table is by topic and group, then by client. One mutex: only broadcasting groups
// come here.
type Table struct {
	opt  Options
	mu   sync.Mutex
	keys map[key]map[string]*place
	// clients and queues are how many there are of all keys.
	clients, queues int
}

// New returns an empty table.
func New(opt Options) *Table { return &Table{opt: opt, keys: map[key]map[string]*place{}} }

// Pull is one pull of a client.
type Pull struct {
	Group, Topic string
	Queue        int32
	Offset       int64
	ClientID     string
	FromProxy    bool
}

// Pulled notes where a client has come to; it never goes back.
func (t *Table) Pulled(p *Pull) {
	now := t.opt.NowMs()
	t.mu.Lock()
	defer t.mu.Unlock()
	at := t.place(p, true)
	if at == nil {
		return
	}
	at.pulledMs, at.fromProxy = now, p.FromProxy
	old, known := at.queues[p.Queue]
	switch {
	case known:
		at.queues[p.Queue] = max(old, p.Offset)
	case len(at.queues) < maxQueuesPerClient && t.queues < maxQueues:
		at.queues[p.Queue] = p.Offset
		t.queues++
	}
}

// place needs mu; nil when there is none, or no room for one.
func (t *Table) place(p *Pull, create bool) *place {
	k := key{p.Topic, p.Group}
	clients := t.keys[k]
	if clients == nil {
		if !create || len(t.keys) >= maxKeys || t.clients >= maxClients {
			return nil
		}
		clients = map[string]*place{}
		t.keys[k] = clients
	}
	at := clients[p.ClientID]
	if at == nil && len(clients) < maxClientsPerKey && t.clients < maxClients {
		at = &place{pulledMs: t.opt.NowMs(), fromProxy: p.FromProxy, queues: map[int32]int64{}}
		clients[p.ClientID] = at
		t.clients++
	}
	return at
}

// Init is the offset that a pull has to be moved to, or None: a proxy's client that
// asks with a negative offset, and one that came from a proxy or went to one.
func (t *Table) Init(p *Pull) int64 {
	t.mu.Lock()
	_, known := t.keys[key{p.Topic, p.Group}]
	var at *place
	if known {
		at = t.place(p, true)
	}
	stored, ask := None, false
	switch {
	case at == nil:
		ask = p.FromProxy && p.Offset < 0
	case at.fromProxy && p.Offset < 0, at.fromProxy != p.FromProxy:
		ask = true
		if v, ok := at.queues[p.Queue]; ok {
			stored = v
		}
	}
	t.mu.Unlock()
	if ask && stored < 0 {
		return t.opt.Start(p.Group, p.Topic, p.Queue)
	}
	return stored
}

// online asks for every group who is there, outside of the lock.
func (t *Table) online() map[string]map[string]bool {
	here := map[string]map[string]bool{}
	t.mu.Lock()
	for k := range t.keys {
		here[k.group] = map[string]bool{}
	}
	t.mu.Unlock()
	for group, ids := range here {
		for _, id := range t.opt.Online(group) {
			ids[id] = true
		}
	}
	return here
}

// Scan commits the smallest offset of each group's clients, as long as they are
// online or pulled lately, and forgets clients whose time is over.
func (t *Table) Scan() {
	here := t.online()
	now, offline, online := t.opt.NowMs(), t.opt.OfflineMs(), t.opt.OnlineMs()
	least := map[key]map[int32]int64{}
	t.mu.Lock()
	for k, clients := range t.keys {
		queues := map[int32]int64{}
		for id, at := range clients {
			silent, there := now-at.pulledMs, here[k.group][id]
			if there || silent < offline {
				at.lower(queues)
			}
			if there && silent >= online || !there && silent >= offline {
				delete(clients, id)
				t.clients--
				t.queues -= len(at.queues)
			}
		}
		if len(clients) == 0 {
			delete(t.keys, k)
		}
		least[k] = queues
	}
	t.mu.Unlock()
	for k, queues := range least {
		for q, offset := range queues {
			t.opt.Commit(k.group+Suffix, k.topic, q, offset)
		}
	}
}

// RemoveTopic forgets how far clients have come in a topic.
func (t *Table) RemoveTopic(topic string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for k, clients := range t.keys {
		if k.topic != topic {
			continue
		}
		for _, at := range clients {
			t.queues -= len(at.queues)
		}
		t.clients -= len(clients)
		delete(t.keys, k)
	}
}

// lower takes a client's offsets where they are smaller.
func (p *place) lower(least map[int32]int64) {
	for q, offset := range p.queues {
		if old, known := least[q]; !known || offset < old {
			least[q] = offset
		}
	}
}
