package broker

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/broker/topic"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
)

// member is a consumer of its own connection that hears notifications.
type member struct {
	*fixture
	conn net.Conn
	id   string

	heard []*protocol.Command // notifications that came before an answer
}

func (f *fixture) member(id string) *member { return &member{fixture: f, conn: f.raw(), id: id} }

// beatFor sends a heartbeat and waits for its answer.
func (m *member) beatFor(group string, subs ...body.SubscriptionData) *protocol.Command {
	m.t.Helper()
	data, err := body.Encode(&body.HeartbeatData{ClientID: m.id, ConsumerDataSet: []body.ConsumerData{{
		GroupName: group, ConsumeType: "CONSUME_PASSIVELY", MessageModel: "CLUSTERING", SubscriptionDataSet: subs,
	}}})
	if err != nil {
		m.t.Fatal(err)
	}
	return m.ask(protocol.NewRequest(code.HeartBeat, nil, data))
}

// ask sends a request on the member's own connection and waits for its answer.
func (m *member) ask(cmd *protocol.Command) *protocol.Command {
	m.t.Helper()
	if _, err := m.conn.Write(protocol.AppendFrame(nil, cmd)); err != nil {
		m.t.Fatal(err)
	}
	for {
		reply := m.read()
		if reply.IsResponse() {
			return reply
		}
		m.heard = append(m.heard, reply)
	}
}

// next is the oldest frame that nobody has looked at.
func (m *member) next() *protocol.Command {
	m.t.Helper()
	if len(m.heard) > 0 {
		first := m.heard[0]
		m.heard = m.heard[1:]
		return first
	}
	return m.read()
}

func (m *member) read() *protocol.Command {
	m.t.Helper()
	if err := m.conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		m.t.Fatal(err)
	}
	return readFrame(m.t, m.conn)
}

// notified waits for the notification about a group.
func (m *member) notified(group string) {
	m.t.Helper()
	cmd := m.next()
	if cmd.IsResponse() || cmd.Request() != code.NotifyConsumerIDsChanged || !cmd.IsOneWay() || cmd.Fields.String("consumerGroup") != group {
		m.t.Fatalf("got %+v, want a one-way notification about %s", cmd, group)
	}
}

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	reply := f.beat("G", "CLUSTERING", all("T"), all("%RETRY%G"))
	want(t, reply, code.Success, "")
	if reply.Fields.String("IS_SUPPORT_HEART_BEAT_V2") != "true" || reply.Fields.String("IS_SUB_CHANGE") != "true" {
		t.Fatalf("V1 answer: %q %q", reply.Fields.String("IS_SUPPORT_HEART_BEAT_V2"), reply.Fields.String("IS_SUB_CHANGE"))
	}
	if c := f.Topics.Get("%RETRY%G"); c == nil || c.ReadQueueNums != 1 || c.Perm != 6 || c.Order {
		t.Fatalf("retry topic %v", c)
	}
	list := f.call(code.GetConsumerListByGroup, nil, "consumerGroup", "G")
	want(t, list, code.Success, "")
	if string(list.Body) != `{"consumerIdList":["c1"]}` {
		t.Fatalf("list %s", list.Body)
	}
	want(t, f.call(code.GetConsumerListByGroup, nil, "consumerGroup", "None"), code.SystemError, "no consumer for this group, None")
	group, _ := f.Clients.ConsumerGroup("G")
	if group.ConsumeType != "CONSUME_PASSIVELY" || len(group.Subscriptions) != 2 || group.Clients[0].Language != "JAVA" {
		t.Fatalf("group %+v", group)
	}
	if _, ok := f.Clients.ProducerGroup("PG"); !ok {
		t.Fatal("producer not registered")
	}
	want(t, f.call(code.UnregisterClient, nil, "clientID", "c1", "producerGroup", "PG", "consumerGroup", "G"), code.Success, "")
	if _, ok := f.Clients.ConsumerGroup("G"); ok {
		t.Fatal("still registered")
	}
	if _, ok := f.Clients.ProducerGroup("PG"); ok {
		t.Fatal("producer still registered")
	}
	want(t, f.call(code.UnregisterClient, nil, "clientID", "nobody"), code.Success, "")
}

