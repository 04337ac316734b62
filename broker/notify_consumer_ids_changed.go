package broker

import (
	"context"
	"sync"
	"time"

	"github.com/skylarkmq/skylark/broker/client"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// NOTIFY_CONSUMER_IDS_CHANGED (40), outgoing: tells the members of a group to
// share its queues anew. Changes that wait to be told are told once, to the members of
// all of them: they come in any order, as the registry lets its lock go before it tells,
// so the last to come may be an older one that lacks a member. Who has left meanwhile is
// told for nothing.

// noticeEvery is the period with realTimeNotifyConsumerChange=false.
const noticeEvery = 15 * time.Second

type notices struct {
	b     *Broker
	ready chan struct{}

	mu      sync.Mutex
	changed map[string]map[client.Channel]struct{}
}

func newNotices(b *Broker) *notices {
	return &notices{b: b, ready: make(chan struct{}, 1), changed: map[string]map[client.Channel]struct{}{}}
}

// idsChanged is called by the registry; it must not block.
func (n *notices) idsChanged(group string, channels []client.Channel) {
	cfg := n.b.cfg.Get()
	if !cfg.NotifyConsumerIDsChangedEnable {
		return
	}
	n.add(group, channels)
	if !cfg.RealTimeNotifyConsumerChange {
		return
	}
	select {
	case n.ready <- struct{}{}:
	default:
	}
}

// add notes those who have to be told.
func (n *notices) add(group string, channels []client.Channel) {
	n.mu.Lock()
	defer n.mu.Unlock()
	waiting := n.changed[group]
	if waiting == nil {
		waiting = make(map[client.Channel]struct{}, len(channels))
		n.changed[group] = waiting
	}
	for _, ch := range channels {
		waiting[ch] = struct{}{}
	}
}

func (n *notices) run(ctx context.Context) {
	ticker := n.b.clock.NewTicker(noticeEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.ready:
		case <-ticker.C():
		}
		n.tell()
	}
}

func (n *notices) tell() {
	n.mu.Lock()
	changed := n.changed
	n.changed = map[string]map[client.Channel]struct{}{}
	n.mu.Unlock()
	for group, channels := range changed {
		cmd := protocol.NewRequest(code.NotifyConsumerIDsChanged, &header.NotifyConsumerIdsChanged{ConsumerGroup: group}, nil)
		for ch := range channels {
			if err := ch.(*remoting.Conn).Send(cmd); err != nil {
				n.b.log.Debug().Err(err).Str("group", group).Msg("consumer not notified")
			}
		}
	}
}
