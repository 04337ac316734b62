package broker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/broker/offset"
	"github.com/skylarkmq/skylark/broker/subscription"
	"github.com/skylarkmq/skylark/broker/topic"
	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
)

// beat is a heartbeat of the fixture's client for one consumer group.
func (f *fixture) beat(group, model string, subs ...body.SubscriptionData) *protocol.Command {
	f.t.Helper()
	return f.beatData(&body.HeartbeatData{
		ClientID: "c1", ProducerDataSet: []body.ProducerData{{GroupName: "PG"}},
		ConsumerDataSet: []body.ConsumerData{{
			GroupName: group, ConsumeType: "CONSUME_PASSIVELY", MessageModel: model,
			ConsumeFromWhere: "CONSUME_FROM_LAST_OFFSET", SubscriptionDataSet: subs,
		}},
	})
}

func (f *fixture) beatData(d *body.HeartbeatData) *protocol.Command {
	f.t.Helper()
	data, err := body.Encode(d)
	if err != nil {
		f.t.Fatal(err)
	}
	return f.call(code.HeartBeat, data)
}

func all(topic string) body.SubscriptionData {
	return body.SubscriptionData{Topic: topic, SubString: "*", ExpressionType: "TAG", SubVersion: 5}
}

func TestPullChecks(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	writeOnly := topic.NewConfig("WriteOnly")
	writeOnly.Perm = topic.PermWrite
	off := subscription.NewGroup("Off")
	off.ConsumeEnable = false
	noBroadcast := subscription.NewGroup("NoBroadcast")
	noBroadcast.ConsumeBroadcastEnable = false
	if err := f.Topics.Put(writeOnly, topic.NewConfig("T"), topic.NewConfig("U")); err != nil {
		t.Fatal(err)
	}
	if err := f.Groups.Put(off, noBroadcast); err != nil {
		t.Fatal(err)
	}
	want(t, f.beat("NoBroadcast", "BROADCASTING", all("T")), code.Success, "")
	want(t, f.beat("Online", "CLUSTERING", all("T"), all("U")), code.Success, "")
	if err := f.Groups.SetForbidden("Online", "U", subscription.ForbiddenRead, true); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name      string
		code      code.Request
		fields    []string
		response  code.Response
		forbidden string
		remark    string
	}{
		{name: "nothing there", response: code.PullNotFound, remark: "NO_MESSAGE_IN_QUEUE"},
		{name: "nothing there, and an offset", fields: []string{"queueOffset", "7"}, response: code.PullOffsetMoved, remark: "NO_MESSAGE_IN_QUEUE"},
		{
			name: "group switched off", fields: []string{"consumerGroup", "Off"}, response: code.NoPermission, forbidden: "2",
			remark: "subscription group no permission, Off",
		},
		{
			name: "illegal group", fields: []string{"consumerGroup", "a/b"}, response: code.SubscriptionGroupNotExist,
			remark: "subscription group [a/b] does not exist, " + faq,
		},
		{name: "unknown topic", fields: []string{"topic", "None"}, response: code.TopicNotExist, remark: "topic[None] not exist, apply first please! " + faq},
		{
			name: "topic not readable", fields: []string{"topic", "WriteOnly"}, response: code.NoPermission, forbidden: "3",
			remark: "the topic[WriteOnly] pulling message is forbidden",
		},
		{
			name: "queue above the last", fields: []string{"queueId", "16"}, response: code.InvalidParameter,
			remark: "queueId[16] is illegal, topic:[T] topicConfig.readQueueNums:[16] consumer:[<addr>]",
		},
		{
			name: "queue below 0", fields: []string{"queueId", "-1"}, response: code.InvalidParameter,
			remark: "queueId[-1] is illegal, topic:[T] topicConfig.readQueueNums:[16] consumer:[<addr>]",
		},
		{
			name: "nonsense for a subscription", fields: []string{"subscription", "||||"}, response: code.SubscriptionParseFailed,
			remark: "parse the consumer's subscription failed",
		},
		{
			name: "SQL in the request", fields: []string{"subscription", "a > 1", "expressionType", "SQL92"}, response: code.SystemError,
			remark: "The broker does not support consumer to filter message by SQL92",
		},
		{name: "group not online", fields: []string{"sysFlag", "0"}, response: code.SubscriptionNotExist, remark: "the consumer's group info not exist" + faq},
		{
			name: "group may not broadcast", fields: []string{"sysFlag", "0", "consumerGroup", "NoBroadcast"}, response: code.NoPermission, forbidden: "4",
			remark: "the consumer group[NoBroadcast] can not consume by broadcast way",
		},
		{
			name: "group forbidden for the topic", fields: []string{"sysFlag", "0", "consumerGroup", "Online", "topic", "U"}, response: code.NoPermission,
			forbidden: "5", remark: "the consumer group[Online] is forbidden for topic[U]",
		},
		{
			name: "topic not subscribed", fields: []string{"sysFlag", "0", "consumerGroup", "Online", "topic", "BenchmarkTest"},
			response: code.SubscriptionNotExist, remark: "the consumer's subscription not exist" + faq,
		},
		{
			name: "subscription too old", fields: []string{"sysFlag", "0", "consumerGroup", "Online", "subVersion", "6"},
			response: code.SubscriptionNotLatest, remark: "the consumer's subscription not latest",
		},
		{
			name: "subscription of the heartbeat", fields: []string{"sysFlag", "0", "consumerGroup", "Online", "subVersion", "5"},
			response: code.PullNotFound, remark: "NO_MESSAGE_IN_QUEUE",
		},
		{name: "lite pull", code: code.LitePullMessage, fields: []string{"sysFlag", "20"}, response: code.PullNotFound, remark: "NO_MESSAGE_IN_QUEUE"},
		{name: "no number", fields: []string{"queueOffset", "1e3"}, response: code.SystemError, remark: "*"},
		{name: "offset of 2^63", fields: []string{"queueOffset", "9223372036854775808"}, response: code.SystemError, remark: "*"},
		{
			name: "least and most", fields: []string{"queueOffset", "9223372036854775807", "maxMsgNums", "2147483647"},
			response: code.PullOffsetMoved, remark: "NO_MESSAGE_IN_QUEUE",
		},
		{name: "endless tags", fields: []string{"subscription", strings.Repeat("|", 100_000)}, response: code.SubscriptionParseFailed, remark: "*"},
	} {
		c := row.code
		if c == 0 {
			c = code.PullMessage
		}
		reply := f.call(c, nil, replace(pullFields("G", "T", "0"), row.fields...)...)
		remark := reply.Remark
		if i := strings.Index(remark, "consumer:[/127.0.0.1:"); i >= 0 {
			remark = remark[:i] + "consumer:[<addr>]"
		}
		if reply.Response() != row.response || remark != row.remark && row.remark != "*" || reply.Fields.String("forbiddenType") != row.forbidden {
			t.Errorf("%s: %d %q forbidden %q, want %d %q %q", row.name, reply.Code, remark, reply.Fields.String("forbiddenType"),
				row.response, row.remark, row.forbidden)
		}
		switch reply.Response() {
		case code.Success, code.PullNotFound, code.PullRetryImmediately, code.PullOffsetMoved:
			for _, name := range []string{"nextBeginOffset", "minOffset", "maxOffset", "suggestWhichBrokerId", "topicSysFlag", "groupSysFlag"} {
				if reply.Fields.String(name) == "" {
					t.Errorf("%s: the answer lacks %s", row.name, name)
				}
			}
		}
	}
	for _, name := range []string{
		"consumerGroup", "topic", "queueId", "queueOffset", "maxMsgNums", "sysFlag",
	} {
		want(t, f.call(code.PullMessage, nil, without(pullFields("G", "T", "0"), name)...), code.SystemError, "the custom field <"+name+"> is null")
	}
}

