// Package client holds the clients that heart-beat to a broker: which connections
// belong to which producer and consumer groups, and what those groups subscribe to.
//
// Its main type is Registry. It starts no goroutine: the broker calls Expire, and
// Closed when a connection ends.
package client

import (
	"hash/maphash"
	"sync"

	"github.com/skylarkmq/skylark/filter"
)

// Channel is one connection, opaque to this package: any comparable value. Java
// keys its tables by channel too, not by client id.
type Channel any

// Consume types, message models and starting points as they appear on the wire.
const (
	ConsumeActively  = "CONSUME_ACTIVELY"
	ConsumePassively = "CONSUME_PASSIVELY"
	ConsumePop       = "CONSUME_POP"

	Broadcasting = "BROADCASTING"
	Clustering   = "CLUSTERING"

	FromLastOffset  = "CONSUME_FROM_LAST_OFFSET"
	FromFirstOffset = "CONSUME_FROM_FIRST_OFFSET"
	FromTimestamp   = "CONSUME_FROM_TIMESTAMP"
)

// Bounds against clients that invent groups and ids. A consumer group is bounded
// by the subscription registry before it gets here.
const (
	MaxClientID          = 1024
	MaxGroupName         = 255
	maxGroups            = 1 << 17
	maxClientsPerGroup   = 1 << 16
	maxSubscriptions     = 1 << 14
	maxTopicRows         = 2 * maxSubscriptions // of a group: those that it no longer subscribes to go then
	maxCompensatedGroups = 1 << 17
)

// Info is one client's connection in one group.
type Info struct {
	Channel      Channel
	ClientID     string
	Language     string
	Version      int32
	RemoteAddr   string
	LastUpdateMs int64

	heardMs int64  // as LastUpdateMs, on the clock that nobody sets
	joined  uint64 // members that came earlier have smaller numbers
	wants   uint64 // signature of what a consumer subscribes to, 0: it has not said
	behind  bool   // it pulled with a subscription that no heartbeat has brought
}

// Consumer is what one heartbeat says of a consumer group.
type Consumer struct {
	Group            string
	ConsumeType      string
	MessageModel     string
	ConsumeFromWhere string
	Subscriptions    []*filter.Subscription
	// WithoutSub: a V2 heartbeat that repeats nothing but "still here".
	WithoutSub bool
	// Notify: whether the group's members want to hear of changes.
	Notify bool
	// RejectConflict: refuse a client whose subscriptions are not those of the member
	// that was there first.
	RejectConflict bool
}

// Group is a copy of what is known of a consumer group.
type Group struct {
	Name             string
	ConsumeType      string
	MessageModel     string
	ConsumeFromWhere string
	Clients          []Info
	Subscriptions    map[string]*filter.Subscription
	LastUpdateMs     int64
}

// Options of a Registry; NowMs is needed.
type Options struct {
	NowMs func() int64
	// MonoMs is what silence is counted on (clock.Clock); NowMs when nil.
	MonoMs func() int64
	// IDsChanged hears that a group's members changed, with all members left. It
	// is called without a lock and must not block.
	IDsChanged func(group string, channels []Channel)
	// GroupGone hears that a consumer group lost its last connection: see NoteGone. It is called
	// under the registry's lock and must not come back.
	GroupGone func(group string)
	// SubscriptionExpiredMs is how long a subscription that came with a pull is
	// remembered: 10 minutes.
	SubscriptionExpiredMs int64
	// MemoryLimit is what the process may have, 0 without a limit: what clients register takes a part of it at most.
	MemoryLimit int64
}

// Registry is the table of clients. One read-write mutex: it is written by
// heartbeats and read by pulls without a subscription of their own.
type Registry struct {
	opt Options

	mu           sync.RWMutex
	consumers    map[string]*group
	producers    map[string]map[Channel]*Info
	byChannel    map[Channel]*membership
	producerByID map[string]Channel
	topicGroups  map[string]map[string]struct{} // topic → groups that subscribe to it
	fingerprints map[string]int32
	compensation map[string]*compensated
	differing    map[string]*disagreement // groups whose members differ, or did lately
	joins        uint64
	kept         kept
	seed         maphash.Seed
}

