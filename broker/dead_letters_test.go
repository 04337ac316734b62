package broker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/skylarkmq/skylark/broker/deadletter"
	"github.com/skylarkmq/skylark/broker/topic"
	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/internal/javajson"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
)

// dead makes n dead letters of G.
func (f *fixture) dead(n int) {
	f.t.Helper()
	f.sendTo("T", "made")
	f.Groups.Find("G")
	for i := range n {
		want(f.t, f.call(code.SendMessageV2, fmt.Appendf(nil, "body %d", i), replace(sendFields("%RETRY%G"), "a", "G", "d", "1", "j", "17", "l", "16",
			"i", fmt.Sprintf("RETRY_TOPIC\x01T\x02KEYS\x01k%d\x02", i))...), code.Success, "")
	}
}

func (f *fixture) resend(pairs ...string) (page body.DeadLetterPage) {
	f.t.Helper()
	reply := f.call(code.SkylarkDeadLetterResend, nil, append([]string{"group", "G", "to", "retry"}, pairs...)...)
	want(f.t, reply, code.Success, "")
	if err := javajson.Unmarshal(reply.Body, &page); err != nil {
		f.t.Fatal(err)
	}
	return page
}

// keysIn are the keys of what a topic has, queue by queue.
func (f *fixture) keysIn(topic string) string {
	var keys []string
	for q := range int32(4) {
		_, recs := f.Store.Get(&store.GetRequest{Topic: topic, QueueID: q, MaxCount: 32}, nil)
		for len(recs) > 0 {
			var v message.View
			if err := message.Decode(recs, &v); err != nil {
				f.t.Fatal(err)
			}
			recs = recs[v.Size:]
			key, _ := message.Property(v.Properties, "KEYS")
			keys = append(keys, string(key))
		}
	}
	return strings.Join(keys, " ")
}

// TestResendBrokenOff: a crash between the append of a batch and the note of it. What
// is in the log was sent, what is not was not.
func TestResendBrokenOff(t *testing.T) {
	t.Parallel()
	cfg, st := DefaultConfig(), store.Defaults()
	cfg.BrokerName, cfg.BrokerIP1, cfg.BrokerIP2, cfg.NamesrvAddr = "test-a", "127.0.0.1", "127.0.0.1", ""
	small(&st)
	st.StorePathRootDir = t.TempDir()
	again := func() *fixture {
		c, s := cfg, st
		return startWith(t, Options{Config: config.NewSection(c), Store: config.NewSection(s)})
	}
	f := again()
	f.dead(6)
	if page := f.resend("max", "1"); len(page.Letters) != 1 || !page.Letters[0].Sent || page.NextOffset != 1 {
		t.Fatalf("%+v", page)
	}
	// The second batch is of letters 1 to 4; only 1 and 3 get into the log.
	q := deadletter.Queue{Topic: "%DLQ%G"}
	units, _, _, _ := f.Store.Units("%DLQ%G", 0, 0, 6)
	intent := deadletter.Intent{Queue: q, LogEnd: f.Store.MaxPhyOffset()}
	for offset := int64(1); offset <= 4; offset++ {
		intent.Letters = append(intent.Letters, deadletter.Letter{Offset: offset, Phy: units[offset].PhyOffset})
	}
	if err := f.letters.table.Begin(intent); err != nil {
		t.Fatal(err)
	}
	if err := f.letters.file.persist(); err != nil {
		t.Fatal(err)
	}
	for _, offset := range []int64{1, 3} {
		props := resentProperties(fmt.Appendf(nil, "RETRY_TOPIC\x01T\x02KEYS\x01k%d\x02", offset), q, offset, toRetry, "T")
		m := message.Message{Topic: "%RETRY%G", BornHost: f.Addr(), StoreHost: f.Addr(), Body: []byte("x"), Properties: props}
		if res := f.Store.Put(&m); res.Status != store.PutOK {
			t.Fatal(res.Status)
		}
	}
	f.stop()

	f = again()
	if page := f.resend(); len(page.Letters) != 3 || page.NextOffset != -1 {
		t.Fatalf("%+v", page)
	}
	if got := f.keysIn("%RETRY%G"); got != "k0 k1 k3 k2 k4 k5" {
		t.Errorf("in the retry topic: %s", got)
	}
	if page := f.resend(); len(page.Letters) != 0 {
		t.Errorf("sent twice: %+v", page)
	}
	f.stop()
	f = again()
	if page := f.resend(); len(page.Letters) != 0 {
		t.Errorf("sent twice after a restart: %+v", page)
	}
}

