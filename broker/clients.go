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

// scanClients closes the connections of clients that went silent, and forgets
// locks that expired.
func (b *Broker) scanClients(ctx context.Context) {
	ticker := b.clock.NewTicker(clientScan)
	defer ticker.Stop()
	for {
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
		b.Locks.Sweep()
	}
}
