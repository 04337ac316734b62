package broker

import (
	"fmt"
	"net"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/filter"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
)

// Bad inputs of consumers, over sockets: each answered as Java would or refused,
// none at the cost of memory, of the process, or of another client.

// TestHostilePulls: offsets and numbers out of all range.
func TestHostilePulls(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	for range 5 {
		f.sendTo("T", "x")
	}
	for _, row := range []struct {
		name   string
		fields []string
		code   code.Response
		remark string
		next   string
	}{
		{"before the beginning", pullFields("G", "T", "-1"), code.PullOffsetMoved, "OFFSET_TOO_SMALL", "0"},
		{"the smallest long", pullFields("G", "T", "-9223372036854775808"), code.PullOffsetMoved, "OFFSET_TOO_SMALL", "0"},
		{"the largest long", pullFields("G", "T", "9223372036854775807"), code.PullOffsetMoved, "OFFSET_OVERFLOW_BADLY", "5"},
		{"no messages at most", replace(pullFields("G", "T", "0"), "maxMsgNums", "0"), code.Success, "FOUND", "1"}, // the first one always comes
		{"less than none", replace(pullFields("G", "T", "0"), "maxMsgNums", "-1"), code.Success, "FOUND", "1"},
		{"as many as an int says", replace(pullFields("G", "T", "0"), "maxMsgNums", "2147483647"), code.Success, "FOUND", "5"},
		{"a commit beyond the end", replace(pullFields("G", "T", "0"), "sysFlag", "5", "commitOffset", "9223372036854775807"), code.Success, "FOUND", "5"},
	} {
		reply := f.call(code.PullMessage, nil, row.fields...)
		if got := reply.Fields.String("nextBeginOffset"); reply.Response() != row.code || reply.Remark != row.remark || got != row.next {
			t.Errorf("%s: %d %q, next %s; want %d %q, next %s", row.name, reply.Code, reply.Remark, got, row.code, row.remark, row.next)
		}
	}
	if reply := f.call(code.PullMessage, nil, replace(pullFields("G", "T", "0"), "maxMsgNums", "2147483648")...); reply.Response() != code.SystemError {
		t.Errorf("more than an int: %d %q", reply.Code, reply.Remark)
	}
	f.stillWorks()
}

// TestParkedPulls: pulls that want to wait for ever. They wait no longer than a broker
// lets them, take little memory, and a full house answers at once. Not in parallel: the heap is everybody's.
func TestParkedPulls(t *testing.T) {
	const most, asked = 10_000, 11_000
	f := start(t, func(c *Config, _ *store.Config) { c.MaxHeldPulls, c.MaxHeldPullsPerQueue = most, most })
	f.sendTo("T", "x")
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	conns := make([]net.Conn, 20)
	for i := range conns {
		conns[i] = f.raw()
		var frames []byte
		for range asked / len(conns) {
			cmd := protocol.NewRequest(code.PullMessage, nil, nil)
			cmd.Fields = fields(replace(pullFields("G", "T", "1"), "sysFlag", "6", "suspendTimeoutMillis", "9223372036854775807")...)
			frames = protocol.AppendFrame(frames, cmd)
		}
		go func() { _, _ = conns[i].Write(frames) }()
	}
	f.eventually("the house to be full", func() bool { return f.Holds.Len() == most })
	var after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&after)
	if each := int64(after.HeapAlloc-before.HeapAlloc) / most; each > 4096 {
		t.Errorf("%d bytes a parked pull", each)
	}
	f.sendTo("T", "y") // everybody is woken and answered
	f.eventually("all to be answered", func() bool { return f.Holds.Len() == 0 })
	for _, c := range conns {
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if reply := readFrame(t, c); !reply.IsResponse() {
			t.Fatalf("got %+v", reply)
		}
	}
	f.stillWorks()
}

// eventually polls for what other connections bring about.
func (f *fixture) eventually(what string, done func() bool) {
	f.t.Helper()
	for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(2 * time.Millisecond) {
		if done() {
			return
		}
	}
	f.t.Fatalf("gave up waiting for %s", what)
}