func TestPullSwitchedOff(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *Config, _ *store.Config) {
		c.LitePullMessageEnable, c.RejectPullConsumerEnable, c.AutoCreateSubscriptionGroup = false, true, false
	})
	_ = f.Topics.Put(topic.NewConfig("T"))
	_ = f.Groups.Put(subscription.NewGroup("G"))
	reply := f.call(code.LitePullMessage, nil, pullFields("G", "T", "0")...)
	want(t, reply, code.NoPermission, "the broker[127.0.0.1] for lite pull consumer is forbidden")
	if reply.Fields.String("forbiddenType") != "1" {
		t.Fatal("forbiddenType")
	}
	want(t, f.call(code.PullMessage, nil, pullFields("Unknown", "T", "0")...), code.SubscriptionGroupNotExist,
		"subscription group [Unknown] does not exist, "+faq)
	want(t, f.call(code.PullMessage, nil, pullFields("G", "T", "0")...), code.SubscriptionNotExist, remarkPullRejected)
	want(t, f.call(code.PullMessage, nil, pullFields("TOOLS_CONSUMER", "T", "0")...), code.PullNotFound, "NO_MESSAGE_IN_QUEUE")
	f.cfg.Change(func(c *Config) { c.BrokerPermission = 2 })
	reply = f.call(code.PullMessage, nil, pullFields("G", "T", "0")...)
	want(t, reply, code.NoPermission, "the broker[127.0.0.1] pulling message is forbidden")
}

