package broker

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/skylarkmq/skylark/broker/lock"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// Locks in strict mode: a queue is locked when more than half of totalReplicas say
// so. The others are the brokers of this name that a name server knows; with fewer
// of them than a quorum needs no queue is locked, as by the Java broker.

// peerTime is how long one replica, or a name server, may take.
const peerTime = time.Second

// lockQuorum is how many brokers must agree to a lock; 1 is this one alone.
func (b *Broker) lockQuorum(onlyThisBroker bool) int {
	if onlyThisBroker || !b.cfg.Get().LockInStrictMode {
		return 1
	}
	return b.storeCfg.Get().TotalReplicas/2 + 1
}

// agreed asks the other brokers for the queues that are held here, all at once, and
// returns those that a quorum locked. What a minority locked expires by itself.
func (b *Broker) agreed(req *body.LockBatchRequestBody, held []lock.Queue, quorum int) []lock.Queue {
	votes := make(map[lock.Queue]int, len(held))
	for _, q := range held {
		votes[q] = 1
	}
	peers := b.lockPeers()
	data, err := body.Encode(body.LockBatchRequestBody{
		ClientId: req.ClientId, ConsumerGroup: req.ConsumerGroup, MqSet: queueBodies(held), OnlyThisBroker: true,
	})
	if err != nil {
		b.log.Error().Err(err).Msg("lock request for replicas not written")
		peers = nil
	}
	var mu sync.Mutex
	b.askPeers(peers, code.LockBatchMQ, data, func(reply *protocol.Command) error {
		answer, err := body.Decode[body.LockBatchResponseBody](reply.Body)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for _, q := range lockQueues(answer.LockOKMQSet) {
			if votes[q] > 0 { // a queue that was asked for
				votes[q]++
			}
		}
		return nil
	})
	locked := held[:0:0]
	for _, q := range held {
		if votes[q] >= quorum {
			locked = append(locked, q)
		}
	}
	return locked
}

// unlockAtPeers tells the other brokers.
func (b *Broker) unlockAtPeers(req *body.LockBatchRequestBody, queues []lock.Queue) {
	data, err := body.Encode(body.LockBatchRequestBody{
		ClientId: req.ClientId, ConsumerGroup: req.ConsumerGroup, MqSet: queueBodies(queues), OnlyThisBroker: true,
	})
	if err != nil {
		b.log.Error().Err(err).Msg("unlock request for replicas not written")
		return
	}
	b.askPeers(b.lockPeers(), code.UnlockBatchMQ, data, func(*protocol.Command) error { return nil })
}

// askPeers sends one request to all peers and waits for their answers.
func (b *Broker) askPeers(peers []string, c code.Request, data []byte, answered func(*protocol.Command) error) {
	ctx, cancel := context.WithTimeout(context.Background(), peerTime)
	defer cancel()
	var wg sync.WaitGroup
	for _, addr := range peers {
		wg.Go(func() {
			reply, err := b.registrar.client.Call(ctx, addr, protocol.NewRequest(c, nil, data))
			if err == nil && reply.Response() != code.Success {
				err = fmt.Errorf("code %d: %s", reply.Code, reply.Remark)
			}
			if err == nil {
				err = answered(reply)
			}
			if err != nil {
				b.log.Warn().Err(err).Stringer("request", c).Str("replica", addr).Msg("replica did not answer")
			}
		})
	}
	wg.Wait()
}

// lockPeers are the addresses of the other brokers of this name; none when no name
// server answers.
func (b *Broker) lockPeers() []string {
	ctx, cancel := context.WithTimeout(context.Background(), peerTime)
	defer cancel()
	cfg := b.cfg.Get()
	for _, addr := range b.registrar.present() {
		reply, err := b.registrar.client.Call(ctx, addr, protocol.NewRequest(code.GetBrokerMemberGroup, &header.GetBrokerMemberGroup{
			ClusterName: cfg.BrokerClusterName, BrokerName: cfg.BrokerName,
		}, nil))
		if err != nil || reply.Response() != code.Success {
			continue
		}
		answer, err := body.Decode[body.GetBrokerMemberGroupResponseBody](reply.Body)
		if err != nil || answer.BrokerMemberGroup == nil {
			continue
		}
		var peers []string
		for id, peer := range answer.BrokerMemberGroup.BrokerAddrs {
			if id != cfg.BrokerID {
				peers = append(peers, peer)
			}
		}
		return peers
	}
	b.log.Warn().Msg("lockInStrictMode: no name server tells the replicas; queues that need their votes stay unlocked")
	return nil
}
