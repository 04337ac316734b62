package transaction

import (
	"hash/maphash"
	"math/bits"
	"slices"
	"sync"
)

// The index holds every open half message: those behind the progress of the half
// queue that nothing has settled. Each is about 200 bytes with its place in the
// map; maxOpenTransactions bounds how many a broker takes in, and half messages over
// it are refused as any overload is.
//
// They hang in a list ordered by offset, so that its first is the progress of the
// half queue. A check appends the message again: then it moves to the end of the
// list, and the offset it had becomes an alias until it is settled, because a
// producer that was slow still answers for the old one.
//
// An offset behind the progress that is not here is settled. That is how a second
// END_TRANSACTION is told from a first one.
type index struct {
	mu      sync.Mutex
	byPlace map[int64]*half
	aliases map[int64]*half
	copies  map[uint64]*half // those that were appended again or resumed, by identity
	first   *half
	last    *half
	groups  map[string]*group
	topics  map[string]*topicCount
	group   *group // looked up last
	topic   *topicCount

	walks int   // who may stand on a half while mu is free: see walk
	spare *half // settled ones to use again, by next
	kept  int   // of those

	discarded  recent
	committing map[uint64]bool          // discarded ones, while their commit is appended
	resuming   map[uint64]chan struct{} // others, while they are appended again; closed when that is over
	unread     recent                   // places of those that could not be read at the start
	seed       maphash.Seed
}

type state uint8

const (
	open     state = iota
	settling       // someone has claimed it
	settled        // and said so while a round was appending it again
	gone
)

// half is one open half message.
type half struct {
	offset, phy  int64
	born, stored int64
	immunity     int64 // ms, -1 without
	origin       int64 // first offset of one that was appended again in its immunity, else -1
	lastCheck    int64 // ms, 0 never in this process
	id           uint64
	size, checks int32
	state        state
	moving       bool // a round is appending it again
	layout       Layout
	group        *group
	topic        *topicCount
	aliases      []int64
	prev, next   *half
}

// group is a producer group with open half messages.
type group struct {
	name             string
	open             int
	checked, unheard int64 // checks sent; checks for which no producer was there
	lastCheck        int64
	warned           bool // that its half messages have used half of their checks
	near             bool // seen so in this round
}

// topicCount is one row of the transactionMetrics file, and what its transactions
// came to since the start.
type topicCount struct {
	name  string
	count int64
	at    int64

	commits, rollbacks int64
	latency            [len(latencyBounds) + 1]uint64
	latencySum         int64
}

func (x *index) init() {
	x.byPlace, x.aliases, x.copies = map[int64]*half{}, map[int64]*half{}, map[uint64]*half{}
	x.groups, x.topics = map[string]*group{}, map[string]*topicCount{}
	x.discarded.init(keepDiscarded)
	x.committing, x.resuming = map[uint64]bool{}, map[uint64]chan struct{}{}
	x.unread.init(keepDiscarded)
	x.seed = maphash.MakeSeed()
}

// identity tells the copies of one half message from others: its id, when it was
// made, and for whom. Two sends of one message differ in the time of birth.
func (x *index) identity(group, uniq []byte, born int64) uint64 {
	id := maphash.Bytes(x.seed, uniq) + bits.RotateLeft64(maphash.Bytes(x.seed, group), 32)
	return id ^ uint64(born)*0x9e3779b97f4a7c15 // odd: two times never give one product
}

// take is a half for use, all of it zero; mu is held.
func (x *index) take() *half {
	h := x.spare
	if h == nil {
		return &half{}
	}
	x.spare = h.next
	x.kept--
	*h = half{}
	return h
}

// walk is said, with mu held, by who goes on from a half after mu was free in
// between: until walked, none is used for another half message.
func (x *index) walk() { x.walks++ }

// walked may be called without mu.
func (x *index) walked() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.walks--
}

