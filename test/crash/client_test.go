package crash

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

const (
	topic  = "CrashTopic"
	queues = 4
)

// client speaks the few requests that the test needs.
type client struct {
	remoting *remoting.Client
	addr     string
}

func newClient(addr string) *client {
	cfg := remoting.DefaultClientConfig()
	cfg.ClientCloseSocketIfTimeout = false // a test that takes answers away wants the connection afterwards
	return &client{remoting.NewClient(cfg, zerolog.Nop()), addr}
}

func (c *client) close() { c.remoting.Close() }

func (c *client) call(ctx context.Context, request code.Request, body []byte, fields ...string) (*protocol.Command, error) {
	cmd := protocol.NewRequest(request, nil, body)
	for i := 0; i < len(fields); i += 2 {
		cmd.Fields.Set(fields[i], fields[i+1])
	}
	return c.remoting.Call(ctx, c.addr, cmd)
}

// send returns where the broker says that the message is: its queue and offset, and its place in the log.
func (c *client) send(ctx context.Context, queue int32, key, body string) (place, int64, error) {
	properties := string(message.AppendProperty(nil, message.PropertyKeys, key))
	answer, err := c.call(ctx, code.SendMessage, []byte(body),
		"producerGroup", "crash", "topic", topic, "defaultTopic", "TBW102", "defaultTopicQueueNums", strconv.Itoa(queues),
		"queueId", fmt.Sprint(queue), "sysFlag", "0", "bornTimestamp", fmt.Sprint(time.Now().UnixMilli()), "flag", "0",
		"properties", properties, "reconsumeTimes", "0", "unitMode", "false", "batch", "false")
	if err != nil {
		return place{}, 0, err
	}
	if code.Response(answer.Code) != code.Success {
		return place{}, 0, &refusal{code.Response(answer.Code), answer.Remark}
	}
	p := place{queue, number(answer, "queueOffset")}
	if got := number(answer, "queueId"); got != int64(queue) {
		return p, 0, fmt.Errorf("sent to queue %d, stored in %d", queue, got)
	}
	_, phy, err := message.ParseOffsetMsgID(answer.Fields.String("msgId"))
	return p, phy, err
}

// refusal is an answer that is not success.
type refusal struct {
	code   code.Response
	remark string
}

func (r *refusal) Error() string { return fmt.Sprintf("code %d: %s", r.code, r.remark) }

func number(c *protocol.Command, field string) int64 {
	n, err := strconv.ParseInt(c.Fields.String(field), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

func (c *client) maxOffset(ctx context.Context, queue int32) (int64, error) {
	return c.offset(ctx, code.GetMaxOffset, queue)
}

func (c *client) minOffset(ctx context.Context, queue int32) (int64, error) {
	return c.offset(ctx, code.GetMinOffset, queue)
}

func (c *client) offset(ctx context.Context, what code.Request, queue int32) (int64, error) {
	answer, err := c.call(ctx, what, nil, "topic", topic, "queueId", fmt.Sprint(queue), "committed", "false")
	if err != nil {
		return 0, err
	}
	if code.Response(answer.Code) != code.Success {
		return 0, fmt.Errorf("offset of queue %d: %w", queue, &refusal{code.Response(answer.Code), answer.Remark})
	}
	return number(answer, "offset"), nil
}

// minPhy is where the log begins.
func (c *client) minPhy(ctx context.Context) (int64, error) {
	answer, err := c.call(ctx, code.GetBrokerRuntimeInfo, nil)
	if err != nil {
		return 0, err
	}
	var info struct {
		Table map[string]string `json:"table"`
	}
	if err := json.Unmarshal(answer.Body, &info); err != nil {
		return 0, fmt.Errorf("runtime info: %w", err)
	}
	return strconv.ParseInt(info.Table["commitLogMinOffset"], 10, 64)
}

// deleteExpired asks the cleaner to work now.
func (c *client) deleteExpired(ctx context.Context) error {
	_, err := c.call(ctx, code.DeleteExpiredCommitLog, nil)
	return err
}

// pull reads records from an offset on.
func (c *client) pull(ctx context.Context, queue int32, offset int64) ([]message.View, error) {
	answer, err := c.call(ctx, code.PullMessage, nil,
		"consumerGroup", "crash", "topic", topic, "queueId", fmt.Sprint(queue), "queueOffset", fmt.Sprint(offset), "maxMsgNums", "32",
		"sysFlag", "4", "commitOffset", "0", "suspendTimeoutMillis", "0", "subscription", "*", "subVersion", "0", "expressionType", "TAG")
	if err != nil {
		return nil, err
	}
	if code.Response(answer.Code) != code.Success {
		return nil, fmt.Errorf("pull of queue %d at %d: code %d: %s", queue, offset, answer.Code, answer.Remark)
	}
	return views(answer.Body)
}

// byKey asks the index.
func (c *client) byKey(ctx context.Context, key string) ([]message.View, error) {
	answer, err := c.call(ctx, code.QueryMessage, nil,
		"topic", topic, "key", key, "maxNum", "32", "beginTimestamp", "0", "endTimestamp", fmt.Sprint(time.Now().Add(time.Hour).UnixMilli()))
	if err != nil {
		return nil, err
	}
	if code.Response(answer.Code) != code.Success {
		return nil, fmt.Errorf("query of %s: code %d: %s", key, answer.Code, answer.Remark)
	}
	return views(answer.Body)
}

func views(body []byte) ([]message.View, error) {
	var out []message.View
	for len(body) > 0 {
		if len(body) < 4 || int(binary.BigEndian.Uint32(body)) > len(body) {
			return nil, fmt.Errorf("an answer ends within a record: %d bytes left", len(body))
		}
		size := binary.BigEndian.Uint32(body)
		var v message.View
		if err := message.Decode(body[:size], &v); err != nil {
			return nil, err
		}
		out = append(out, v)
		body = body[size:]
	}
	return out, nil
}

func asRefusal(err error, r **refusal) bool { return errors.As(err, r) }

// heartbeat, runtime and route are what goes on besides sends and pulls.
func (c *client) heartbeat(ctx context.Context) error {
	return c.succeeds(ctx, code.HeartBeat, []byte(`{"clientID":"probe","producerDataSet":[{"groupName":"probe"}],"consumerDataSet":[]}`))
}

func (c *client) runtime(ctx context.Context) error {
	return c.succeeds(ctx, code.GetBrokerRuntimeInfo, nil)
}

func (c *client) route(ctx context.Context) error {
	return c.succeeds(ctx, code.GetRouteInfoByTopic, nil, "topic", topic)
}

// oldest pulls what was stored first.
func (c *client) oldest(ctx context.Context) error {
	_, err := c.pull(ctx, 0, 0)
	return err
}

func (c *client) succeeds(ctx context.Context, request code.Request, body []byte, fields ...string) error {
	answer, err := c.call(ctx, request, body, fields...)
	if err == nil && code.Response(answer.Code) != code.Success {
		err = &refusal{code.Response(answer.Code), answer.Remark}
	}
	return err
}
