package broker

import (
	"context"
	"time"

	"github.com/skylarkmq/skylark/remoting"
)

// clientScan is how often clients without heartbeats are looked for.
const clientScan = 10 * time.Second

// channelClosed forgets what a connection was: on its loop, so it only touches
// memory.
func (b *Broker) channelClosed(c *remoting.Conn) {
	b.Clients.Closed(c)
	b.Holds.Drop(c)
}

// topicMade is how long a send waits for its topic to be made: Java waits so long
// for the topics' lock.
const topicMade = 3000

// laneAges gives the lanes the ages at which waiting requests are turned away; the
// settings may change while the broker runs.
func (b *Broker) laneAges() {
	cfg := b.cfg.Get()
	for lane, ms := range map[remoting.Lane]int64{
		remoting.Send: max(cfg.WaitTimeMillsInSendQueue, topicMade), remoting.Pull: cfg.WaitTimeMillsInPullQueue,
		remoting.Admin: cfg.WaitTimeMillsInAdminBrokerQueue, remoting.Clients: cfg.WaitTimeMillsInHeartbeatQueue,
		remoting.Transaction: cfg.WaitTimeMillsInTransactionQueue, remoting.Pop: cfg.WaitTimeMillsInAckQueue,
	} {
		b.server.SetLaneMaxAge(lane, time.Duration(ms)*time.Millisecond)
	}
	b.server.SetLaneMaxAge(remoting.Append, b.storeCfg.Get().BusyTimeout())
}

// scanClients closes the connections of clients that went silent, forgets locks
// that expired, and says when there was no room for what clients register.
func (b *Broker) scanClients(ctx context.Context) {
	ticker := b.clock.NewTicker(clientScan)
	defer ticker.Stop()
	leftOut := int64(0)
	for {
		b.laneAges()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C():
		}
		for _, ch := range b.Clients.Expire(b.cfg.Get().ChannelExpiredTimeout) {
			conn := ch.(*remoting.Conn)
			b.log.Warn().Stringer("remote", conn.RemoteAddr()).Msg("client without heartbeats: connection closed")
			conn.Close()
		}
		if n := b.Clients.LeftOut(); n > leftOut {
			b.log.Warn().Int64("leftOut", n-leftOut).Msg("clients register more groups, members and subscriptions than may be kept: some are left out")
			leftOut = n
		}
		b.Locks.Sweep()
		b.routes.sweep()
		b.conflicts.tell()
	}
}
