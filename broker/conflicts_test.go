package broker

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/broker/client"
	"github.com/skylarkmq/skylark/filter"
	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/javajson"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
)

func byTag(topic, expression string) body.SubscriptionData {
	s := all(topic)
	s.SubString = expression
	return s
}

// beatV2 is a heartbeat of version 2: with subscriptions, or only with their fingerprint.
func (m *member) beatV2(group string, fingerprint int32, subs ...body.SubscriptionData) *protocol.Command {
	m.t.Helper()
	data, err := body.Encode(&body.HeartbeatData{
		ClientID: m.id, HeartbeatFingerprint: fingerprint, WithoutSub: len(subs) == 0,
		ConsumerDataSet: []body.ConsumerData{{GroupName: group, ConsumeType: "CONSUME_PASSIVELY", MessageModel: "CLUSTERING", SubscriptionDataSet: subs}},
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return m.ask(protocol.NewRequest(code.HeartBeat, nil, data))
}

func (f *fixture) conflictList(pairs ...string) (list body.ConflictList) {
	f.t.Helper()
	reply := f.call(code.SkylarkConflicts, nil, pairs...)
	want(f.t, reply, code.Success, "")
	if err := javajson.Unmarshal(reply.Body, &list); err != nil {
		f.t.Fatal(err)
	}
	return list
}

func TestConflictIsSeenAtTheHeartbeat(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *Config, _ *store.Config) {
		c.MetricsExporterType, c.MetricsPromExporterPort, c.SubscriptionConflictGraceTime = "PROM", 0, 0
	})
	first, second := f.member("first"), f.member("second")
	want(t, first.beatFor("G", byTag("T", "A"), all("%RETRY%G")), code.Success, "")
	want(t, second.beatV2("G", 7, byTag("T", "A"), all("%RETRY%G")), code.Success, "")
	if list := f.conflictList(); len(list.Groups) != 0 {
		t.Fatalf("they agree: %+v", list)
	}
	want(t, second.beatV2("G", 8, byTag("T", "B"), all("%RETRY%G")), code.Success, "")
	list := f.conflictList("group", "G")
	if len(list.Groups) != 1 || list.Groups[0].Sets != 2 || !list.Groups[0].Told || len(list.Groups[0].Topics) != 1 {
		t.Fatalf("%+v", list)
	}
	want(t, second.beatV2("G", 8), code.Success, "") // repeats nothing, and still differs
	if list := f.conflictList(); len(list.Groups) != 1 {
		t.Fatalf("%+v", list)
	}
	const line = `skylark_subscription_conflicts{cluster="DefaultCluster",node_id="test-a",node_type="broker",otel_scope_name="broker-meter"} `
	if text := f.scrape(); !strings.Contains(text, line+"1\n") {
		t.Errorf("no %s1 in\n%s", line, text)
	}
	want(t, first.beatFor("G", byTag("T", "B"), all("%RETRY%G")), code.Success, "")
	if list := f.conflictList(); len(list.Groups) != 0 {
		t.Fatalf("they agree again: %+v", list)
	}
	if text := f.scrape(); !strings.Contains(text, line+"0\n") {
		t.Errorf("no %s0", line)
	}
}

func TestRejectConflictingSubscription(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *Config, _ *store.Config) { c.RejectConflictingSubscription = true })
	first, second := f.member("first"), f.member("second")
	want(t, first.beatFor("G", byTag("T", "A")), code.Success, "")
	const why = "the subscriptions of client second differ from those of consumer group G, which first was the first to make; " +
		"use the same topics and expressions in all members, or another group"
	want(t, second.beatFor("G", byTag("T", "B")), code.NoPermission, why)
	want(t, second.beatV2("G", 5, byTag("T", "B")), code.NoPermission, why)
	if ids := f.Clients.ClientIDs("G"); fmt.Sprint(ids) != "[first]" {
		t.Errorf("members are %v", ids)
	}
	sub, _, _ := f.Clients.Subscription("G", "T")
	if sub.SubString != "A" {
		t.Errorf("the group wants %q", sub.SubString)
	}
	want(t, first.beatFor("G", byTag("T", "A")), code.Success, "")
	// Other groups of the same heartbeat are taken.
	data, err := body.Encode(&body.HeartbeatData{ClientID: "second", ConsumerDataSet: []body.ConsumerData{
		{GroupName: "G", MessageModel: "CLUSTERING", SubscriptionDataSet: []body.SubscriptionData{byTag("T", "B")}},
		{GroupName: "H", MessageModel: "CLUSTERING", SubscriptionDataSet: []body.SubscriptionData{byTag("T", "B")}},
	}, ProducerDataSet: []body.ProducerData{{GroupName: "P"}}})
	if err != nil {
		t.Fatal(err)
	}
	want(t, second.ask(protocol.NewRequest(code.HeartBeat, nil, data)), code.NoPermission, why)
	if ids := f.Clients.ClientIDs("H"); fmt.Sprint(ids) != "[second]" {
		t.Errorf("members of the other group are %v", ids)
	}
	if list, _ := f.Clients.ProducerGroup("P"); len(list) != 1 {
		t.Error("the producer was not taken")
	}
	if n := f.conflictList().Rejected; n != 3 {
		t.Errorf("%d rejected", n)
	}
	_ = first.conn.Close() // the first one goes: the newcomer is welcome
	for len(f.Clients.ClientIDs("G")) > 0 {
		_ = f.call(code.GetConsumerListByGroup, nil, "consumerGroup", "G")
	}
	want(t, second.beatFor("G", byTag("T", "B")), code.Success, "")
}