// TestHostileExpressions: expressions and tags that are too much, in pulls, heartbeats and
// questions at the start of a consumer.
func TestHostileExpressions(t *testing.T) {
	t.Parallel()
	f := startFiltering(t)
	for i := range 3 {
		f.priced("T", i)
	}
	for name, expression := range map[string]string{
		"1 MB":                     strings.Repeat("a = 1 OR ", 1<<17) + "a = 1",
		"10,000 deep":              strings.Repeat("(", 10_000) + "a = 1" + strings.Repeat(")", 10_000),
		"10,000 negations":         strings.Repeat("NOT ", 10_000) + "TRUE",
		"one long name":            strings.Repeat("a", 1<<20) + " = 1",
		"one long text":            "a = '" + strings.Repeat("x", 1<<20) + "'",
		"LIKE with many wildcards": "a LIKE '" + strings.Repeat("%a", 50_000) + "'",
		"division by zero":         "1 / 0 = 1",
		"not UTF-8":                "a = '\xff\xfe'",
		"a number beyond a long":   "a = 99999999999999999999999999",
	} {
		began := time.Now()
		reply := f.call(code.PullMessage, nil, replace(pullFields("H", "T", "0"), "subscription", expression, "expressionType", "SQL92")...)
		if c := reply.Response(); c != code.SubscriptionParseFailed && c != code.Success && c != code.PullRetryImmediately {
			t.Errorf("%s: %d %.100q", name, reply.Code, reply.Remark)
		}
		f.beat("G", "CLUSTERING", bySQL("T", expression, time.Now().UnixMilli()))
		data, err := body.Encode(body.CheckClientRequestBody{
			ClientId: "c", Group: "G", SubscriptionData: &body.SubscriptionData{Topic: "T", SubString: expression, ExpressionType: filter.SQL92},
		})
		if err != nil {
			t.Fatal(err)
		}
		f.call(code.CheckClientConfig, data)
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
	tags := strings.Repeat("||", 50_000)
	want(t, f.call(code.PullMessage, nil, replace(pullFields("H", "T", "0"), "subscription", tags)...), code.SubscriptionParseFailed, remarkNotParsed)
	many := make([]string, 100_000)
	for i := range many {
		many[i] = "t" + strconv.Itoa(i)
	}
	reply := f.call(code.PullMessage, nil, replace(pullFields("H", "T", "0"), "subscription", strings.Join(many, "||"))...)
	if c := reply.Response(); c != code.PullRetryImmediately && c != code.SubscriptionParseFailed {
		t.Errorf("100,000 tags: %d %q", reply.Code, reply.Remark)
	}
	f.stillWorks()
}

// TestHostileOffsets: commits backwards, beyond all ends, into other groups, and
// resets to times that nobody means.
func TestHostileOffsets(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	f.sendTo("T", "x")
	f.beat("Mine", "CLUSTERING", all("T"))
	f.beat("Theirs", "CLUSTERING", all("T"))
	f.Offsets.Commit("Theirs", "T", 0, 1)
	for _, offset := range []string{"9223372036854775807", "-1", "-9223372036854775808", "0"} {
		want(t, f.call(code.UpdateConsumerOffset, nil, "consumerGroup", "Mine", "topic", "T", "queueId", "0", "commitOffset", offset), code.Success, "")
	}
	for i := range 70_000 { // queues that do not exist
		cmd := protocol.NewRequest(code.UpdateConsumerOffset, nil, nil)
		cmd.Fields = fields("consumerGroup", "Mine", "topic", "T", "queueId", fmt.Sprint(i), "commitOffset", "1")
		if err := f.client.OneWay(f.addr, cmd); err != nil {
			t.Fatal(err)
		}
	}
	f.call(code.QueryConsumerOffset, nil, "consumerGroup", "Mine", "topic", "T", "queueId", "0")
	if got := f.Offsets.Query("Mine", "T", 3); got != 1 {
		t.Errorf("a one-way commit: offset %d, want 1", got)
	}
	if n := len(f.Offsets.Queues("Mine", "T")); n != 4 {
		t.Errorf("%d queues with an offset, want the topic's 4", n)
	}
	if got := f.Offsets.Query("Theirs", "T", 0); got != 1 {
		t.Errorf("another group's offset is %d", got)
	}
	reset := func(fields ...string) *protocol.Command {
		return f.call(code.InvokeBrokerToResetOffset, nil, append([]string{"topic", "T", "group", "Theirs", "isForce", "true"}, fields...)...)
	}
	for _, timestamp := range []string{"-1", "-9223372036854775808", "9223372036854775807", "0"} {
		want(t, reset("timestamp", timestamp), code.Success, "")
		if got := f.Offsets.Query("Theirs", "T", 0); got < 0 || got > 1 {
			t.Errorf("reset to time %s: offset %d", timestamp, got)
		}
	}
	for _, offset := range []string{"-2", "9223372036854775807", "3"} {
		if reply := reset("timestamp", "0", "queueId", "0", "offset", offset); reply.Response() != code.SystemError {
			t.Errorf("reset to offset %s: %d %q", offset, reply.Code, reply.Remark)
		}
	}
	f.stillWorks()
}

// TestHostileHeartbeats: bodies and names that are too long, and too many groups.
func TestHostileHeartbeats(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *Config, _ *store.Config) { c.MaxGroupNums, c.MaxTopicNums = 500, 500 })
	f.sendTo("Good", "x")
	f.beat("Good", "CLUSTERING", all("Good"))
	groups := func(n int) []byte {
		var text strings.Builder
		text.WriteString(`{"clientID":"c","consumerDataSet":[`)
		for i := range n {
			if i > 0 {
				text.WriteByte(',')
			}
			fmt.Fprintf(&text, `{"groupName":"H%d","consumeType":"CONSUME_PASSIVELY","messageModel":"CLUSTERING","subscriptionDataSet":[{"topic":"T%d","subString":"*"}]}`, i, i)
		}
		text.WriteString(`]}`)
		return []byte(text.String())
	}
	for name, data := range map[string][]byte{
		"15 MiB":              []byte(`{"clientID":"` + strings.Repeat("x", 15<<20) + `"}`),
		"client id of 1 MiB":  []byte(`{"clientID":"` + strings.Repeat("x", 1<<20) + `"}`),
		"100,000 groups":      groups(100_000),
		"no client id":        []byte(`{"consumerDataSet":[{"groupName":"G"}]}`),
		"subscriptions alone": []byte(`{"clientID":"c","consumerDataSet":[{"groupName":"G","subscriptionDataSet":[` + strings.Repeat("{},", 1<<16+1) + `]}]}`),
		"producers alone":     []byte(`{"clientID":"c","producerDataSet":[` + strings.Repeat("{},", 1<<17+1) + `]}`),
		"names from the edge": []byte(`{"clientID":"c","consumerDataSet":[null,{},{"groupName":null}]}`),
	} {
		reply := f.call(code.HeartBeat, data)
		if c := reply.Response(); c != code.SystemError && (c != code.Success || name != "names from the edge") {
			t.Errorf("%s: %d %.100q", name, reply.Code, reply.Remark)
		}
	}
	want(t, f.call(code.HeartBeat, groups(2000)), code.Success, "") // as many groups as are allowed are made
	if n := f.Groups.Len(); n > 500 {
		t.Errorf("%d groups", n)
	}
	if n := f.Topics.Len(); n > 500 {
		t.Errorf("%d topics", n)
	}
	f.stillWorks()
}