// TestUnreadableDeadLetter: a letter that cannot be read now is neither the end of the list nor
// passed over. Those before it are shown and sent, then the operator hears of it.
func TestUnreadableDeadLetter(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	in := func(s *store.Config) { s.StorePathRootDir = root }
	f, _ := startFaulty(t, in)
	f.dead(4)
	f.stop()
	f, disk := startFaulty(t, in)
	units, _, _, _ := f.Store.Units("%DLQ%G", 0, 2, 1)
	for _, rule := range []string{"map commitlog/*", "tryread commitlog/*", fmt.Sprintf("pread commitlog/* at=%d", units[0].PhyOffset+20)} {
		inject(t, disk, rule)
	}
	refused := func(c code.Request, pairs ...string) {
		t.Helper()
		reply := f.call(c, nil, append([]string{"group", "G", "to", "retry"}, pairs...)...)
		if reply.Response() != code.SystemError || !strings.Contains(reply.Remark, "of queue 0 cannot be read now, from offset 2 on") {
			t.Errorf("%s: %s %q", c, reply.Response(), reply.Remark)
		}
	}
	var page body.DeadLetterPage
	reply := f.call(code.SkylarkDeadLetters, nil, "group", "G", "max", "100")
	want(t, reply, code.Success, "")
	if err := javajson.Unmarshal(reply.Body, &page); err != nil || len(page.Letters) != 2 || page.NextOffset != 2 {
		t.Errorf("%d letters, go on at %d, %v", len(page.Letters), page.NextOffset, err)
	}
	refused(code.SkylarkDeadLetters, "from", "2")
	refused(code.SkylarkDeadLetterShow, "offset", "2")
	if page := f.resend("max", "100"); len(page.Letters) != 2 || !page.Letters[1].Sent || page.NextOffset != 2 {
		t.Errorf("sent: %d letters, go on at %d", len(page.Letters), page.NextOffset)
	}
	refused(code.SkylarkDeadLetterResend, "from", "2")
	disk.Heal()
	if page := f.resend("from", "2", "max", "100"); len(page.Letters) != 2 || !page.Letters[1].Sent || page.NextOffset != -1 {
		t.Errorf("after it: %d letters, go on at %d", len(page.Letters), page.NextOffset)
	}
}

// TestResendLargeLetters: a batch ends by its size, too.
func TestResendLargeLetters(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	f.dead(1)
	for range 3 {
		want(t, f.call(code.SendMessageV2, make([]byte, maxResendBytes/2), replace(sendFields("%RETRY%G"), "a", "G", "d", "1", "j", "17", "l", "16",
			"i", "RETRY_TOPIC\x01T\x02")...), code.Success, "")
	}
	if page := f.resend(); len(page.Letters) != 3 || page.NextOffset != 3 {
		t.Fatalf("%d letters, go on at %d", len(page.Letters), page.NextOffset)
	}
	if page := f.resend("from", "3"); len(page.Letters) != 1 || !page.Letters[0].Sent || page.NextOffset != -1 {
		t.Fatalf("%d letters, go on at %d", len(page.Letters), page.NextOffset)
	}
}

// TestDeadLetterTopicMadeAnew: what was sent of the old topic says nothing of the new
// one, also while that has fewer letters.
func TestDeadLetterTopicMadeAnew(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	f.dead(3)
	if page := f.resend(); len(page.Letters) != 3 {
		t.Fatalf("%+v", page)
	}
	want(t, f.call(code.DeleteTopicInBroker, nil, "topic", "%DLQ%G"), code.Success, "")
	f.dead(1)
	if page := f.resend(); len(page.Letters) != 1 || !page.Letters[0].Sent {
		t.Fatalf("of the new topic: %+v", page)
	}
}

// TestPurgeOfNothingSensible: a number that makes no sense does not mean all.
func TestPurgeOfNothingSensible(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	f.sendTo("T", "a")
	for _, pairs := range [][]string{{"before", "-1"}, {"queueId", "0", "offset", "-2"}, {"queueId", "-2"}} {
		reply := f.call(code.SkylarkPurgeTopic, nil, append([]string{"topic", "T", "write", "true"}, pairs...)...)
		if reply.Response() != code.InvalidParameter || f.Store.MinOffset("T", 0) != 0 {
			t.Errorf("%v: %s %q, minimum %d", pairs, reply.Response(), reply.Remark, f.Store.MinOffset("T", 0))
		}
	}
}

// TestResendRefused: what a request may not ask.
func TestResendRefused(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	f.dead(1)
	ask := func(c code.Request, wanted code.Response, remark string, pairs ...string) {
		t.Helper()
		want(t, f.call(c, nil, pairs...), wanted, remark)
	}
	ask(code.SkylarkDeadLetterResend, code.InvalidParameter, `dead letters go to "retry" or to "origin"`, "group", "G")
	ask(code.SkylarkDeadLetterResend, code.TopicNotExist, "group none has no dead letters on this broker", "group", "none", "to", "retry")
	ask(code.SkylarkDeadLetters, code.TopicNotExist, "group \ufffd has no dead letters on this broker", "group", "\xff")
	ask(code.SkylarkDeadLetterShow, code.QueryNotFound, "group G has no dead letter at offset -1 of queue -5", "group", "G", "offset", "-1", "queueId", "-5")
	for _, hostile := range [][]string{
		{"queueId", "-3", "from", "-9", "max", "-1"}, {"queueId", "2147483647", "from", "9223372036854775807"}, {"max", "2147483647", "begin", "-1", "end", "-1"},
	} {
		want(t, f.call(code.SkylarkDeadLetters, nil, append([]string{"group", "G"}, hostile...)...), code.Success, "")
	}
	g := *f.Groups.Find("G")
	g.RetryQueueNums = 0
	if err := f.Groups.Put(&g); err != nil {
		t.Fatal(err)
	}
	ask(code.SkylarkDeadLetterResend, code.InvalidParameter, "group G has no retries (retryQueueNums 0): send them to their origin", "group", "G", "to", "retry")
}

