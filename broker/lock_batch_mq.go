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
// answers those it holds.
func (b *Broker) lockBatchMQ(r *remoting.Request) (*protocol.Command, error) {
	if tooLongForLoop(r) {
		r.ToLane(remoting.Clients, b.lockBatchMQ)
		return nil, nil
	}
	req, queues, err := decodeLock(r)
	if err != nil {
		return nil, err
	}
	held := b.Locks.Lock(req.ConsumerGroup, req.ClientId, queues)
	answer := body.LockBatchResponseBody{LockOKMQSet: make([]body.MessageQueue, 0, len(held))}
	for _, q := range held {
		answer.LockOKMQSet = append(answer.LockOKMQSet, body.MessageQueue{BrokerName: q.BrokerName, QueueId: q.QueueID, Topic: q.Topic})
	}
	return withBody(answer)
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
	b.Locks.Unlock(req.ConsumerGroup, req.ClientId, queues)
	return protocol.NewResponse(code.Success, ""), nil
}

func decodeLock(r *remoting.Request) (*body.LockBatchRequestBody, []lock.Queue, error) {
	req, err := body.Decode[body.LockBatchRequestBody](r.Body)
	if err != nil {
		return nil, nil, remoting.Fail(code.SystemError, err.Error())
	}
	if req.ConsumerGroup == "" || len(req.ConsumerGroup) > client.MaxGroupName || len(req.ClientId) > client.MaxClientID {
		return nil, nil, remoting.Fail(code.SystemError, "lock request without consumerGroup, or with a name that is too long")
	}
	queues := make([]lock.Queue, 0, len(req.MqSet))
	for _, q := range req.MqSet {
		if len(q.Topic) <= maxTopicBytes && len(q.BrokerName) <= maxTopicBytes {
			queues = append(queues, lock.Queue{BrokerName: q.BrokerName, QueueID: q.QueueId, Topic: q.Topic})
		}
	}
	return req, queues, nil
}