// TestForeignLocks: whoever does not hold a lock cannot give it back.
func TestForeignLocks(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	if n := f.locked(code.LockBatchMQ, "owner", false, 0, 1, 1, 1); n != 2 {
		t.Fatalf("%d locked, want 2", n)
	}
	for _, stranger := range []string{"stranger", "", "Owner", "owner\x00"} {
		f.locked(code.UnlockBatchMQ, stranger, false, 0, 1)
		if n := f.locked(code.LockBatchMQ, stranger, false, 0, 1); n != 0 {
			t.Errorf("%q took %d locks of another", stranger, n)
		}
	}
	if reply := f.call(code.LockBatchMQ, []byte(`{"consumerGroup":"G","clientId":"`+strings.Repeat("x", 2000)+`","mqSet":[]}`)); reply.Response() != code.SystemError {
		t.Errorf("a long client id: %d", reply.Code)
	}
	if n := f.locked(code.LockBatchMQ, "owner", false, 0, 1); n != 2 {
		t.Errorf("the owner holds %d", n)
	}
	for _, length := range []int{1 << 20, 9 << 20} { // empty queues unfold to too much; nobody locks so many
		data := `{"consumerGroup":"G","clientId":"c","mqSet":[` + strings.Repeat("{},", length/3) + `]}`
		if reply := f.call(code.LockBatchMQ, []byte(data)); reply.Response() != code.SystemError {
			t.Errorf("%d bytes of empty queues: %d", length, reply.Code)
		}
	}
	f.stillWorks()
}
