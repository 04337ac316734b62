package nameserv

import (
	"context"
	"errors"
	"time"

	"github.com/skylarkmq/skylark/nameserv/route"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

const (
	firstScan = 5 * time.Second // after start, whatever the interval

	noticeQueue     = 1024
	noticeConnectMs = 300 // a member that is away must not delay the notices of the others
)

// scanSilent looks for brokers that were silent for too long. Their connections are closed: a broker that lives must
// notice that it is not known any more.
func (n *Nameserv) scanSilent(ctx context.Context) {
	interval := max(time.Duration(n.cfg.Get().ScanNotActiveBrokerInterval)*time.Millisecond, 10*time.Millisecond)
	timer := n.clock.NewTimer(firstScan)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C():
		}
		n.expire()
		timer.Reset(interval)
	}
}

func (n *Nameserv) expire() {
	for _, d := range n.routes.Expired() {
		n.log.Warn().Str("cluster", d.Member.Cluster).Str("addr", d.Member.BrokerAddr).Msg("broker silent, channel expired")
		if c, ok := d.Channel.(*remoting.Conn); ok && c != nil {
			c.Close()
		}
		n.submit(d.Member)
	}
}

// channelClosed unregisters the brokers of a connection that went away.
func (n *Nameserv) channelClosed(c *remoting.Conn) {
	gone := n.routes.ByChannel(c)
	if len(gone) == 0 {
		return
	}
	n.log.Info().Str("broker", gone[0].BrokerName).Str("addr", gone[0].BrokerAddr).Int("brokers", len(gone)).Msg("broker channel closed")
	n.submit(gone...)
}

// submit queues departures, those of one connection as one; false when the queue is full. The expiry scan finds again what was lost
// that way.
func (n *Nameserv) submit(gone ...route.Member) bool {
	select {
	case n.departures <- gone:
		return true
	default:
		n.log.Error().Str("broker", gone[0].BrokerName).Str("addr", gone[0].BrokerAddr).Msg("unregistration queue full")
		return false
	}
}

// applyDepartures applies all that has queued up as one batch: the pass over all topics that a departure costs is made once when
// many brokers leave together.
func (n *Nameserv) applyDepartures(ctx context.Context) {
	var batch []route.Member
	for {
		select {
		case <-ctx.Done():
			return
		case gone := <-n.departures:
			batch = append(batch[:0], gone...)
		}
		for len(n.departures) > 0 {
			batch = append(batch, <-n.departures...)
		}
		for _, m := range n.unregister(batch) {
			n.log.Info().Str("cluster", m.Cluster).Str("broker", m.BrokerName).Int64("id", m.BrokerID).
				Str("addr", m.BrokerAddr).Msg("broker unregistered")
		}
	}
}

// errConnClosed refuses a registration whose connection has ended.
var errConnClosed = errors.New("connection closed")

// register applies a registration and queues its notice.
func (n *Nameserv) register(r *route.Registration) (route.Registered, error) {
	n.changes.Lock()
	defer n.changes.Unlock()
	if c, ok := r.Channel.(*remoting.Conn); ok && c != nil && c.Closed() {
		// The broker may have come back on another connection while this one waited, here at the latest: what it sent before
		// must not take its place.
		return route.Registered{}, errConnClosed
	}
	result, err := n.routes.Register(r)
	if result.Notice != nil {
		n.notify(result.Notice)
	}
	return result, err
}

// unregister applies departures, queues their notices and returns who has left.
func (n *Nameserv) unregister(batch []route.Member) []route.Member {
	n.changes.Lock()
	defer n.changes.Unlock()
	left, notices := n.routes.Unregister(batch)
	for _, c := range notices {
		n.notify(c)
	}
	return left
}

// notify queues a notice; a full queue drops it, since members find out by their own next question.
func (n *Nameserv) notify(c *route.MinBrokerChanged) {
	select {
	case n.notices <- c:
	default:
		n.log.Warn().Str("broker", c.BrokerName).Msg("min broker id notice dropped, queue full")
	}
}

// sendNotices tells brokers, one-way, that the smallest id of their group changed.
func (n *Nameserv) sendNotices(ctx context.Context) {
	for {
		var c *route.MinBrokerChanged
		select {
		case <-ctx.Done():
			return
		case c = <-n.notices:
		}
		for _, addr := range c.Recipients {
			cmd := protocol.NewRequest(code.NotifyMinBrokerIDChange, &header.NotifyMinBrokerIdChange{
				MinBrokerId: &c.MinBrokerID, MinBrokerAddr: c.MinBrokerAddr,
				OfflineBrokerAddr: c.OfflineBrokerAddr, HaBrokerAddr: c.HaBrokerAddr,
			}, nil)
			cmd.MarkOneWay()
			if err := n.client.OneWay(addr, cmd); err != nil {
				n.log.Warn().Err(err).Str("addr", addr).Str("broker", c.BrokerName).Msg("min broker id notice not sent")
			}
		}
	}
}
