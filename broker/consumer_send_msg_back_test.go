package broker

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/skylarkmq/skylark/broker/lock"
	"github.com/skylarkmq/skylark/broker/subscription"
	"github.com/skylarkmq/skylark/broker/topic"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
	"github.com/skylarkmq/skylark/store"
)

// back gives a message back, as a consumer of group G does.
func (f *fixture) back(phy int64, more ...string) *protocol.Command {
	f.t.Helper()
	return f.call(code.ConsumerSendMsgBack, nil, replace([]string{
		"offset", fmt.Sprint(phy), "group", "G", "delayLevel", "0", "originMsgId", "x", "originTopic", "T", "unitMode", "false",
		"maxReconsumeTimes", "16",
	}, more...)...)
}

// last is the newest message of queue 0.
func (f *fixture) last(topic string) message.View {
	f.t.Helper()
	list := f.await(topic, 1)
	return list[len(list)-1]
}

// properties is a property string as a map, without what names this run.
func properties(v *message.View) map[string]string {
	m := map[string]string{}
	for p := message.PairsOf(v.Properties); p.Next(); {
		if string(p.Name) != message.PropertyUniqKey {
			m[string(p.Name)] = string(p.Value)
		}
	}
	return m
}

// TestSendBackUntilDead follows one message through its retries to the dead letter
// topic: what changes, and what stays.
func TestSendBackUntilDead(t *testing.T) {
	t.Parallel()
	f := start(t, func(_ *Config, s *store.Config) { s.MessageDelayLevel = "0s 0s 0s 0s 1s" })
	first := f.stored(t, f.sendTo("T", "hopeless"))
	id := string(message.AppendOffsetMsgID(nil, first.StoreHost, first.PhyOffset))
	with := func(more ...string) map[string]string {
		m := properties(&first)
		for i := 0; i < len(more); i += 2 {
			m[more[i]] = more[i+1]
		}
		return m
	}
	expect := func(got *message.View, times int32, props map[string]string) {
		t.Helper()
		if diff := cmp.Diff(props, properties(got)); diff != "" {
			t.Error(diff)
		}
		if got.ReconsumeTimes != times || string(got.Body) != "hopeless" || got.BornTimestamp != first.BornTimestamp || got.BornHost != first.BornHost {
			t.Errorf("reconsumed %d times, want %d; %q born %d at %v", got.ReconsumeTimes, times, got.Body, got.BornTimestamp, got.BornHost)
		}
	}
	common := []string{"RETRY_TOPIC", "T", "ORIGIN_MESSAGE_ID", id, "WAIT", "false", "REAL_TOPIC", "%RETRY%G", "REAL_QID", "0"}

	want(t, f.back(first.PhyOffset, "maxReconsumeTimes", "2"), code.Success, "")
	once := f.last("%RETRY%G")
	expect(&once, 1, with(append(common, "DELAY", "3")...))
	want(t, f.back(once.PhyOffset, "maxReconsumeTimes", "2"), code.Success, "")
	twice := f.await("%RETRY%G", 2)[1]
	expect(&twice, 2, with(append(common, "DELAY", "4")...))
	want(t, f.back(twice.PhyOffset, "maxReconsumeTimes", "2"), code.Success, "")
	dead := f.last("%DLQ%G")
	expect(&dead, 3, with(append(common, "DELAY", "0")...))

	for name, queues := range map[string]int32{"%RETRY%G": 1, "%DLQ%G": 1} {
		if c := f.Topics.Get(name); c == nil || c.ReadQueueNums != queues || c.WriteQueueNums != queues || c.Perm != topic.PermRead|topic.PermWrite {
			t.Errorf("%s: %v", name, c)
		}
	}
	want(t, f.back(first.PhyOffset, "delayLevel", "-1"), code.Success, "")
	expect(&f.await("%DLQ%G", 2)[1], 1, with(append(common[:6:6], "DELAY", "0")...))
	want(t, f.back(first.PhyOffset, "delayLevel", "2"), code.Success, "")
	expect(&f.await("%RETRY%G", 3)[2], 1, with(append(common, "DELAY", "2")...))
	want(t, f.back(first.PhyOffset, "delayLevel", "77"), code.Success, "")
	expect(&f.await("%RETRY%G", 4)[3], 1, with(append(common, "DELAY", "5")...))
}