// TestResendWhereItIsRead: letters go into queues that a consumer sees, also of topics
// that have more of them to write than to read, and stay where they are when there is none.
func TestResendWhereItIsRead(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	f.dead(8)
	change := func(name string, read, write, perm int32) {
		t.Helper()
		c := f.Topics.Get(name).Clone()
		c.ReadQueueNums, c.WriteQueueNums, c.Perm = read, write, perm
		if err := f.Topics.Put(c); err != nil {
			t.Fatal(err)
		}
	}
	f.retryQueues("G", 3)
	change("%RETRY%G", 1, 4, topic.PermRead|topic.PermWrite)
	if page := f.resend("max", "4"); len(page.Letters) != 4 || !page.Letters[3].Sent {
		t.Fatalf("%+v", page)
	}
	if c := f.Topics.Get("%RETRY%G"); c.ReadQueueNums != 3 || f.Store.MaxOffset("%RETRY%G", 3) != 0 {
		t.Errorf("%d letters in queue 3 of %v", f.Store.MaxOffset("%RETRY%G", 3), c)
	}
	change("T", 2, 4, topic.PermRead|topic.PermWrite)
	before := f.Store.MaxOffset("T", 2) + f.Store.MaxOffset("T", 3)
	if page := f.resend("to", "origin", "from", "4", "max", "2"); len(page.Letters) != 2 || !page.Letters[1].Sent {
		t.Fatalf("%+v", page)
	}
	if after := f.Store.MaxOffset("T", 2) + f.Store.MaxOffset("T", 3); after != before {
		t.Errorf("%d letters where nobody reads", after-before)
	}
	change("%RETRY%G", 3, 4, topic.PermWrite)
	change("T", 0, 4, topic.PermRead|topic.PermWrite)
	for to, problem := range map[string]string{toRetry: "topic %RETRY%G is not readable", toOrigin: "topic T is not readable"} {
		if page := f.resend("to", to, "from", "6", "max", "1"); len(page.Letters) != 1 || page.Letters[0].Sent || page.Letters[0].Problem != problem {
			t.Errorf("to %s: %+v", to, page)
		}
	}
}

// TestFailureReason: a consumer may say why, the last word stays.
func TestFailureReason(t *testing.T) {
	t.Parallel()
	f := start(t, func(_ *Config, s *store.Config) { s.MessageDelayLevel = "0s 0s 0s 0s 1s" })
	first := f.stored(t, f.sendTo("T", "hopeless"))
	want(t, f.back(first.PhyOffset, "failureReason", "no such order\x01\x02\n"), code.Success, "")
	second := f.last("%RETRY%G")
	if got, _ := message.Property(second.Properties, message.PropertyFailureReason); string(got) != "no such order   " {
		t.Errorf("%q", got)
	}
	want(t, f.back(second.PhyOffset, "delayLevel", "-1", "failureReason", strings.Repeat("x", 5000)), code.Success, "")
	third := f.last("%DLQ%G")
	if got, _ := message.Property(third.Properties, message.PropertyFailureReason); string(got) != strings.Repeat("x", 1024) {
		t.Errorf("%q", got)
	}
	want(t, f.back(third.PhyOffset, "delayLevel", "-1"), code.Success, "") // no reason: the last one stays
	fourth := f.await("%DLQ%G", 2)[1]
	if got, _ := message.Property(fourth.Properties, message.PropertyFailureReason); len(got) != 1024 {
		t.Errorf("%q", got)
	}
}

func TestDeadLetterMetrics(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *Config, _ *store.Config) { c.MetricsExporterType, c.MetricsPromExporterPort = "PROM", 0 })
	f.dead(3)
	const labels = `{cluster="DefaultCluster",consumer_group="G",node_id="test-a",node_type="broker",otel_scope_name="broker-meter"} `
	for _, step := range []string{"3", "2"} {
		if text := f.scrape(); !strings.Contains(text, "skylark_dead_letters"+labels+step+"\n") ||
			!strings.Contains(text, "skylark_dead_letters_oldest_age_seconds"+labels+"0\n") {
			t.Errorf("not %s dead letters:\n%s", step, text)
		}
		f.resend("max", "1")
	}
}
