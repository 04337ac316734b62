package longpoll

import "github.com/skylarkmq/skylark/internal/clock"

// Reason tells a woken request why.
type Reason uint8

// The reasons a held request ends for.
const (
	Arrived  Reason = iota // there may be something to read
	TimedOut               // nothing came in time
	Stopped                // the broker stops
)

// Hold is one request that waits for messages of one queue. Its exported fields
// belong to the caller and are not changed while it is held.
type Hold struct {
	Topic string
	Queue int32
	// From is the offset it wants to read; it is woken once the queue's maximum is
	// greater.
	From int64
	// Deadline by clock.MonoMs; not answered for time-out before.
	Deadline int64
	// Owner is the connection: comparable; Drop forgets all holds of one.
	Owner any
	// Owned leads from a hold back to what the caller holds, for Take.
	Owned any
	// Match says whether a message with this tags code is wanted; nil: all are.
	Match func(tagsCode int64) bool
	// Wake is called once, without a lock, on the goroutine of the cause.
	Wake func(h *Hold, why Reason)

	next, prev           *Hold // among the holds of its queue
	ownerNext, ownerPrev *Hold // among the holds of its owner in this shard
	owned                int   // how many these are; the first one's only
	heapIndex            int
	list                 *list
}

// key names a queue.
type key struct {
	topic string
	queue int32
}

// list is the holds of one queue, in order of arrival, so that who waits longest
// is answered first.
type list struct {
	key
	head, tail *Hold
	count      int
	census     *census // of a queue that was found full
}

func (l *list) push(h *Hold) {
	h.list, h.prev, h.next = l, l.tail, nil
	if l.tail != nil {
		l.tail.next = h
	} else {
		l.head = h
	}
	l.tail = h
	l.count++
}

func (l *list) remove(h *Hold) {
	if h.prev != nil {
		h.prev.next = h.next
	} else {
		l.head = h.next
	}
	if h.next != nil {
		h.next.prev = h.prev
	} else {
		l.tail = h.prev
	}
	h.list, h.prev, h.next = nil, nil, nil
	l.count--
}

// byDeadline is a binary heap of holds; container/heap would box every one.
type byDeadline []*Hold

func (b byDeadline) swap(i, j int) {
	b[i], b[j] = b[j], b[i]
	b[i].heapIndex, b[j].heapIndex = i, j
}

func (b byDeadline) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if b[parent].Deadline <= b[i].Deadline {
			return
		}
		b.swap(i, parent)
		i = parent
	}
}

func (b byDeadline) down(i int) {
	for {
		least, left := i, 2*i+1
		for c := left; c < len(b) && c <= left+1; c++ {
			if b[c].Deadline < b[least].Deadline {
				least = c
			}
		}
		if least == i {
			return
		}
		b.swap(i, least)
		i = least
	}
}

func (b *byDeadline) push(h *Hold) {
	h.heapIndex = len(*b)
	*b = append(*b, h)
	b.up(h.heapIndex)
}

func (b *byDeadline) remove(h *Hold) {
	i, last := h.heapIndex, len(*b)-1
	if i != last {
		b.swap(i, last)
	}
	(*b)[last] = nil
	*b = (*b)[:last]
	if i != last {
		b.down(i)
		b.up(i)
	}
}

// Options of Holds.
type Options struct {
	Clock clock.Clock
	// MaxHolds bounds all holds, MaxPerQueue those of one queue. Beyond, the owner with most gives way.
	MaxHolds, MaxPerQueue int
	// MaxOffset reads a queue's maximum; Recheck uses it in case an arrival was missed.
	MaxOffset func(topic string, queue int32) int64
	// RecheckMs is how often: 5 s.
	RecheckMs int64
}
