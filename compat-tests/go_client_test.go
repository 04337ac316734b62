package compat_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/admin"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
	"github.com/apache/rocketmq-client-go/v2/rlog"

	"github.com/skylarkmq/skylark/compat-tests/harness"
)

// goLimit bounds every wait of the Go client's tests; its rebalance alone takes up to 20 s.
const goLimit = 60 * time.Second

// TestGoClient runs the official Go remoting client, an implementation of the protocol of its own.
func TestGoClient(t *testing.T) {
	beside(t)
	rlog.SetLogLevel("fatal") // it reports every shutdown as an error
	cluster := harness.StartCluster(t, harness.TargetOfEnv(t), nil)
	c := &goClient{addr: cluster.NameServer.Addr, broker: cluster.Broker.Addr, name: harness.BrokerName}
	t.Run("send sync", c.sendSync)
	t.Run("send async", c.sendAsync)
	t.Run("send one-way", c.sendOneWay)
	t.Run("send batch", c.sendBatch)
	t.Run("send refused", c.sendRefused)
	t.Run("push", c.push)
	t.Run("push ordered", c.pushOrdered)
	t.Run("pull", c.pull)
}

type goClient struct {
	addr   string // name server
	broker string
	name   string // the broker's
}

func (c *goClient) createTopic(t *testing.T, topic string, queues int) {
	t.Helper()
	a, err := admin.NewAdmin(admin.WithResolver(primitive.NewPassthroughResolver([]string{c.addr})))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	harness.Until(t, "creation of "+topic, goLimit, func() error { // the client waits for five seconds
		return a.CreateTopic(t.Context(), admin.WithTopicCreate(topic), admin.WithBrokerAddrCreate(c.broker),
			admin.WithReadQueueNums(queues), admin.WithWriteQueueNums(queues))
	})
	// The name server learns of it with the broker's registration.
	harness.Until(t, "route of "+topic, goLimit, func() error {
		reply, err := harness.Call(c.addr, harness.CodeGetRouteInfo, map[string]string{"topic": topic}, false)
		if err == nil && reply.Code != 0 {
			err = errors.New(reply.Remark)
		}
		return err
	})
}