func TestSendBackChecks(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *Config, s *store.Config) {
		shortLevels(c, s)
		c.AutoCreateSubscriptionGroup = false
	})
	group := func(name string, change func(*subscription.Group)) {
		g := subscription.NewGroup(name)
		change(g)
		if err := f.Groups.Put(g); err != nil {
			t.Fatal(err)
		}
	}
	group("G", func(*subscription.Group) {})
	group("none", func(g *subscription.Group) { g.RetryQueueNums = 0 })
	group("never", func(g *subscription.Group) { g.RetryMaxTimes = 0 })
	group("shut", func(*subscription.Group) {})
	shut := topic.NewConfig("%RETRY%shut")
	shut.Perm = topic.PermRead
	if err := f.Topics.Put(shut); err != nil {
		t.Fatal(err)
	}
	phy := f.stored(t, f.sendTo("T", "x")).PhyOffset
	for _, row := range []struct {
		name   string
		phy    int64
		fields []string
		code   code.Response
		remark string
	}{
		{"unknown group", phy, []string{"group", "nobody"}, code.SubscriptionGroupNotExist, "subscription group not exist, nobody " + faq},
		{"group without retry queues", phy, []string{"group", "none"}, code.Success, ""},
		{"the same, with an offset that is wrong", 7, []string{"group", "none"}, code.Success, ""},
		{"retry topic that is closed", phy, []string{"group", "shut"}, code.NoPermission, "the topic[%RETRY%shut] sending message is forbidden"},
		{"inside a record", phy + 5, nil, code.SystemError, fmt.Sprintf("look message by offset failed, %d", phy+5)},
		{"negative offset", -1, nil, code.SystemError, "look message by offset failed, -1"},
		{"behind the log", 1 << 40, nil, code.SystemError, "look message by offset failed, 1099511627776"},
		{"no retries", phy, []string{"group", "never", "maxReconsumeTimes", "0"}, code.Success, ""},
	} {
		want(t, f.back(row.phy, row.fields...), row.code, row.remark)
	}
	if n := f.Store.MaxOffset("%DLQ%never", 0); n != 1 {
		t.Errorf("%d dead letters of a group that never retries, want 1", n)
	}
	for _, left := range []string{"offset", "group", "delayLevel"} {
		fields := without([]string{"offset", "0", "group", "G", "delayLevel", "0"}, left)
		if reply := f.call(code.ConsumerSendMsgBack, nil, fields...); reply.Response() != code.SystemError {
			t.Errorf("without %s: %d %q", left, reply.Code, reply.Remark)
		}
	}
}

func TestSendBackToABrokerThatIsNotWriteable(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *Config, _ *store.Config) { c.BrokerPermission = 4 })
	phy := f.stored(t, f.sendTo("T", "x")).PhyOffset
	want(t, f.back(phy), code.NoPermission, "the broker[127.0.0.1] sending message is forbidden")
}

// queue is all that a queue holds.
func (f *fixture) queue(topic string, id int32) (list []message.View) {
	f.t.Helper()
	for offset := int64(0); offset < f.Store.MaxOffset(topic, id); {
		res, recs := f.Store.Get(&store.GetRequest{Topic: topic, QueueID: id, Offset: offset, MaxCount: 1000}, nil)
		list = append(list, decodeAll(f.t, recs)...)
		offset = res.NextBegin
	}
	return list
}