// group is a consumer group with at least one connection.
type group struct {
	consumeType, messageModel, fromWhere string
	channels                             map[Channel]*Info
	subs                                 map[string]*filter.Subscription
	topics                               map[string]struct{} // every topic once in subs: its rows in topicGroups
	lastUpdateMs                         int64
	wanted                               map[uint64]*want // what members subscribe to, by signature
}

// membership lists the groups of one connection, so that its end costs what it is
// a member of and not a walk over all groups.
type membership struct {
	consumers, producers map[string]struct{}
	ids                  map[string]int // of its producers: in how many groups
}

// New returns an empty registry.
func New(opt Options) *Registry {
	if opt.MonoMs == nil {
		opt.MonoMs = opt.NowMs
	}
	if opt.SubscriptionExpiredMs <= 0 {
		opt.SubscriptionExpiredMs = 600_000
	}
	return &Registry{
		opt: opt, consumers: map[string]*group{}, producers: map[string]map[Channel]*Info{},
		byChannel: map[Channel]*membership{}, producerByID: map[string]Channel{},
		topicGroups: map[string]map[string]struct{}{}, fingerprints: map[string]int32{},
		compensation: map[string]*compensated{}, differing: map[string]*disagreement{}, kept: keptOf(opt.MemoryLimit), seed: maphash.MakeSeed(),
	}
}

// member needs mu for writing.
func (r *Registry) member(ch Channel) *membership {
	m := r.byChannel[ch]
	if m == nil {
		m = &membership{consumers: map[string]struct{}{}, producers: map[string]struct{}{}, ids: map[string]int{}}
		r.byChannel[ch] = m
	}
	return m
}

// leave needs mu for writing; it forgets a connection that is in no group.
func (r *Registry) leave(ch Channel) {
	if m := r.byChannel[ch]; m != nil && len(m.consumers) == 0 && len(m.producers) == 0 {
		delete(r.byChannel, ch)
	}
}

// Closed takes a connection out of all its groups and tells the consumers left,
// unless they broadcast.
func (r *Registry) Closed(ch Channel) {
	var changes []change
	r.mu.Lock()
	m := r.byChannel[ch]
	if m == nil {
		r.mu.Unlock()
		return
	}
	for name := range m.consumers {
		if c, ok := r.removeConsumer(name, ch); ok && c.model != Broadcasting {
			c.channels = r.channelsOf(name)
			changes = append(changes, c)
		}
	}
	for name := range m.producers {
		r.removeProducer(name, ch)
	}
	delete(r.byChannel, ch)
	r.mu.Unlock()
	r.tell(changes)
}

// producerExpiredMs is how long producers are remembered. No setting changes it in the
// original either (ProducerManager): channelExpiredTimeout is for consumers.
const producerExpiredMs = 120_000

// Expire forgets consumers that have not been heard of for longer than timeoutMs, and
// producers after two minutes, and returns their connections, which the caller closes.
// It tells nobody, as Java's scan does not.
func (r *Registry) Expire(timeoutMs int64) (expired []Channel) {
	now := r.opt.MonoMs()
	seen := map[Channel]bool{}
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, g := range r.consumers {
		for ch, info := range g.channels {
			if now-info.heardMs > timeoutMs {
				r.removeConsumer(name, ch)
				seen[ch] = true
			}
		}
	}
	for name, clients := range r.producers {
		for ch, info := range clients {
			if now-info.heardMs > producerExpiredMs {
				r.removeProducer(name, ch)
				seen[ch] = true
			}
		}
	}
	for ch := range seen {
		r.leave(ch)
		expired = append(expired, ch)
	}
	r.expireCompensation(r.opt.NowMs())
	return expired
}

// change is a consumer group that lost or gained a member.
type change struct {
	group    string
	model    string
	channels []Channel
}

func (r *Registry) tell(changes []change) {
	if r.opt.IDsChanged == nil {
		return
	}
	for _, c := range changes {
		r.opt.IDsChanged(c.group, c.channels)
	}
}