func (c *goClient) producer(t *testing.T, name string, options ...producer.Option) rocketmq.Producer {
	t.Helper()
	p, err := rocketmq.NewProducer(append([]producer.Option{
		producer.WithNameServer(primitive.NamesrvAddr{c.addr}),
		producer.WithGroupName("go-" + name),
		producer.WithInstanceName("go-" + name),
		producer.WithSendMsgTimeout(10 * time.Second),
	}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Shutdown(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func message(topic string, n int) *primitive.Message {
	return primitive.NewMessage(topic, fmt.Appendf(nil, "go %03d", n)).WithTag(fmt.Sprintf("tag%d", n%2)).WithKeys([]string{fmt.Sprintf("k%d", n)})
}

func (c *goClient) sendSync(t *testing.T) {
	const topic = "go-sync"
	c.createTopic(t, topic, 1)
	p := c.producer(t, topic)
	for i := range 5 {
		r, err := p.SendSync(t.Context(), message(topic, i))
		if err != nil {
			t.Fatal(err)
		}
		if r.Status != primitive.SendOK || r.QueueOffset != int64(i) || r.MessageQueue.QueueId != 0 || r.RegionID != "DefaultRegion" {
			t.Errorf("send %d: %v", i, r)
		}
		id, err := primitive.UnmarshalMsgID([]byte(r.OffsetMsgID))
		if err != nil || fmt.Sprintf("%s:%d", id.Addr, id.Port) != c.broker {
			t.Errorf("offset message id %s: %v %v, want the address %s in it", r.OffsetMsgID, id, err, c.broker)
		}
	}
	c.wantStored(t, topic, 5)
}

func (c *goClient) sendAsync(t *testing.T) {
	const topic, count = "go-async", 50
	c.createTopic(t, topic, 1)
	p := c.producer(t, topic)
	type outcome struct {
		result *primitive.SendResult
		err    error
	}
	outcomes := make(chan outcome, count)
	for i := range count {
		err := p.SendAsync(t.Context(), func(_ context.Context, r *primitive.SendResult, err error) {
			outcomes <- outcome{r, err}
		}, message(topic, i))
		if err != nil {
			t.Fatal(err)
		}
	}
	offsets := map[int64]bool{}
	deadline := time.After(goLimit)
	for range count {
		select {
		case o := <-outcomes:
			if o.err != nil || o.result.Status != primitive.SendOK {
				t.Fatalf("callback: %v %v", o.result, o.err)
			}
			offsets[o.result.QueueOffset] = true
		case <-deadline:
			t.Fatalf("only %d callbacks of %d", len(offsets), count)
		}
	}
	for i := range int64(count) {
		if !offsets[i] {
			t.Errorf("no message got offset %d", i)
		}
	}
	c.wantStored(t, topic, count)
}

func (c *goClient) sendOneWay(t *testing.T) {
	const topic = "go-oneway"
	c.createTopic(t, topic, 1)
	p := c.producer(t, topic)
	for i := range 20 {
		if err := p.SendOneWay(t.Context(), message(topic, i)); err != nil {
			t.Fatal(err)
		}
	}
	c.wantStored(t, topic, 20)
}

func (c *goClient) sendBatch(t *testing.T) {
	const topic = "go-batch"
	c.createTopic(t, topic, 1)
	var batch []*primitive.Message
	for i := range 10 {
		batch = append(batch, message(topic, i))
	}
	r, err := c.producer(t, topic).SendSync(t.Context(), batch...)
	if err != nil || r.Status != primitive.SendOK || r.QueueOffset != 0 {
		t.Fatalf("batch: %v %v", r, err)
	}
	c.wantStored(t, topic, 10)
}

func (c *goClient) sendRefused(t *testing.T) {
	p := c.producer(t, "go-refused", producer.WithCreateTopicKey("NO_SUCH_TEMPLATE"), producer.WithRetry(0))
	if r, err := p.SendSync(t.Context(), message("go-no-such-topic", 0)); err == nil {
		t.Errorf("a send to a topic that cannot be created was accepted: %v", r)
	}
}

func (c *goClient) consumerOptions(name string) []consumer.Option {
	return []consumer.Option{
		consumer.WithNameServer(primitive.NamesrvAddr{c.addr}),
		consumer.WithGroupName("go-" + name),
		consumer.WithInstance("go-" + name),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset),
	}
}

// wantStored pulls queue 0 of a topic and compares bodies, tags and keys with what message made, in any order.
func (c *goClient) wantStored(t *testing.T, topic string, count int) {
	t.Helper()
	got := c.pullAll(t, topic, count)
	bodies := map[string]*primitive.MessageExt{}
	for i, m := range got {
		if m.QueueOffset != int64(i) {
			t.Errorf("message %d has offset %d", i, m.QueueOffset)
		}
		bodies[string(m.Body)] = m
	}
	for i := range count {
		want := message(topic, i)
		m := bodies[string(want.Body)]
		if m == nil {
			t.Fatalf("%q is not stored; stored: %v", want.Body, slices.Sorted(maps.Keys(bodies)))
		}
		if m.GetTags() != want.GetTags() || m.GetKeys() != want.GetKeys() {
			t.Errorf("%q: tags %q keys %q", want.Body, m.GetTags(), m.GetKeys())
		}
	}
}

// pullAll reads queue 0 of a topic from its beginning until it has so many messages.
func (c *goClient) pullAll(t *testing.T, topic string, count int) []*primitive.MessageExt {
	t.Helper()
	pull := c.pullConsumer(t, topic)
	queue := &primitive.MessageQueue{Topic: topic, BrokerName: c.name, QueueId: 0}
	var got []*primitive.MessageExt
	var next int64
	harness.Until(t, fmt.Sprintf("%d messages of %s", count, topic), goLimit, func() error {
		r, err := pull.PullFrom(t.Context(), queue, next, 32)
		if err != nil {
			return err
		}
		got = append(got, r.GetMessageExts()...)
		next = r.NextBeginOffset
		if len(got) < count {
			return fmt.Errorf("%d so far, status %v", len(got), r.Status)
		}
		return nil
	})
	if len(got) != count {
		t.Fatalf("%s has %d messages, want %d", topic, len(got), count)
	}
	return got
}

func (c *goClient) pullConsumer(t *testing.T, topic string) rocketmq.PullConsumer {
	t.Helper()
	pull, err := rocketmq.NewPullConsumer(c.consumerOptions("pull-" + topic)...)
	if err != nil {
		t.Fatal(err)
	}
	if err := pull.Subscribe(topic, consumer.MessageSelector{}); err != nil {
		t.Fatal(err)
	}
	if err := pull.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pull.Shutdown(); err != nil {
			t.Error(err)
		}
	})
	return pull
}

func (c *goClient) pull(t *testing.T) {
	const topic, count = "go-pull", 10
	c.createTopic(t, topic, 1)
	p := c.producer(t, topic)
	for i := range count {
		if _, err := p.SendSync(t.Context(), message(topic, i)); err != nil {
			t.Fatal(err)
		}
	}
	pull := c.pullConsumer(t, topic)
	queue := &primitive.MessageQueue{Topic: topic, BrokerName: c.name, QueueId: 0}
	for _, row := range []struct {
		offset int64
		status primitive.PullStatus
		found  int
		next   int64
	}{
		{0, primitive.PullFound, 4, 4},
		{8, primitive.PullFound, 2, 10},
		{10, primitive.PullNoNewMsg, 0, 10},
		{50, primitive.PullOffsetIllegal, 0, 10},
	} {
		// At the end of a queue the broker holds the request for as long as the client allows.
		r, err := pull.PullFrom(t.Context(), queue, row.offset, 4)
		if err != nil {
			t.Fatalf("pull at %d: %v", row.offset, err)
		}
		if r.Status != row.status || len(r.GetMessageExts()) != row.found || r.NextBeginOffset != row.next || r.MaxOffset != count {
			t.Errorf("pull at %d: %v, %d found, next %d, max %d; want %+v", row.offset, r.Status, len(r.GetMessageExts()),
				r.NextBeginOffset, r.MaxOffset, row)
		}
	}
}

// received collects what listeners get.
type received struct {
	mu     sync.Mutex
	bodies map[string]int
	order  map[int][]int64 // by queue: offsets as they came
}

func (r *received) add(messages []*primitive.MessageExt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range messages {
		r.bodies[string(m.Body)]++
		r.order[m.Queue.QueueId] = append(r.order[m.Queue.QueueId], m.QueueOffset)
	}
}

func (r *received) distinct() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.bodies)
}

