package load

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// ask sends one request and returns its answer, which is good until the next call.
func (c *client) ask(what code.Request, fields ...[2]string) (*protocol.Command, error) {
	cmd := protocol.NewRequest(what, nil, nil)
	for _, f := range fields {
		cmd.Fields.Set(f[0], f[1])
	}
	return c.exchange(cmd)
}

func (c *client) exchange(cmd *protocol.Command) (*protocol.Command, error) {
	cmd.Opaque, cmd.Language = opaqueFirst, protocol.Go
	if _, err := c.Write(protocol.AppendFrame(nil, cmd)); err != nil {
		return nil, err
	}
	for {
		answer, err := c.next()
		if err != nil {
			return nil, err
		}
		if !answer.IsResponse() {
			continue
		}
		if answer.Code != int32(code.Success) {
			return nil, fmt.Errorf("request %d: answer %d %s", cmd.Code, answer.Code, answer.Remark)
		}
		return answer, nil
	}
}

// CreateTopics makes o.Topics topics of o.Queues queues.
func CreateTopics(o Options) error {
	o = o.withDefaults()
	c, err := dial(o.Addr)
	if err != nil {
		return err
	}
	defer c.Close()
	queues := strconv.Itoa(o.Queues)
	for i := range o.Topics {
		topic := o.Topic
		if o.Topics > 1 {
			topic = fmt.Sprintf("%s%03d", o.Topic, i)
		}
		if _, err := c.ask(code.UpdateAndCreateTopic, [2]string{"topic", topic}, [2]string{"defaultTopic", "TBW102"},
			[2]string{"readQueueNums", queues}, [2]string{"writeQueueNums", queues}, [2]string{"perm", "6"},
			[2]string{"topicFilterType", "SINGLE_TAG"}, [2]string{"topicSysFlag", "0"}, [2]string{"order", "false"}); err != nil {
			return fmt.Errorf("create topic %s: %w", topic, err)
		}
	}
	return nil
}

// stored is the number of messages that the queues of o.Topic have had.
func (c *client) stored(o *Options) (n int64, err error) {
	for q := range o.Queues {
		answer, err := c.ask(code.GetMaxOffset, [2]string{"topic", o.Topic}, [2]string{"queueId", strconv.Itoa(q)})
		if err != nil {
			return 0, err
		}
		offset, err := strconv.ParseInt(answer.Fields.String("offset"), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("queue %d: %w", q, err)
		}
		n += offset
	}
	return n, nil
}

// LogEnd is where a broker's commit log ends, by its runtime information.
func LogEnd(addr string) (int64, error) {
	c, err := dial(addr)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	answer, err := c.ask(code.GetBrokerRuntimeInfo)
	if err != nil {
		return 0, err
	}
	_, rest, ok := bytes.Cut(answer.Body, []byte(`"commitLogMaxOffset":"`))
	digits, _, closed := bytes.Cut(rest, []byte(`"`))
	if !ok || !closed {
		return 0, fmt.Errorf("no commitLogMaxOffset in %.200q", answer.Body)
	}
	return strconv.ParseInt(string(digits), 10, 64)
}