func TestHeartbeatOfOrderedTopic(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	ordered := topic.NewConfig("T")
	ordered.Order = true
	_ = f.Topics.Put(ordered)
	want(t, f.beat("G", "CLUSTERING", all("T")), code.Success, "")
	if c := f.Topics.Get("%RETRY%G"); c == nil || !c.Order {
		t.Fatalf("retry topic %v, want it ordered", c)
	}
}

func TestHeartbeatV2(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	beat := func(fingerprint int32, without bool, subs ...body.SubscriptionData) string {
		t.Helper()
		d := &body.HeartbeatData{ClientID: "c1", HeartbeatFingerprint: fingerprint, WithoutSub: without, ConsumerDataSet: []body.ConsumerData{{
			GroupName: "G", ConsumeType: "CONSUME_PASSIVELY", MessageModel: "CLUSTERING", SubscriptionDataSet: subs,
		}}}
		reply := f.beatData(d)
		want(t, reply, code.Success, "")
		return reply.Fields.String("IS_SUB_CHANGE")
	}
	for i, row := range []struct{ got, want string }{
		{beat(7, true), "true"}, // this broker does not know what the client repeats
		{beat(7, false, all("T")), "false"},
		{beat(7, true), "false"},
		{beat(8, true), "true"},
		{beat(8, true), "false"},
	} {
		if row.got != row.want {
			t.Fatalf("heartbeat %d: IS_SUB_CHANGE %q, want %q", i, row.got, row.want)
		}
	}
	if s, _, online := f.Clients.Subscription("G", "T"); s == nil || !online {
		t.Fatal("heartbeats without subscriptions took them away")
	}
}

// TestHeartbeatV2Behind: a client that kept a newer subscription to itself, as a Java client does when two of its heartbeats meet, is asked
// for it after a pull; else its pulls would be refused until its group changes.
func TestHeartbeatV2Behind(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	f.sendTo("T", "x")
	behind, other := f.member("behind"), f.member("other")
	version := func(n int64) body.SubscriptionData {
		s := all("T")
		s.SubVersion = n
		return s
	}
	beat := func(m *member, what, resend string, subs ...body.SubscriptionData) {
		t.Helper()
		reply := m.beatV2("G", 7, subs...)
		if want(t, reply, code.Success, ""); reply.Fields.String("IS_SUB_CHANGE") != resend {
			t.Errorf("%s: IS_SUB_CHANGE %s, want %s", what, reply.Fields.String("IS_SUB_CHANGE"), resend)
		}
	}
	pull := func(subVersion string) *protocol.Command {
		cmd := protocol.NewRequest(code.PullMessage, nil, nil)
		cmd.Fields = fields(replace(pullFields("G", "T", "0"), "sysFlag", "0", "subVersion", subVersion)...)
		return behind.ask(cmd)
	}
	beat(behind, "the first", "false", version(1))
	beat(other, "of another", "false", version(1))
	want(t, pull("1"), code.Success, "FOUND")
	beat(behind, "after a pull", "false")
	want(t, pull("2"), code.SubscriptionNotLatest, "the consumer's subscription not latest")
	beat(other, "of another, meanwhile", "false")
	beat(behind, "after a pull with a newer version", "true")
	beat(behind, "with what it was asked for", "false", version(2))
	beat(behind, "afterwards", "false")
	want(t, pull("2"), code.Success, "FOUND")
}