func (r *received) has(m *primitive.Message) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bodies[string(m.Body)] > 0
}

func (c *goClient) startPush(t *testing.T, name, topic, tags string, options ...consumer.Option) *received {
	t.Helper()
	got := &received{bodies: map[string]int{}, order: map[int][]int64{}}
	push, err := rocketmq.NewPushConsumer(append(c.consumerOptions(name), options...)...)
	if err != nil {
		t.Fatal(err)
	}
	selector := consumer.MessageSelector{Type: consumer.TAG, Expression: tags}
	err = push.Subscribe(topic, selector, func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		got.add(messages)
		return consumer.ConsumeSuccess, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := push.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := push.Shutdown(); err != nil {
			t.Error(err)
		}
	})
	return got
}

func (c *goClient) push(t *testing.T) {
	const topic, count = "go-push", 40
	c.createTopic(t, topic, 4)
	p := c.producer(t, topic)
	all := c.startPush(t, "push-all", topic, "*")
	some := c.startPush(t, "push-some", topic, "tag1")
	for i := range count {
		if _, err := p.SendSync(t.Context(), message(topic, i)); err != nil {
			t.Fatal(err)
		}
	}
	wantDistinct(t, all, count)
	wantDistinct(t, some, count/2)
	if some.has(message(topic, 0)) {
		t.Error("the group of tag1 got a message of tag0")
	}
}

func (c *goClient) pushOrdered(t *testing.T) {
	const topic, count = "go-ordered", 60
	c.createTopic(t, topic, 3)
	p := c.producer(t, topic, producer.WithQueueSelector(producer.NewHashQueueSelector()))
	for i := range count {
		m := message(topic, i).WithShardingKey(fmt.Sprint(i % 7))
		if _, err := p.SendSync(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	got := c.startPush(t, "push-ordered", topic, "*", consumer.WithConsumerOrder(true))
	wantDistinct(t, got, count)
	got.mu.Lock()
	defer got.mu.Unlock()
	for queue, offsets := range got.order {
		if !slices.IsSorted(offsets) {
			t.Errorf("queue %d came in the order %v", queue, offsets)
		}
	}
}

func wantDistinct(t *testing.T, got *received, count int) {
	t.Helper()
	harness.Until(t, fmt.Sprintf("%d messages pushed", count), goLimit, func() error {
		if n := got.distinct(); n < count {
			return fmt.Errorf("%d so far", n)
		}
		return nil
	})
	if n := got.distinct(); n != count {
		t.Errorf("got %d messages, want %d", n, count)
	}
}
