package admin

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/skylarkmq/skylark/broker/client"
	"github.com/skylarkmq/skylark/internal/javajson"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

const (
	callTime   = 10 * time.Second
	statusTime = 5 * time.Second
	groupTime  = 30 * time.Second // for all clients of a group together; the original has no bound

	version3_0_7 = 28 // V3_0_7_SNAPSHOT: knows 220 and 221
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

// callConsumer relays a request with its fields to one consumer and its answer back.
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
	ctx, cancel := context.WithTimeout(context.Background(), callTime)
	defer cancel()
	reply, err := conn.Call(ctx, ask)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, remoting.Failf(code.ConsumeMsgTimeout, "consumer <%s> <%s> Timeout: %v", group, clientID, err)
	case err != nil:
		return nil, remoting.Failf(code.SystemError, "invoke consumer <%s> <%s> Exception: %v", group, clientID, err)
	}
	return &protocol.Command{Code: reply.Code, Remark: reply.Remark, Fields: reply.Fields, Body: reply.Body}, nil
}

// getConsumerStatus answers INVOKE_BROKER_TO_GET_CONSUMER_STATUS: what each consumer of a group, or one of them, believes its offsets
// are.
func (a *Admin) getConsumerStatus(_ *remoting.Request, h *header.GetConsumerStatus) (*protocol.Command, error) {
	g, online := a.Clients.ConsumerGroup(h.Group)
	if !online || len(g.Clients) == 0 {
		return nil, remoting.Failf(code.SystemError, "No Any Consumer online in the consumer group: [%s]", h.Group)
	}
	out := body.GetConsumerStatusBody{
		ConsumerTable: map[string]map[body.MessageQueue]int64{}, MessageQueueTable: map[body.MessageQueue]int64{},
	}
	ctx, cancel := context.WithTimeout(context.Background(), groupTime)
	defer cancel()
	for i := range g.Clients {
		c := &g.Clients[i]
		if c.Version < version3_0_7 {
			return nil, remoting.Failf(code.SystemError, "the client does not support this feature. version=%d", c.Version)
		}
		if h.ClientAddr != "" && h.ClientAddr != c.ClientID {
			continue
		}
		if table, err := a.askStatus(ctx, h, c); err != nil {
			a.Log.Warn().Err(err).Str("group", h.Group).Str("client", c.ClientID).Msg("consumer status")
		} else {
			out.ConsumerTable[c.ClientID] = table
		}
		if h.ClientAddr != "" {
			break
		}
	}
	return jsonAnswer(out)
}

func (a *Admin) askStatus(ctx context.Context, h *header.GetConsumerStatus, c *client.Info) (map[body.MessageQueue]int64, error) {
	conn, _ := c.Channel.(*remoting.Conn)
	if conn == nil {
		return nil, remoting.ErrClosed
	}
	ctx, cancel := context.WithTimeout(ctx, statusTime)
	defer cancel()
	reply, err := conn.Call(ctx, protocol.NewRequest(code.GetConsumerStatusFromClient, &header.GetConsumerStatus{Topic: h.Topic, Group: h.Group}, nil))
	if err != nil {
		return nil, err
	}
	if reply.Response() != code.Success {
		return nil, fmt.Errorf("code %d: %s", reply.Code, reply.Remark)
	}
	var status body.GetConsumerStatusBody
	if err := javajson.Unmarshal(reply.Body, &status); err != nil {
		return nil, err
	}
	return status.MessageQueueTable, nil
}
