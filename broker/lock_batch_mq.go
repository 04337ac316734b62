package broker

import (
	"github.com/skylarkmq/skylark/broker/client"
	"github.com/skylarkmq/skylark/broker/lock"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// LOCK_BATCH_MQ (41): takes or renews the queues for an orderly consumer and
// answers those it holds. With lockInStrictMode and several replicas the other
// brokers of this name are asked too (lock_quorum.go).
func (b *Broker) lockBatchMQ(r *remoting.Request) (*protocol.Command, error) {
	if tooLongForLoop(r) {
		r.ToLane(remoting.Clients, b.lockBatchMQ)
		return nil, nil
	}
	req, queues, err := decodeLock(r)
	if err != nil {
		return nil, err
	}
	quorum := b.lockQuorum(req.OnlyThisBroker)
	if quorum > 1 && r.Turn() != nil {
		r.ToLane(remoting.Clients, b.lockBatchMQ)
		return nil, nil
	}
	held := b.Locks.Lock(req.ConsumerGroup, req.ClientId, queues)
	if quorum > 1 {
		held = b.agreed(req, held, quorum)
	}
	return withBody(body.LockBatchResponseBody{LockOKMQSet: queueBodies(held)})
}

// UNLOCK_BATCH_MQ (42): gives back those of the queues that the caller holds.
func (b *Broker) unlockBatchMQ(r *remoting.Request) (*protocol.Command, error) {
	if tooLongForLoop(r) {
		r.ToLane(remoting.Clients, b.unlockBatchMQ)
		return nil, nil
	}
	req, queues, err := decodeLock(r)
	if err != nil {
		return nil, err
	}
	everywhere := b.lockQuorum(req.OnlyThisBroker) > 1
	if everywhere && r.Turn() != nil {
		r.ToLane(remoting.Clients, b.unlockBatchMQ)
		return nil, nil
	}
	b.Locks.Unlock(req.ConsumerGroup, req.ClientId, queues)
	if everywhere {
		b.unlockAtPeers(req, queues)
	}
	return protocol.NewResponse(code.Success, ""), nil
}

// maxLockBody bounds the body: as many queues as a group may lock, with 128 bytes each.
const maxLockBody = 128 * lock.MaxQueuesPerGroup

func decodeLock(r *remoting.Request) (*body.LockBatchRequestBody, []lock.Queue, error) {
	if len(r.Body) > maxLockBody {
		return nil, nil, remoting.Failf(code.SystemError, "lock request of %d bytes, at most %d", len(r.Body), maxLockBody)
	}
	req, err := body.Decode[body.LockBatchRequestBody](r.Body)
	if err != nil {
		return nil, nil, remoting.Fail(code.SystemError, err.Error())
	}
	if req.ConsumerGroup == "" || len(req.ConsumerGroup) > client.MaxGroupName || len(req.ClientId) > client.MaxClientID {
		return nil, nil, remoting.Fail(code.SystemError, "lock request without consumerGroup, or with a name that is too long")
	}
	return req, lockQueues(req.MqSet), nil
}

// lockQueues leaves out names that no queue can have, what comes twice (it is a
// set in Java), and more than a group may lock.
func lockQueues(list []body.MessageQueue) []lock.Queue {
	most := min(len(list), lock.MaxQueuesPerGroup)
	queues, seen := make([]lock.Queue, 0, most), make(map[lock.Queue]bool, most)
	for _, q := range list {
		if len(queues) == most {
			break
		}
		queue := lock.Queue{BrokerName: q.BrokerName, QueueID: q.QueueId, Topic: q.Topic}
		if len(q.Topic) <= maxTopicBytes && len(q.BrokerName) <= maxTopicBytes && !seen[queue] {
			queues, seen[queue] = append(queues, queue), true
		}
	}
	return queues
}

func queueBodies(queues []lock.Queue) []body.MessageQueue {
	list := make([]body.MessageQueue, 0, len(queues))
	for _, q := range queues {
		list = append(list, body.MessageQueue{BrokerName: q.BrokerName, QueueId: q.QueueID, Topic: q.Topic})
	}
	return list
}