func TestPullStates(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	for i := range 40 {
		f.sendTo("T", fmt.Sprint(i), "i", fmt.Sprintf("TAGS\x01%c\x02", 'A'+i%2))
	}
	for _, row := range []struct {
		name, offset, next string
		fields             []string
		code               code.Response
		remark             string
		count              int
	}{
		{name: "from the start", offset: "0", next: "32", code: code.Success, remark: "FOUND", count: 32},
		{name: "fewer", offset: "30", next: "33", fields: []string{"maxMsgNums", "3"}, code: code.Success, remark: "FOUND", count: 3},
		{name: "the rest", offset: "32", next: "40", code: code.Success, remark: "FOUND", count: 8},
		{name: "one tag", offset: "0", next: "40", fields: []string{"subscription", "B"}, code: code.Success, remark: "FOUND", count: 20},
		{name: "no such tag", offset: "0", next: "40", fields: []string{"subscription", "C"}, code: code.PullRetryImmediately, remark: "NO_MATCHED_MESSAGE"},
		{name: "at the end", offset: "40", next: "40", code: code.PullNotFound, remark: "OFFSET_OVERFLOW_ONE"},
		{name: "past the end", offset: "41", next: "40", code: code.PullOffsetMoved, remark: "OFFSET_OVERFLOW_BADLY"},
		{name: "before the start", offset: "-1", next: "0", code: code.PullOffsetMoved, remark: "OFFSET_TOO_SMALL"},
		{name: "as far as it goes", offset: "9223372036854775807", next: "40", code: code.PullOffsetMoved, remark: "OFFSET_OVERFLOW_BADLY"},
	} {
		reply := f.call(code.PullMessage, nil, replace(pullFields("G", "T", row.offset), row.fields...)...)
		if n := len(decodeAll(t, reply.Body)); reply.Response() != row.code || reply.Remark != row.remark || n != row.count ||
			reply.Fields.String("nextBeginOffset") != row.next || reply.Fields.String("maxOffset") != "40" {
			t.Errorf("%s: %d %q next %q, %d messages, want %d %q %q %d", row.name, reply.Code, reply.Remark,
				reply.Fields.String("nextBeginOffset"), n, row.code, row.remark, row.next, row.count)
		}
	}
}

func TestPullCommits(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	f.sendTo("T", "x")
	f.call(code.PullMessage, nil, replace(pullFields("G", "T", "0"), "sysFlag", "5", "commitOffset", "9")...)
	if got := f.Offsets.Query("G", "T", 0); got != 9 {
		t.Fatalf("committed %d, want 9", got)
	}
	if got := f.Offsets.QueryPull("G", "T", 0); got != 1 {
		t.Fatalf("pulled to %d, want 1", got)
	}
	f.call(code.PullMessage, nil, replace(pullFields("G", "T", "0"), "commitOffset", "3")...)
	if got := f.Offsets.Query("G", "T", 0); got != 9 {
		t.Fatalf("committed %d without the flag", got)
	}
}