// TestRejectChangedMember: a member that is refused because it has changed its mind is none any more, at once, and hears of it; its
// connection, which may have other groups, stays.
func TestRejectChangedMember(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *Config, _ *store.Config) { c.RejectConflictingSubscription = true })
	first, second := f.member("first"), f.member("second")
	want(t, first.beatFor("G", byTag("T", "A")), code.Success, "")
	first.notified("G")
	want(t, second.beatFor("G", byTag("T", "A")), code.Success, "")
	first.notified("G")
	second.notified("G")
	want(t, second.beatFor("H", byTag("T", "B")), code.Success, "")
	second.notified("H")

	if reply := second.beatFor("G", byTag("T", "B")); reply.Response() != code.NoPermission {
		t.Fatalf("%d %q", reply.Code, reply.Remark)
	}
	first.notified("G")
	second.notified("G")
	if g, h := f.Clients.ClientIDs("G"), f.Clients.ClientIDs("H"); fmt.Sprint(g, h) != "[first] [second]" {
		t.Errorf("members are %v and %v", g, h)
	}
	want(t, second.beatFor("G", byTag("T", "A")), code.Success, "") // it has changed its mind again
	first.notified("G")
	second.notified("G")
	if ids := f.Clients.ClientIDs("G"); fmt.Sprint(ids) != "[first second]" {
		t.Errorf("members are %v", ids)
	}
}

// TestConflictLine: one line names who differs, and in what; a long one is cut.
func TestConflictLine(t *testing.T) {
	t.Parallel()
	b, log := logging(t, zerolog.InfoLevel, "subscriptionConflictGraceTime=0")
	join := func(id string, topics int, expression string) {
		c := client.Consumer{Group: "G", MessageModel: client.Clustering}
		for i := range topics {
			c.Subscriptions = append(c.Subscriptions, &filter.Subscription{Topic: fmt.Sprintf("T%d", i), SubString: expression, ExpressionType: "TAG"})
		}
		b.Clients.RegisterConsumer(client.Info{Channel: id, ClientID: id}, c)
	}
	tell := func() string {
		log.Reset()
		b.conflicts.tell()
		return log.String()
	}
	join("a", 1, "A")
	join("b", 1, "B")
	if got := tell(); !strings.Contains(got, `"level":"warn","clients":2,"sets":2,"difference":"T0: \"A\" TAG by a, \"B\" TAG by b","group":"G","event":"begins"`) ||
		strings.Count(got, "\n") != 1 {
		t.Errorf("begins: %s", got)
	}
	if got := tell(); got != "" {
		t.Errorf("again: %s", got)
	}
	join("b", 1, "A")
	if got := tell(); !strings.Contains(got, `"level":"info","group":"G","event":"ends","message":"members of a consumer group agree again"`) {
		t.Errorf("ends: %s", got)
	}
	for i := range 9 {
		join(fmt.Sprintf("m%d", i), 9, "A")
		join(fmt.Sprintf("n%d", i), 9, fmt.Sprintf("N%d", i))
	}
	got := tell()
	if !strings.Contains(got, `by a b m0 m1 m2 and 6 more, \"N0\" TAG by n0,`) || !strings.Contains(got, "more ways") ||
		!strings.Contains(got, "; 6 more topics") || len(got) > 1000 {
		t.Errorf("many: %s", got)
	}
}

// TestRefusalsAreSaidSeldom: a line a second, also when the machine's clock was an hour fast and is set right.
func TestRefusalsAreSaidSeldom(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	clk := clock.NewFake(time.UnixMilli(1_700_000_000_000))
	c := newConflicts(&Broker{clock: clk, log: zerolog.New(&log)})
	for range 30 { // of which one each second is said
		_ = c.refuse("G", "a", "b")
		clk.Advance(100 * time.Millisecond)
	}
	clk.Set(clk.Now().Add(-time.Hour))
	_ = c.refuse("G", "a", "b")
	if got := log.String(); strings.Count(got, "\n") != 4 || !strings.Contains(got, `"refused":31`) {
		t.Errorf("said: %s", got)
	}
}