// TestHeartbeatV2WithoutFilterData: the expression of a group is forgotten, a day after a member that does not want its topic came by, say. A
// client that repeats nothing is asked for it.
func TestHeartbeatV2WithoutFilterData(t *testing.T) {
	t.Parallel()
	f := startFiltering(t)
	f.cfg.Change(func(c *Config) { c.FilterDataCleanTimeSpan = 0 })
	f.priced("T", 5)
	m := f.member("m")
	beat := func(what, resend string, subs ...body.SubscriptionData) {
		t.Helper()
		reply := m.beatV2("G", 7, subs...)
		if want(t, reply, code.Success, ""); reply.Fields.String("IS_SUB_CHANGE") != resend {
			t.Errorf("%s: IS_SUB_CHANGE %s, want %s", what, reply.Fields.String("IS_SUB_CHANGE"), resend)
		}
	}
	pull := func() *protocol.Command {
		cmd := protocol.NewRequest(code.PullMessage, nil, nil)
		cmd.Fields = fields(beaten("G", "T", "0", "subVersion", "1")...)
		return m.ask(cmd)
	}
	beat("the first", "false", bySQL("T", "price > 0", 1))
	want(t, pull(), code.Success, "FOUND")
	f.Filters.Unregister("G")
	f.Filters.Clean()
	beat("before a pull", "false")
	want(t, pull(), code.FilterDataNotExist, remarkNoFilterData)
	beat("after a pull", "true")
	beat("with what it was asked for", "false", bySQL("T", "price > 0", 1))
	want(t, pull(), code.Success, "FOUND")
	beat("afterwards", "false")
}

func TestConsumersAreNotified(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	a, b := f.member("a"), f.member("b")
	want(t, a.beatFor("G", all("T")), code.Success, "")
	a.notified("G")
	want(t, b.beatFor("G", all("T")), code.Success, "")
	a.notified("G")
	b.notified("G")
	if err := b.conn.Close(); err != nil {
		t.Fatal(err)
	}
	a.notified("G")
	if got := f.Clients.ClientIDs("G"); len(got) != 1 || got[0] != "a" {
		t.Fatalf("left %v", got)
	}
	c := f.member("c")
	want(t, c.beatFor("G", all("T")), code.Success, "")
	a.notified("G")
	unregister := protocol.NewRequest(code.UnregisterClient, nil, nil)
	unregister.Fields = fields("clientID", "c", "consumerGroup", "G")
	want(t, c.ask(unregister), code.Success, "")
	a.notified("G")
}

func TestBadHeartbeats(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *Config, _ *store.Config) { c.MaxGroupNums = 20 })
	for _, row := range []struct{ name, body string }{
		{"no body", ""},
		{"no JSON", "hello"},
		{"no client id", `{"producerDataSet":[]}`},
		{"a client id of 1 MiB", `{"clientID":"` + strings.Repeat("x", 1<<20) + `"}`},
		{"too deep", `{"clientID":"c","consumerDataSet":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`},
	} {
		if reply := f.call(code.HeartBeat, []byte(row.body)); reply.Response() != code.SystemError || reply.Remark == "" {
			t.Errorf("%s: %d %q", row.name, reply.Code, reply.Remark)
		}
	}
	var groups []body.ConsumerData
	for i := range 1000 {
		groups = append(groups, body.ConsumerData{GroupName: fmt.Sprint("G", i), MessageModel: "CLUSTERING"})
	}
	want(t, f.beatData(&body.HeartbeatData{ClientID: "c", ConsumerDataSet: groups}), code.Success, "")
	if n := f.Groups.Len(); n > 20 {
		t.Fatalf("%d groups, at most 20 are allowed", n)
	}
	want(t, f.beat("a/../b", "CLUSTERING", all("T")), code.Success, "") // skipped in silence, as in Java
	if f.Groups.Get("a/../b") != nil || f.Topics.Get("%RETRY%a/../b") != nil {
		t.Fatal("a group with an illegal name was made")
	}
}

func TestSilentClientIsClosed(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *Config, _ *store.Config) { c.ChannelExpiredTimeout = 1 })
	m := f.member("a")
	want(t, m.beatFor("G", all("T")), code.Success, "")
	m.notified("G")
	f.eventually("the client to be older than the time-out", func() bool {
		list := f.Clients.Expire(f.cfg.Get().ChannelExpiredTimeout)
		for _, ch := range list {
			ch.(*remoting.Conn).Close()
		}
		return len(list) > 0
	})
	if err := m.conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := m.conn.Read(make([]byte, 1)); err == nil {
		t.Fatal("the connection is still open")
	}
}