// A pull commits before it reads: what happens while it waits for the disk is newer.
func TestPullCommitsBeforeItWaits(t *testing.T) {
	t.Parallel()
	f, disk := startFaulty(t, nil)
	for _, row := range []struct {
		name      string
		meanwhile func()
		want      int64
	}{
		{"nothing", func() {}, 5},
		{"a reset", func() { f.Offsets.AssignReset("G", "T", 0, 77) }, 77},
		{"a later commit", func() {
			f.call(code.UpdateConsumerOffset, nil, "consumerGroup", "G", "topic", "T", "queueId", "0", "commitOffset", "8")
		}, 8},
		{"the topic deleted", func() { want(t, f.call(code.DeleteTopicInBroker, nil, "topic", "T"), code.Success, "") }, offset.None},
	} {
		f.sendTo("T", "x")
		inject(t, disk, "tryread commitlog/*")
		inject(t, disk, "pread commitlog/* hang")
		answer := f.ask(code.PullMessage, replace(pullFields("G", "T", "0"), "sysFlag", "5", "commitOffset", "5", "maxMsgNums", "1")...) // several are copied from mapped pages
		f.eventually("the pull to wait for the disk", func() bool { return disk.Hanging() > 0 })
		row.meanwhile()
		disk.Heal()
		<-answer
		if got := f.Offsets.Query("G", "T", 0); got != row.want {
			t.Errorf("%s: committed %d, want %d", row.name, got, row.want)
		}
		f.Offsets.TakeReset("G", "T", 0)
	}
}

// Nor does the wait for a worker, of a pull whose filter is not the loop's, bring an older offset back.
func TestPullCommitsBeforeItsLane(t *testing.T) {
	t.Parallel()
	f, disk := startFaulty(t, nil)
	f.sendTo("Cold", "x")
	f.sendTo("T", string(batchBody(slices.Repeat([]string{"x"}, inlineUnits+1)...)), "m", "true")
	inject(t, disk, "tryread commitlog/*")
	inject(t, disk, "pread commitlog/* hang")
	defer disk.Heal()
	workers := remoting.DefaultLanes()[remoting.Pull].Workers
	for range workers {
		f.ask(code.PullMessage, replace(pullFields("G", "Cold", "0"), "maxMsgNums", "1")...)
	}
	f.eventually("the workers to wait for the disk", func() bool { return disk.Hanging() >= workers })
	answer := f.ask(code.PullMessage, replace(pullFields("G", "T", "0"), "sysFlag", "5", "commitOffset", "5", "subscription", "A", "maxMsgNums", fmt.Sprint(1<<20))...)
	f.eventually("the offset that came with the pull", func() bool { return f.Offsets.Query("G", "T", 0) == 5 })
	f.call(code.UpdateConsumerOffset, nil, "consumerGroup", "G", "topic", "T", "queueId", "0", "commitOffset", "8")
	disk.Heal()
	<-answer
	if got := f.Offsets.Query("G", "T", 0); got != 8 {
		t.Errorf("committed %d, want 8", got)
	}
}

func TestPullDeliversReset(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	f.sendTo("T", "x")
	f.Offsets.AssignReset("G", "T", 0, 77)
	reply := f.call(code.PullMessage, nil, pullFields("G", "T", "0")...)
	want(t, reply, code.PullOffsetMoved, "OFFSET_RESET")
	if reply.Fields.String("nextBeginOffset") != "77" || reply.Fields.String("maxOffset") != "1" {
		t.Fatalf("next %q", reply.Fields.String("nextBeginOffset"))
	}
	want(t, f.call(code.PullMessage, nil, pullFields("G", "T", "0")...), code.Success, "FOUND")
}

// ask sends a request whose answer comes on a channel.
func (f *fixture) ask(c code.Request, pairs ...string) <-chan *protocol.Command {
	answer := make(chan *protocol.Command, 1)
	cmd := protocol.NewRequest(c, nil, nil)
	cmd.Fields = fields(pairs...)
	go func() {
		defer close(answer)
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if reply, err := f.client.Call(ctx, f.addr, cmd); err == nil {
			answer <- reply
		}
	}()
	return answer
}

