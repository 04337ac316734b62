package broker

import (
	"errors"
	"fmt"

	"github.com/skylarkmq/skylark/broker/assignment"
	"github.com/skylarkmq/skylark/broker/client"
	"github.com/skylarkmq/skylark/broker/topic"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// QUERY_ASSIGNMENT (400): a consumer with clientRebalance=false asks which queues of
// a topic are its own, on all brokers. No list at all tells it to keep what it has, an
// empty list to give up everything.
func (b *Broker) queryAssignment(r *remoting.Request) (*protocol.Command, error) {
	req, err := body.Decode[body.QueryAssignmentRequestBody](r.Body)
	if err != nil {
		return nil, remoting.Fail(code.SystemError, err.Error())
	}
	if req.Topic == "" || len(req.Topic) > maxTopicBytes || len(req.ConsumerGroup) > client.MaxGroupName || len(req.ClientId) > client.MaxClientID {
		return nil, remoting.Fail(code.SystemError, "assignment query without a topic, or with a name that is too long")
	}
	share, ok, err := b.assign(req)
	if err != nil {
		return nil, err
	}
	answer := body.QueryAssignmentResponseBody{}
	if ok {
		list := make([]body.MessageQueueAssignment, 0, len(share))
		for _, q := range share {
			list = append(list, body.MessageQueueAssignment{
				MessageQueue: body.MessageQueue{BrokerName: q.BrokerName, QueueId: q.ID, Topic: q.Topic}, Mode: servedMode,
			})
		}
		answer.MessageQueueAssignments = &list
	}
	return withBody(answer)
}

// assign is QueryAssignmentProcessor.doLoadBalance; ok is false when the client is
// to keep what it has.
func (b *Broker) assign(req *body.QueryAssignmentRequestBody) (share []assignment.Queue, ok bool, err error) {
	switch req.MessageModel {
	case client.Broadcasting:
		share, ok = b.routes.queues(req.Topic)
		return share, ok, nil
	case client.Clustering:
	default: // Java ends in a NullPointerException here
		return nil, false, remoting.Failf(code.SystemError, "assignment query with messageModel %.40q", req.MessageModel)
	}
	queues, known := b.assignable(req.Topic)
	if !known || !b.cfg.Get().ServerLoadBalancerEnable {
		return queues, known, nil
	}
	members := b.Clients.ClientIDs(req.ConsumerGroup)
	share, err = assignment.Share(req.StrategyName, req.ClientId, queues, members)
	if err != nil {
		event := b.log.Debug()
		if errors.Is(err, assignment.ErrUnknown) {
			event = b.log.Warn()
		}
		event.Err(err).Str("group", req.ConsumerGroup).Str("topic", req.Topic).Str("strategy", fmt.Sprintf("%.40q", req.StrategyName)).Msg("no assignment")
		return nil, false, nil
	}
	return share, true, nil
}

// assignable are the queues that the members of a group share. A light topic is on no
// name server: it has one queue, on the broker that is asked.
func (b *Broker) assignable(name string) (queues []assignment.Queue, known bool) {
	if message.IsLight(name) {
		return []assignment.Queue{{Topic: name, BrokerName: b.cfg.Get().BrokerName}}, true
	}
	return b.routes.queues(name)
}

// servedMode is how clients are told to get the messages. This version has no POP, so
// what a Java broker left as POP is pulled meanwhile; its entry stays as it is.
const servedMode = assignment.Pull

// remarkNoPop refuses what would need POP.
const remarkNoPop = "mode POP is not supported by this version of the broker; set mode PULL"

// SET_MESSAGE_REQUEST_MODE (401): an operator says how a group gets a topic.
func (b *Broker) setMessageRequestMode(r *remoting.Request) (*protocol.Command, error) {
	req, err := body.Decode[body.SetMessageRequestModeRequestBody](r.Body)
	if err != nil {
		return nil, remoting.Fail(code.SystemError, err.Error())
	}
	switch {
	case topic.IsRetry(req.Topic):
		return nil, remoting.Fail(code.NoPermission, "retry topic is not allowed to set mode")
	case b.Topics.Get(req.Topic) == nil:
		return nil, remoting.Failf(code.TopicNotExist, "topic[%.255s] not exist", req.Topic)
	case b.Groups.Find(req.ConsumerGroup) == nil:
		return nil, remoting.Fail(code.SubscriptionGroupNotExist, "subscription group does not exist")
	case req.Mode == assignment.Pop:
		return nil, remoting.Fail(code.RequestCodeNotSupported, remarkNoPop)
	case req.Mode != assignment.Pull:
		return nil, remoting.Failf(code.InvalidParameter, "mode %.40q is neither PULL nor POP", req.Mode)
	}
	b.log.Info().Str("group", req.ConsumerGroup).Str("topic", req.Topic).Str("mode", req.Mode).
		Stringer("remote", r.Conn.RemoteAddr()).Msg("message request mode set")
	if !b.Modes.Set(assignment.Mode(*req)) {
		return nil, remoting.Fail(code.SystemError, "too many message request modes")
	}
	if err := b.saver.modes.persist(); err != nil {
		return nil, remoting.Failf(code.SystemError, "message request mode not saved: %v", err)
	}
	return protocol.NewResponse(code.Success, ""), nil
}

// GET_ALL_MESSAGE_REQUEST_MODE (402), for slaves.
func (b *Broker) getAllMessageRequestMode(*remoting.Request) (*protocol.Command, error) {
	data, err := b.Modes.EncodeCompact()
	if err != nil {
		return nil, err
	}
	answer := protocol.NewResponse(code.Success, "")
	answer.Body = data
	return answer, nil
}

// warnPop says at start what is left of POP.
func (b *Broker) warnPop() {
	if n := b.Modes.Count(assignment.Pop); n > 0 || b.cfg.Get().DefaultMessageRequestMode == assignment.Pop {
		b.log.Warn().Int("groups", n).Str("defaultMessageRequestMode", b.cfg.Get().DefaultMessageRequestMode).
			Msg("mode POP is not supported by this version: clients with server-side assignment are told to pull")
	}
}
