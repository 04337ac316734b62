package broker

import (
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// UNREGISTER_CLIENT (35): always SUCCESS, whoever asks.
func (b *Broker) unregisterClient(r *remoting.Request, h *header.UnregisterClient) (*protocol.Command, error) {
	if h.ProducerGroup != "" {
		b.Clients.UnregisterProducer(h.ProducerGroup, r.Conn)
	}
	if h.ConsumerGroup != "" {
		notify := true
		if g := b.Groups.Find(h.ConsumerGroup); g != nil {
			notify = g.NotifyConsumerIdsChangedEnable
		}
		b.Clients.UnregisterConsumer(h.ConsumerGroup, r.Conn, notify)
	}
	return protocol.NewResponse(code.Success, ""), nil
}