// held waits until so many pulls are held.
func (f *fixture) held(n int) {
	f.t.Helper()
	f.eventually(fmt.Sprintf("%d pulls to be held", n), func() bool { return f.Holds.Len() == n })
}

func TestLongPollWakes(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	f.sendTo("T", "0", "i", "TAGS\x01A\x02")
	plain := f.ask(code.PullMessage, replace(pullFields("G", "T", "1"), "sysFlag", "6")...)
	tagged := f.ask(code.PullMessage, replace(pullFields("G", "T", "1"), "sysFlag", "6", "subscription", "B")...)
	f.held(2)
	f.sendTo("T", "1", "i", "TAGS\x01A\x02")
	reply := <-plain
	want(t, reply, code.Success, "FOUND")
	if list := decodeAll(t, reply.Body); len(list) != 1 || string(list[0].Body) != "1" {
		t.Fatalf("woken with %d messages", len(list))
	}
	f.held(1)
	f.sendTo("T", "2", "i", "TAGS\x01B\x02")
	reply = <-tagged
	want(t, reply, code.Success, "FOUND")
	if list := decodeAll(t, reply.Body); len(list) != 1 || string(list[0].Body) != "2" || reply.Fields.String("nextBeginOffset") != "3" {
		t.Fatalf("woken with %d messages", len(list))
	}
}

func TestLongPollCrowd(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	f.sendTo("T", "0")
	var answers []<-chan *protocol.Command
	for range 50 {
		answers = append(answers, f.ask(code.PullMessage, replace(pullFields("G", "T", "1"), "sysFlag", "6")...))
	}
	f.held(50)
	f.sendTo("T", "1")
	for _, a := range answers {
		want(t, <-a, code.Success, "FOUND")
	}
}

func TestLongPollTimesOut(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	f.sendTo("T", "0")
	began := time.Now()
	reply := f.call(code.PullMessage, nil, replace(pullFields("G", "T", "1"), "sysFlag", "7", "commitOffset", "1", "suspendTimeoutMillis", "300")...)
	want(t, reply, code.PullNotFound, "OFFSET_OVERFLOW_ONE")
	if took := time.Since(began); took < 300*time.Millisecond || took > 30*time.Second {
		t.Fatalf("held for %v, want 300 ms", took)
	}
	if f.Offsets.Query("G", "T", 0) != 1 {
		t.Fatal("a held pull commits when it arrives")
	}
	for _, ms := range []string{"0", "-5"} {
		want(t, f.call(code.PullMessage, nil, replace(pullFields("G", "T", "1"), "sysFlag", "6", "suspendTimeoutMillis", ms)...),
			code.PullNotFound, "OFFSET_OVERFLOW_ONE")
	}
}

func TestShortPolling(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *Config, _ *store.Config) { c.LongPollingEnable, c.ShortPollingTimeMills = false, 50 })
	f.sendTo("T", "0")
	began := time.Now()
	want(t, f.call(code.PullMessage, nil, replace(pullFields("G", "T", "1"), "sysFlag", "6")...), code.PullNotFound, "OFFSET_OVERFLOW_ONE")
	if took := time.Since(began); took < 49*time.Millisecond || took > 30*time.Second { // it counts in whole ms
		t.Fatalf("held for %v, want 50 ms", took)
	}
}

func TestLongPollBounds(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(time.Now())
	f := startOn(t, Options{Clock: now}, func(c *Config, _ *store.Config) { c.MaxHeldPullsPerQueue, c.MaxSuspendTimeMills = 1, 400 })
	f.sendTo("T", "0")
	first := f.ask(code.PullMessage, replace(pullFields("G", "T", "1"), "sysFlag", "6", "suspendTimeoutMillis", "9223372036854775807")...)
	f.held(1)
	full := f.call(code.PullMessage, nil, replace(pullFields("G", "T", "1"), "sysFlag", "6")...)
	want(t, full, code.PullNotFound, "OFFSET_OVERFLOW_ONE")
	for name, want := range map[string]string{"minOffset": "0", "maxOffset": "1", "nextBeginOffset": "1"} {
		if got := full.Fields.String(name); got != want {
			t.Errorf("no more may be held: %s is %s, want %s", name, got, want)
		}
	}
	want(t, f.heldOut(now, first), code.PullNotFound, "OFFSET_OVERFLOW_ONE")
}

