package churn

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

const (
	topic      = "ChurnTopic"
	queues     = 8
	brokerName = "broker"
)

// client speaks the few requests that members, senders and the audit need.
type client struct {
	*remoting.Client
	addr string
}

func newClient(addr string) *client {
	return &client{remoting.NewClient(remoting.DefaultClientConfig(), zerolog.Nop()), addr}
}

// refused is an answer other than SUCCESS.
type refused struct {
	code   code.Response
	remark string
}

func (r *refused) Error() string { return fmt.Sprintf("%s: %s", r.code, r.remark) }

func (c *client) call(ctx context.Context, request code.Request, body []byte, fields ...string) (*protocol.Command, error) {
	cmd := protocol.NewRequest(request, nil, body)
	for i := 0; i < len(fields); i += 2 {
		cmd.Fields.Set(fields[i], fields[i+1])
	}
	answer, err := c.Call(ctx, c.addr, cmd)
	if err == nil && answer.Response() != code.Success {
		err = &refused{answer.Response(), answer.Remark}
	}
	return answer, err
}

func number(c *protocol.Command, field string) int64 {
	n, err := strconv.ParseInt(c.Fields.String(field), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// send stores a message whose body is a number, and returns its offset.
func (c *client) send(ctx context.Context, queue int32, seq uint64) (int64, error) {
	answer, err := c.call(ctx, code.SendMessage, binary.BigEndian.AppendUint64(nil, seq),
		"producerGroup", "churn", "topic", topic, "defaultTopic", "TBW102", "defaultTopicQueueNums", strconv.Itoa(queues),
		"queueId", fmt.Sprint(queue), "sysFlag", "0", "bornTimestamp", "1", "flag", "0", "properties", "", "reconsumeTimes", "0")
	if err != nil {
		return 0, err
	}
	return number(answer, "queueOffset"), nil
}

func (c *client) maxOffset(ctx context.Context, queue int32) (int64, error) {
	answer, err := c.call(ctx, code.GetMaxOffset, nil, "topic", topic, "queueId", fmt.Sprint(queue))
	if err != nil {
		return 0, err
	}
	return number(answer, "offset"), nil
}

// committed is a group's offset; the beginning when there is none.
func (c *client) committed(ctx context.Context, group string, queue int32) (int64, error) {
	answer, err := c.call(ctx, code.QueryConsumerOffset, nil, "consumerGroup", group, "topic", topic, "queueId", fmt.Sprint(queue))
	var r *refused
	switch {
	case err == nil:
		return number(answer, "offset"), nil
	case asRefused(err, &r) && r.code == code.QueryNotFound:
		return 0, nil
	}
	return 0, err
}

// commit says how far a group is.
func (c *client) commit(ctx context.Context, group string, queue int32, at int64) error {
	_, err := c.call(ctx, code.UpdateConsumerOffset, nil, "consumerGroup", group, "topic", topic,
		"queueId", fmt.Sprint(queue), "commitOffset", fmt.Sprint(at))
	return err
}

// views decodes the records of a pull.
func views(body []byte) (out []message.View, err error) {
	for len(body) > 0 {
		var v message.View
		if err := message.Decode(body, &v); err != nil {
			return nil, err
		}
		out = append(out, v)
		body = body[v.Size:]
	}
	return out, nil
}