// TestManySendBacks: those of one turn are one append, and each message comes back.
func TestManySendBacks(t *testing.T) {
	t.Parallel()
	f := start(t, func(_ *Config, s *store.Config) { s.MessageDelayLevel = "0s 0s 0s" })
	const n = 500
	f.sendTo("T", "0")
	conn, buf := f.raw(), make([]byte, 64<<10)
	exchange(t, conn, turnOf(n, protocol.JSON), buf, n)
	var frames []byte
	for queue := range int32(4) {
		for _, v := range f.queue("T", queue) {
			cmd := protocol.NewRequest(code.ConsumerSendMsgBack, nil, nil)
			cmd.Fields = fields("offset", fmt.Sprint(v.PhyOffset), "group", "G", "delayLevel", "0")
			frames = protocol.AppendFrame(frames, cmd)
		}
	}
	exchange(t, conn, frames, buf, n+1)
	if waiting := f.Store.MaxOffset(message.TopicSchedule, 2); waiting != n+1 {
		t.Fatalf("%d of %d send-backs were taken", waiting, n+1)
	}
	for f.Store.MaxOffset("%RETRY%G", 0) < n+1 {
		f.call(code.PullMessage, nil, replace(pullFields("G", "%RETRY%G", fmt.Sprint(f.Store.MaxOffset("%RETRY%G", 0))),
			"sysFlag", "6", "suspendTimeoutMillis", "1000")...)
	}
	seen := map[string]bool{}
	for _, v := range f.queue("%RETRY%G", 0) {
		seen[property(&v, message.PropertyOriginMessageID)] = true
	}
	if len(seen) != n+1 {
		t.Errorf("%d different messages came back, want %d", len(seen), n+1)
	}
}

// retryQueues sets the number of a group's retry queues, as updateSubGroup does.
func (f *fixture) retryQueues(group string, n int32) {
	f.t.Helper()
	g := *f.Groups.Find(group)
	g.RetryQueueNums = n
	if err := f.Groups.Put(&g); err != nil {
		f.t.Fatal(err)
	}
}

// TestRetryQueuesGrow: a group that gets more retry queues has a retry topic already,
// perhaps without any. Whatever is given back is where its consumers read.
func TestRetryQueuesGrow(t *testing.T) {
	t.Parallel()
	ns := startNameServer(t, t.TempDir(), "")
	f := start(t, func(c *Config, s *store.Config) { c.NamesrvAddr, s.MessageDelayLevel = ns.addr, "0s 0s 0s" })
	phy := f.stored(t, f.sendTo("T", "x")).PhyOffset
	queues := func(n int32) func(*body.TopicRouteData) bool {
		return func(r *body.TopicRouteData) bool {
			return len(r.QueueDatas) == 1 && r.QueueDatas[0].ReadQueueNums == n && r.QueueDatas[0].WriteQueueNums == n
		}
	}
	f.retryQueues("G", 0)
	want(t, f.beat("G", "CLUSTERING", all("T")), code.Success, "")
	if c := f.Topics.Get("%RETRY%G"); c == nil || c.Queues() != 0 {
		t.Fatalf("retry topic %v", c)
	}
	f.retryQueues("G", 1)
	want(t, f.back(phy), code.Success, "")
	f.await("%RETRY%G", 1)
	ns.route(f.client, "%RETRY%G", queues(1))

	f.retryQueues("G", 4)
	beat := &body.HeartbeatData{ConsumerDataSet: []body.ConsumerData{{GroupName: "G"}}}
	if !f.needsTopics(beat) || len(f.retryTopics(beat, f.groupsOf(beat))) != 1 { // the second look is for what changed since the first
		t.Error("a heartbeat would save topics on the loop")
	}
	want(t, f.beat("G", "CLUSTERING", all("T")), code.Success, "")
	ns.route(f.client, "%RETRY%G", queues(4))
	if list := f.retryTopics(beat, f.groupsOf(beat)); len(list) != 0 {
		t.Errorf("a heartbeat would change %v again", list)
	}

	f.retryQueues("G", 8)
	const n = 64
	for range n {
		want(t, f.back(phy), code.Success, "")
	}
	c, found := f.Topics.Get("%RETRY%G"), int64(0)
	f.eventually("all to be in queues that can be read", func() bool {
		found = 0
		for q := range c.ReadQueueNums {
			found += f.Store.MaxOffset("%RETRY%G", q)
		}
		return found == n+1
	})
	if c.ReadQueueNums != 8 || c.WriteQueueNums != 8 {
		t.Errorf("retry topic %v", c)
	}
}