func TestHeldPullSeesChanges(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(time.Now())
	f := startOn(t, Options{Clock: now}, nil)
	f.sendTo("T", "0")
	answer := f.ask(code.PullMessage, replace(pullFields("G", "T", "1"), "sysFlag", "6", "suspendTimeoutMillis", "200")...)
	f.held(1)
	if err := f.Topics.Delete("T", func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	want(t, f.heldOut(now, answer), code.TopicNotExist, "topic[T] not exist, apply first please! "+faq)
}

// A held pull that panics is answered, and the broker goes on.
func TestHeldPullPanics(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	f.sendTo("T", "0")
	answer := f.ask(code.PullMessage, replace(pullFields("G", "T", "1"), "sysFlag", "6")...)
	f.held(1)
	h := f.Holds.Take("T", 0, 2, 0, true).Owned.(*heldPull)
	h.pull.group = nil
	h.b.wakers.put(h)
	if reply := <-answer; reply == nil || reply.Response() != code.SystemError || !strings.Contains(reply.Remark, "nil pointer") {
		t.Errorf("answered %v", reply)
	}
	f.sendTo("T", "1")
}

// heldOut lets time pass, at most twenty seconds, until a held pull is answered.
func (f *fixture) heldOut(now *clock.Fake, answer <-chan *protocol.Command) (reply *protocol.Command) {
	f.t.Helper()
	end := now.Now().Add(20 * time.Second)
	f.eventually("the hold to end", func() bool {
		if now.Now().Before(end) {
			now.Advance(20 * time.Millisecond)
		}
		select {
		case reply = <-answer:
			return true
		default:
			return false
		}
	})
	return reply
}

func TestClosedConnectionHoldsNothing(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	f.sendTo("T", "0")
	conn := f.raw()
	var frames []byte
	for i := range 100 {
		cmd := protocol.NewRequest(code.PullMessage, nil, nil)
		cmd.Fields, cmd.Opaque = fields(replace(pullFields("G", "T", "1"), "sysFlag", "6")...), int32(i)
		frames = protocol.AppendFrame(frames, cmd)
	}
	if _, err := conn.Write(frames); err != nil {
		t.Fatal(err)
	}
	f.held(100)
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	f.held(0)
}

func TestStopAnswersHeldPulls(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	f.sendTo("T", "0")
	answer := f.ask(code.PullMessage, replace(pullFields("G", "T", "1"), "sysFlag", "6")...)
	f.held(1)
	f.stop()
	if reply, ok := <-answer; ok {
		want(t, reply, code.PullNotFound, "OFFSET_OVERFLOW_ONE")
	} else {
		t.Fatal("the connection ended without an answer")
	}
}

// TestResetIsNotCommittedOver: the pull that fetches a reset brings the offset that
// the reset has made void.
func TestResetIsNotCommittedOver(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	for range 5 {
		f.sendTo("T", "x")
	}
	committing := func(at string) *protocol.Command {
		return f.call(code.PullMessage, nil, replace(pullFields("G", "T", at), "sysFlag", "5", "commitOffset", at)...)
	}
	want(t, committing("4"), code.Success, "FOUND")
	f.Offsets.AssignReset("G", "T", 0, 1)
	want(t, committing("4"), code.PullOffsetMoved, "OFFSET_RESET")
	if at := f.Offsets.Query("G", "T", 0); at != 1 {
		t.Errorf("committed is %d, want the reset's 1", at)
	}
	want(t, committing("2"), code.Success, "FOUND")
	if at := f.Offsets.Query("G", "T", 0); at != 2 {
		t.Errorf("committed is %d, want 2", at)
	}
}