// groupOf needs mu.
func (x *index) groupOf(name []byte) *group {
	if x.group != nil && x.group.name == string(name) {
		return x.group
	}
	g := x.groups[string(name)]
	if g == nil {
		g = &group{name: string(name)}
		x.groups[g.name] = g
	}
	x.group = g
	return g
}

// topicOf needs mu.
func (x *index) topicOf(name string) *topicCount {
	if x.topic != nil && x.topic.name == name {
		return x.topic
	}
	t := x.topics[name]
	if t == nil {
		t = &topicCount{name: name}
		x.topics[name] = t
	}
	x.topic = t
	return t
}

// insert needs mu. Offsets come almost in order: loops that append at the same
// time tell of it in any order.
func (x *index) insert(h *half) {
	x.byPlace[h.offset] = h
	at := x.last
	for at != nil && at.offset > h.offset {
		at = at.prev
	}
	if h.prev = at; at == nil {
		h.next, x.first = x.first, h
	} else {
		h.next, at.next = at.next, h
	}
	if h.next == nil {
		x.last = h
	} else {
		h.next.prev = h
	}
}

// unlink needs mu. The forward link stays: a round that stands on h goes on from it.
func (x *index) unlink(h *half) {
	delete(x.byPlace, h.offset)
	if h.prev == nil {
		x.first = h.next
	} else {
		h.prev.next = h.next
	}
	if h.next == nil {
		x.last = h.prev
	} else {
		h.next.prev = h.prev
	}
}

// enter counts a new open half message; mu is held.
func (x *index) enter(h *half, now int64) {
	x.insert(h)
	h.group.open++
	h.topic.count++
	h.topic.at = now
}

// remove forgets one that is settled; mu is held.
func (x *index) remove(h *half, now int64) {
	x.unlink(h)
	h.state = gone
	for _, a := range h.aliases {
		delete(x.aliases, a)
	}
	h.aliases = nil
	if x.copies[h.id] == h {
		delete(x.copies, h.id)
	}
	h.topic.count--
	h.topic.at = now
	if h.group.open--; h.group.open == 0 {
		delete(x.groups, h.group.name)
		if x.group == h.group {
			x.group = nil
		}
	}
	if x.walks == 0 && x.kept < keepSpare {
		h.next, x.spare = x.spare, h
		x.kept++
	}
}

// relocate puts a half message where its new copy is; mu is held.
func (x *index) relocate(h *half, s *Stored) {
	x.unlink(h)
	x.copies[h.id] = h
	if len(h.aliases) == maxAliases {
		delete(x.aliases, h.aliases[0])
		h.aliases = slices.Delete(h.aliases, 0, 1)
	}
	h.aliases = append(h.aliases, h.offset)
	x.aliases[h.offset] = h
	h.offset, h.phy, h.size, h.stored = s.QueueOffset, s.PhyOffset, s.Size, s.StoreTimestamp
	h.layout = Layout{} // the copy has other properties
	x.insert(h)
}

const (
	// maxAliases bounds what one half message costs. It is the newest places that an
	// op record must name, because the progress that was saved last lies among them;
	// of decisions, those that name an older one are found by identity.
	maxAliases = 64
	// keepDiscarded is for how many discarded half messages a late commit is obeyed.
	keepDiscarded = 100_000
	// keepSpare is how many settled ones wait to be used again.
	keepSpare = 4096
)

// recent is a set that forgets its oldest members.
type recent struct {
	in   map[uint64]struct{}
	ring []uint64
	at   int
	most int
}

func (r *recent) init(most int) { r.in, r.most = map[uint64]struct{}{}, most }

func (r *recent) add(id uint64) {
	if _, ok := r.in[id]; ok {
		return
	}
	r.in[id] = struct{}{}
	if len(r.ring) < r.most {
		r.ring = append(r.ring, id)
		return
	}
	delete(r.in, r.ring[r.at])
	r.ring[r.at] = id
	r.at = (r.at + 1) % r.most
}

// take removes an id and says whether it was there.
func (r *recent) take(id uint64) bool {
	_, ok := r.in[id]
	delete(r.in, id)
	return ok
}