func TestCheckClientConfig(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	for _, row := range []struct {
		kind   string
		code   code.Response
		remark string
	}{
		{"TAG", code.Success, ""},
		{"", code.Success, ""},
		{"SQL92", code.SystemError, "The broker does not support consumer to filter message by SQL92"},
	} {
		data, err := body.Encode(body.CheckClientRequestBody{ClientId: "c", Group: "G", SubscriptionData: &body.SubscriptionData{
			Topic: "T", SubString: "a", ExpressionType: row.kind,
		}})
		if err != nil {
			t.Fatal(err)
		}
		want(t, f.call(code.CheckClientConfig, data), row.code, row.remark)
	}
	want(t, f.call(code.CheckClientConfig, nil), code.Success, "")
}

func TestQueueLocks(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	lockBody := func(client string, queues ...int32) []byte {
		req := body.LockBatchRequestBody{ConsumerGroup: "G", ClientId: client}
		for _, q := range queues {
			req.MqSet = append(req.MqSet, body.MessageQueue{BrokerName: "test-a", Topic: "T", QueueId: q})
		}
		data, err := body.Encode(req)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	held := func(reply *protocol.Command) int {
		t.Helper()
		want(t, reply, code.Success, "")
		answer, err := body.Decode[body.LockBatchResponseBody](reply.Body)
		if err != nil {
			t.Fatal(err)
		}
		return len(answer.LockOKMQSet)
	}
	if n := held(f.call(code.LockBatchMQ, lockBody("a", 0, 1))); n != 2 {
		t.Fatalf("a holds %d", n)
	}
	if n := held(f.call(code.LockBatchMQ, lockBody("b", 0, 1, 2))); n != 1 {
		t.Fatalf("b holds %d, want only the free one", n)
	}
	want(t, f.call(code.UnlockBatchMQ, lockBody("b", 0)), code.Success, "") // not its own
	if n := held(f.call(code.LockBatchMQ, lockBody("b", 0))); n != 0 {
		t.Fatal("b took a queue by unlocking it")
	}
	want(t, f.call(code.UnlockBatchMQ, lockBody("a", 0)), code.Success, "")
	if n := held(f.call(code.LockBatchMQ, lockBody("b", 0))); n != 1 {
		t.Fatal("b does not get what a gave back")
	}
	if reply := f.call(code.LockBatchMQ, []byte("{}")); reply.Response() != code.SystemError {
		t.Fatalf("a lock without a group: %d", reply.Code)
	}
	if reply := f.call(code.LockBatchMQ, nil); reply.Response() != code.SystemError {
		t.Fatalf("a lock without a body: %d", reply.Code)
	}
}

// TestProducersLeftOut: enableRegisterProducer=false alone leaves nobody out, as transactions are still taken and checked.
func TestProducersLeftOut(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	const off = "enableRegisterProducer=false"
	for _, step := range []struct {
		settings, group string
		there           bool
	}{{off, "A", true}, {off + "\nrejectTransactionMessage=true", "B", false}, {off + "\nrejectTransactionMessage=true", "A", true}, {"enableRegisterProducer=true", "B", true}} {
		want(t, f.call(code.UpdateBrokerConfig, []byte(step.settings)), code.Success, "")
		data, err := body.Encode(&body.HeartbeatData{ClientID: "c", ProducerDataSet: []body.ProducerData{{GroupName: step.group}}})
		if err != nil {
			t.Fatal(err)
		}
		want(t, f.call(code.HeartBeat, data), code.Success, "")
		if _, there := f.Clients.ProducerGroup(step.group); there != step.there {
			t.Errorf("%q: producer group %s there: %v", step.settings, step.group, there)
		}
	}
}

func TestUnknownCode(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	for _, c := range []code.Request{9999, -1, 32767, code.PopMessage} {
		want(t, f.call(c, nil), code.RequestCodeNotSupported, fmt.Sprintf(" request type %d not supported", int32(c)))
	}
}

// newCaller is a client that lives until the test ends.
func newCaller(t testing.TB) *remoting.Client {
	c := remoting.NewClient(remoting.DefaultClientConfig(), zerolog.Nop())
	t.Cleanup(c.Close)
	return c
}

// callAt asks any server.
func callAt(t testing.TB, c *remoting.Client, addr string, req code.Request, data []byte, pairs ...string) (*protocol.Command, error) {
	t.Helper()
	cmd := protocol.NewRequest(req, nil, data)
	cmd.Fields = fields(pairs...)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return c.Call(ctx, addr, cmd)
}
