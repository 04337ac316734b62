package admin

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

const (
	callTime     = 10 * time.Second
	version3_1_8 = 62 // V3_1_8_SNAPSHOT: knows 307 and 309
)

// getConsumerRunningInfo answers GET_CONSUMER_RUNNING_INFO by asking the consumer.
func (a *Admin) getConsumerRunningInfo(r *remoting.Request, h *header.GetConsumerRunningInfo) (*protocol.Command, error) {
	return a.callConsumer(r, h.ConsumerGroup, h.ClientId, r.Body)
}

// consumeMessageDirectly answers CONSUME_MESSAGE_DIRECTLY: the consumer gets the stored message and answers what it did with it.
func (a *Admin) consumeMessageDirectly(r *remoting.Request, h *header.ConsumeMessageDirectlyResult) (*protocol.Command, error) {
	r.Fields.Set("brokerName", a.Rules().BrokerName)
	if c := a.Topics.Get(h.Topic); h.Topic != "" && c != nil {
		r.Fields.Set("topicSysFlag", strconv.Itoa(int(c.TopicSysFlag)))
	}
	if g := a.Groups.Find(h.ConsumerGroup); h.ConsumerGroup != "" && g != nil {
		r.Fields.Set("groupSysFlag", strconv.Itoa(int(g.GroupSysFlag)))
	}
	_, phy, err := message.ParseOffsetMsgID(h.MsgId)
	if err != nil {
		return nil, remoting.Failf(code.SystemError, "msgId %.80q: %v", h.MsgId, err)
	}
	rec, err := a.Store.Lookup(phy, nil)
	if err != nil {
		return nil, remoting.Failf(code.SystemError, "can not find message by the offset, %d", phy)
	}
	return a.callConsumer(r, h.ConsumerGroup, h.ClientId, rec)
}

// callConsumer relays a request with its fields to one consumer and its answer back. No worker waits for that.
func (a *Admin) callConsumer(r *remoting.Request, group, clientID string, data []byte) (*protocol.Command, error) {
	info, online := a.Clients.FindConsumer(group, clientID)
	conn, _ := info.Channel.(*remoting.Conn)
	if !online || conn == nil {
		return nil, remoting.Failf(code.SystemError, "The Consumer <%s> <%s> not online", group, clientID)
	}
	if info.Version < version3_1_8 {
		return nil, remoting.Failf(code.SystemError,
			"The Consumer <%s> Version <%d> too low to finish, please upgrade it to V3_1_8_SNAPSHOT", clientID, info.Version)
	}
	ask := protocol.NewRequest(r.Request(), nil, data)
	ask.Fields = r.Fields
	held := r.Hold()
	conn.Ask(ask, callTime, func(reply *protocol.Command, err error) {
		_ = held.Reply(relayed(group, clientID, reply, err)) // a closed connection has nobody to tell
	})
	return nil, nil
}

// relayed is what the operator gets of a consumer's answer, or of its absence.
func relayed(group, clientID string, reply *protocol.Command, err error) *protocol.Command {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return protocol.NewResponse(code.ConsumeMsgTimeout, fmt.Sprintf("consumer <%s> <%s> Timeout: %v", group, clientID, err))
	case err != nil:
		return protocol.NewResponse(code.SystemError, fmt.Sprintf("invoke consumer <%s> <%s> Exception: %v", group, clientID, err))
	}
	return &protocol.Command{Code: reply.Code, Remark: reply.Remark, Fields: reply.Fields, Body: reply.Body}
}