// TestSendBackStaysInTheTopic: an operator shrinks the retry topic while a message is on
// its way there.
func TestSendBackStaysInTheTopic(t *testing.T) {
	t.Parallel()
	f := start(t, shortLevels)
	v := f.stored(t, f.sendTo("T", "x"))
	group := subscription.NewGroup("G")
	group.RetryQueueNums = 1000
	target := topic.NewConfig("%RETRY%G")
	target.ReadQueueNums, target.WriteQueueNums = 2, 3
	s := f.send.turns.Get().(*sendTurn)
	defer f.send.turns.Put(s)
	for range 50 {
		s.begin()
		s.back.head = header.ConsumerSendMsgBack{}
		s.putBack(nil, group, target, &v)
		queue, _ := message.Property(s.msg.Properties, message.PropertyRealQueueID)
		if len(s.back.staged) != 1 || string(queue) != "0" && string(queue) != "1" {
			t.Fatalf("%d staged, for queue %q", len(s.back.staged), queue)
		}
	}
	s.begin()
}

// TestSendToRetryTopic: what a consumer does whose send-back failed, and what an
// orderly one does that has tried often enough.
func TestSendToRetryTopic(t *testing.T) {
	t.Parallel()
	f := start(t, shortLevels)
	retry := func(times, most string, more ...string) *protocol.Command {
		t.Helper()
		return f.call(code.SendMessageV2, []byte("b"), replace(sendFields("%RETRY%G"), append([]string{
			"j", times, "l", most,
			"i", "DELAY\x012\x02RETRY_TOPIC\x01T\x02UNIQ_KEY\x01U\x02",
		}, more...)...)...)
	}
	want(t, retry("3", "3"), code.Success, "")
	back := f.last("%RETRY%G")
	if back.ReconsumeTimes != 3 || property(&back, "DELAY") != "2" || property(&back, "RETRY_TOPIC") != "T" {
		t.Errorf("reconsumed %d times, %q", back.ReconsumeTimes, back.Properties)
	}
	reply := retry("4", "3")
	want(t, reply, code.Success, "")
	dead := f.last("%DLQ%G")
	if dead.QueueID != 0 || dead.ReconsumeTimes != 4 || property(&dead, "DELAY") != "-1" || property(&dead, "REAL_TOPIC") != "" || property(&dead, "UNIQ_KEY") != "U" {
		t.Errorf("dead letter in queue %d, %d times, %q", dead.QueueID, dead.ReconsumeTimes, dead.Properties)
	}
	want(t, retry("17", "16"), code.Success, "")
	f.await("%DLQ%G", 2)

	f.Locks.Lock("G", "c", []lock.Queue{{BrokerName: "test-a", Topic: "T"}})
	want(t, retry("0", "16"), code.Success, "")
	if n := f.Store.MaxOffset("%DLQ%G", 0); n != 3 {
		t.Errorf("%d dead letters while the group holds a lock, want 3", n)
	}
	if host := f.last("%DLQ%G").BornHost; host.Addr() != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("born at %v", host)
	}
}

func TestSendToRetryTopicOfNoGroup(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *Config, _ *store.Config) { c.AutoCreateSubscriptionGroup = false })
	want(t, f.call(code.SendMessageV2, []byte("b"), sendFields("%RETRY%nobody")...), code.SubscriptionGroupNotExist,
		"subscription group not exist, nobody "+faq)
}

func TestGroupOfRetry(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"%RETRY%g": "g", "%RETRY%g+t": "g", "%RETRY%g_t": "g_t", "%RETRY%a+b+c": "a+b+c", "%RETRY%": "",
	} {
		if got := groupOfRetry(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
