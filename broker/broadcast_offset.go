package broker

import (
	"context"
	"strings"
	"time"

	"github.com/skylarkmq/skylark/broker/broadcast"
	"github.com/skylarkmq/skylark/broker/client"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
	"github.com/skylarkmq/skylark/store"
)

// Offsets of broadcasting groups (enableBroadcastOffsetStore): noted with each pull,
// whether it comes from the client or from a proxy for it.

// broadcastScan is how often their smallest are committed.
const broadcastScan = 5 * time.Second

func (b *Broker) newBroadcasts() *broadcast.Table {
	seconds := func(of func(*Config) int64) func() int64 {
		return func() int64 { return of(b.cfg.Get()) * 1000 }
	}
	return broadcast.New(broadcast.Options{
		NowMs:     b.clock.NowMs,
		Online:    func(group string) []string { return b.Clients.ClientIDs(group) },
		OfflineMs: seconds(func(c *Config) int64 { return c.BroadcastOffsetExpireSecond }),
		OnlineMs:  seconds(func(c *Config) int64 { return c.BroadcastOffsetExpireMaxSecond }),
		Start:     b.broadcastStart,
		Commit:    func(group, topic string, queue int32, offset int64) { b.Offsets.Consumed(group, topic, queue, offset) },
	})
}

// consumes says whether a group, or one of broadcast.Suffix, and a topic are there.
func (b *Broker) consumes(group, topic string) bool {
	return b.Topics.Get(topic) != nil && b.Groups.Get(strings.TrimSuffix(group, broadcast.Suffix)) != nil
}

// broadcastStart is where a client begins of which nothing is known; None: the queue cannot
// be read now, and the client stays where it is.
func (b *Broker) broadcastStart(group, topic string, queue int32) int64 {
	if offset := b.Offsets.Query(group+broadcast.Suffix, topic, queue); offset >= 0 {
		return offset
	}
	low, high, err := b.Store.Bounds(topic, queue)
	switch {
	case err != nil:
		return broadcast.None
	case hasFirst(low, high):
		return 0
	}
	return high
}

// scanBroadcasts commits and forgets until ctx ends.
func (b *Broker) scanBroadcasts(ctx context.Context) {
	ticker := b.clock.NewTicker(broadcastScan)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C():
			b.Broadcasts.Scan()
		}
	}
}

// broadcaster notes for a pull which broadcasting client it is for, if it is for one.
func (b *Broker) broadcaster(conn *remoting.Conn, h *header.PullMessage, p *pull) {
	if !b.cfg.Get().EnableBroadcastOffsetStore {
		return
	}
	if h.RequestSource == sourceBroadcast {
		if n := len(h.ProxyFrowardClientId); n > 0 && n <= client.MaxClientID {
			p.broadcastClient, p.fromProxy = string(h.ProxyFrowardClientId), true
		}
		return
	}
	if p.broadcasting || p.has(header.PullSubscription) {
		p.broadcastClient = b.Clients.BroadcastClient(p.group.GroupName, conn)
	}
}

func (p *pull) broadcastPull(offset int64) *broadcast.Pull {
	return &broadcast.Pull{
		Group: p.group.GroupName, Topic: p.topic.TopicName, Queue: p.queue, Offset: offset,
		ClientID: p.broadcastClient, FromProxy: p.fromProxy,
	}
}

// broadcastInit is where a broadcasting client has to go on instead, if it has to.
func (b *Broker) broadcastInit(p *pull) (offset int64, move bool) {
	if p.broadcastClient == "" {
		return 0, false
	}
	offset = b.Broadcasts.Init(p.broadcastPull(p.offset))
	return offset, offset >= 0
}

// broadcastPulled notes a pull that was handled.
func (b *Broker) broadcastPulled(p *pull, a *answer) {
	if p.broadcastClient == "" {
		return
	}
	at := p.offset
	if a.code == code.PullOffsetMoved {
		at = a.result.NextBegin
	}
	b.Broadcasts.Pulled(p.broadcastPull(at))
}

// moved answers what a pull has to be moved to before anything is read: a reset that
// an operator ordered, or where a broadcasting client has to go on.
func (b *Broker) moved(p *pull) (*protocol.Command, bool) {
	if reset, ok := b.takeReset(p); ok {
		return b.resetAnswer(p, store.GetResult{
			NextBegin: reset, Min: b.Store.MinOffset(p.topic.TopicName, p.queue), Max: b.Store.MaxOffset(p.topic.TopicName, p.queue),
		}), true
	}
	if at, ok := b.broadcastInit(p); ok {
		return b.resetAnswer(p, store.GetResult{NextBegin: at}), true // as in Java, which looks for no range here
	}
	return nil, false
}
