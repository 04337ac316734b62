package broker

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/filter"
	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
)

func startFiltering(t testing.TB) *fixture {
	t.Helper()
	return start(t, func(c *Config, _ *store.Config) { c.EnablePropertyFilter = true })
}

func bySQL(topic, expression string, version int64) body.SubscriptionData {
	return body.SubscriptionData{Topic: topic, SubString: expression, ExpressionType: filter.SQL92, SubVersion: version}
}

// priced sends a message with a price.
func (f *fixture) priced(topic string, price int) {
	f.t.Helper()
	f.sendTo(topic, fmt.Sprint(price), "i", fmt.Sprintf("price\x01%d\x02TAGS\x01A\x02", price))
}

func bodies(t testing.TB, reply *protocol.Command) string {
	t.Helper()
	var list []string
	for _, v := range decodeAll(t, reply.Body) {
		list = append(list, string(v.Body))
	}
	return strings.Join(list, " ")
}

// beaten is a pull of a group that filters by its heartbeat.
func beaten(group, topic, offset string, more ...string) []string {
	return replace(pullFields(group, topic, offset), append([]string{"sysFlag", "0", "subscription", ""}, more...)...)
}

func TestPullBySQL(t *testing.T) {
	t.Parallel()
	f := startFiltering(t)
	for i := range 10 {
		f.priced("T", i*100)
	}
	want(t, f.beat("G", "CLUSTERING", bySQL("T", "price BETWEEN 300 AND 500 OR price = 900", 5)), code.Success, "")
	for _, row := range []struct {
		name   string
		fields []string
		code   code.Response
		remark string
		bodies string
		next   string
	}{
		{"by heartbeat", beaten("G", "T", "0"), code.Success, "FOUND", "300 400 500 900", "10"},
		{"of the right version", beaten("G", "T", "4", "subVersion", "5"), code.Success, "FOUND", "400 500 900", "10"},
		{"in the request", replace(pullFields("H", "T", "0"), "subscription", "price < 200", "expressionType", "SQL92"), code.Success, "FOUND", "0 100", "10"},
		{
			"none of all", replace(pullFields("H", "T", "0"), "subscription", "price > 5000", "expressionType", "SQL92"), code.PullRetryImmediately,
			"NO_MATCHED_MESSAGE", "", "10",
		},
		{
			"nothing compares", replace(pullFields("H", "T", "0"), "subscription", "TAGS > 5", "expressionType", "SQL92"), code.PullRetryImmediately,
			"NO_MATCHED_MESSAGE", "", "10",
		},
		{"broken, in the request", replace(pullFields("H", "T", "8"), "subscription", "price >", "expressionType", "SQL92"), code.Success, "FOUND", "800 900", "10"},
		{"type of nobody", replace(pullFields("H", "T", "8"), "subscription", "x", "expressionType", "XPATH"), code.Success, "FOUND", "800 900", "10"},
		{
			"long, in the request", replace(pullFields("H", "T", "0"), "subscription", strings.Repeat("price = 1 OR ", 500)+"price = 700", "expressionType", "SQL92"),
			code.Success, "FOUND", "700", "10",
		},
		{
			"too long", replace(pullFields("H", "T", "0"), "subscription", strings.Repeat(" ", filter.MaxExpression)+"a", "expressionType", "SQL92"),
			code.SubscriptionParseFailed, remarkNotParsed, "", "",
		},
	} {
		reply := f.call(code.PullMessage, nil, row.fields...)
		if reply.Response() != row.code || reply.Remark != row.remark {
			t.Errorf("%s: %d %q, want %d %q", row.name, reply.Code, reply.Remark, row.code, row.remark)
		}
		if got := bodies(t, reply); got != row.bodies {
			t.Errorf("%s: messages %q, want %q", row.name, got, row.bodies)
		}
		if got := reply.Fields.String("nextBeginOffset"); got != row.next {
			t.Errorf("%s: goes on at %q, want %q", row.name, got, row.next)
		}
	}
}

func TestFilterDataOfHeartbeats(t *testing.T) {
	t.Parallel()
	f := startFiltering(t)
	f.priced("T", 1)
	want(t, f.beat("G", "CLUSTERING", bySQL("T", "price >", 5)), code.Success, "") // a heartbeat is never refused for it
	want(t, f.call(code.PullMessage, nil, beaten("G", "T", "0")...), code.FilterDataNotExist, remarkNoFilterData)
	want(t, f.beat("G", "CLUSTERING", bySQL("T", "price > 0", 6)), code.Success, "")
	want(t, f.call(code.PullMessage, nil, beaten("G", "T", "0")...), code.Success, "FOUND")
	want(t, f.beat("G", "CLUSTERING", bySQL("T", "price >", 7)), code.Success, "")
	want(t, f.call(code.PullMessage, nil, beaten("G", "T", "0", "subVersion", "7")...), code.FilterDataNotExist, remarkNoFilterData)
	want(t, f.beat("G", "CLUSTERING", bySQL("T", "price > 1", 8)), code.Success, "")
	want(t, f.call(code.PullMessage, nil, beaten("G", "T", "0", "subVersion", "8")...), code.PullRetryImmediately, "NO_MATCHED_MESSAGE")

	f.call(code.UnregisterClient, nil, "clientID", "c1", "consumerGroup", "G")
	if d := f.Filters.Get("T", "G"); d == nil || !d.IsDead() {
		t.Errorf("filter data of a group that left: %+v", d)
	}
	want(t, f.beat("G", "CLUSTERING", bySQL("T", "price > 1", 8)), code.Success, "")
	if d := f.Filters.Get("T", "G"); d == nil || d.IsDead() {
		t.Errorf("filter data of a group that came back: %+v", d)
	}
}

// Versions of the filter data and of the subscription come apart when two clients
// race; the pull is told to wait for the next heartbeat.
func TestFilterDataNotLatest(t *testing.T) {
	t.Parallel()
	f := startFiltering(t)
	f.priced("T", 1)
	want(t, f.beat("G", "CLUSTERING", bySQL("T", "price > 0", 9)), code.Success, "")
	f.Filters.Register("G", nil)
	p := pull{subVersion: 10, sub: &filter.Subscription{Topic: "T", ExpressionType: filter.SQL92}, topic: f.Topics.Get("T"), group: f.Groups.Get("G")}
	if r := f.filterBy(&p); r.code != code.FilterDataNotLatest || r.remark != remarkOldFilterData {
		t.Errorf("%+v", r)
	}
}

func TestCheckClientConfigBySQL(t *testing.T) {
	t.Parallel()
	f := startFiltering(t)
	for _, row := range []struct {
		kind, expression string
		code             code.Response
		remark           string
	}{
		{"SQL92", "a > 1", code.Success, ""},
		{
			"SQL92", "a BETWEEN 3 AND 1", code.SubscriptionParseFailed,
			"java.lang.RuntimeException: Illegal values of between, left value(3) must less than or equal to right value(1)",
		},
		{"SQL92", "a CONTAINS 1", code.SubscriptionParseFailed, "org.apache.rocketmq.filter.parser.ParseException: " +
			"Encountered \" <DECIMAL_LITERAL> \"1 \"\" at line 1, column 12.\nWas expecting:\n    <STRING_LITERAL> ...\n    "},
		{"XPATH", "a", code.SubscriptionParseFailed, filter.ErrType.Error()},
	} {
		data, err := body.Encode(body.CheckClientRequestBody{ClientId: "c", Group: "G", SubscriptionData: &body.SubscriptionData{
			Topic: "T", SubString: row.expression, ExpressionType: row.kind,
		}})
		if err != nil {
			t.Fatal(err)
		}
		want(t, f.call(code.CheckClientConfig, data), row.code, row.remark)
	}
}

// A held pull sleeps through messages it does not want, and its offset moves on.
func TestLongPollBySQL(t *testing.T) {
	t.Parallel()
	f := startFiltering(t)
	f.priced("T", 1)
	wait := f.ask(code.PullMessage, replace(pullFields("G", "T", "1"), "sysFlag", "6", "subscription", "price > 100", "expressionType", "SQL92")...)
	f.held(1)
	for i := range 3 {
		f.priced("T", i)
	}
	f.held(1)
	f.priced("T", 500)
	reply := <-wait
	want(t, reply, code.Success, "FOUND")
	if got := bodies(t, reply); got != "500" || reply.Fields.String("nextBeginOffset") != "5" {
		t.Fatalf("woken with %q", got)
	}

	wait = f.ask(code.PullMessage, replace(pullFields("G", "T", "5"), "sysFlag", "6", "suspendTimeoutMillis", "700", "subscription", "price > 100",
		"expressionType", "SQL92")...)
	f.held(1)
	f.priced("T", 1)
	reply = <-wait // at its time-out
	want(t, reply, code.PullRetryImmediately, "NO_MATCHED_MESSAGE")
	if got := reply.Fields.String("nextBeginOffset"); got != "6" {
		t.Fatalf("goes on at %s, want 6", got)
	}
}

// An expression with more nodes than a loop evaluates for a pull is not evaluated there for a
// held one either, nor by those who wake everybody else.
func TestSlowFilterIsNotEvaluatedOnTheLoop(t *testing.T) {
	t.Parallel()
	f := startFiltering(t)
	f.priced("T", 1)
	f.beat("G", "CLUSTERING", bySQL("T", "price > 100"+strings.Repeat(" AND price > 100", inlineNodes), 5))
	answer := f.ask(code.PullMessage, beaten("G", "T", "1", "sysFlag", "2")...)
	f.held(1)
	p := f.Holds.Take("T", 0, 2, 0, true)
	h := p.Owned.(*heldPull)
	if h.rerun(true, false) || h.rerun(false, false) {
		t.Fatal("evaluated where others wait")
	}
	f.Holds.Add(p)
	f.priced("T", 1)
	f.priced("T", 101)
	if got := bodies(t, <-answer); got != "101" {
		t.Errorf("got %q", got)
	}
}

// A pull by tags that asks for a million messages is not scanned for on the loop.
func TestLargeScanIsNotTheLoops(t *testing.T) {
	t.Parallel()
	f := startFiltering(t)
	f.sendTo("T", string(batchBody(slices.Repeat([]string{"x"}, inlineUnits+1)...)), "m", "true")
	tagged, err := filter.Build("T", "A", "TAG", 0)
	if err != nil {
		t.Fatal(err)
	}
	all, err := filter.Build("T", "*", "TAG", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name    string
		sub     *filter.Subscription
		maxMsgs int
		offset  int64
		slow    bool
	}{
		{"a million", tagged, 1 << 20, 0, true},
		{"as many as clients may ask for", tagged, inlineUnits, 0, false},
		{"a million that are not there", tagged, 1 << 20, 10, false},
		{"a million of any tag: these are counted in bytes", all, 1 << 20, 0, false},
	} {
		p := &pull{topic: f.Topics.Get("T"), sub: row.sub, maxMsgs: row.maxMsgs, offset: row.offset}
		if got := f.slow(p); got != row.slow {
			t.Errorf("%s: slow %v", row.name, got)
		}
	}
}

func TestFilterDataSurvivesRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	begin := func() *fixture {
		return start(t, func(c *Config, s *store.Config) { c.EnablePropertyFilter, s.StorePathRootDir = true, dir })
	}
	f := begin()
	want(t, f.beat("G", "CLUSTERING", bySQL("T", "price > 0", 6)), code.Success, "")
	f.stop()
	data, err := os.ReadFile(filepath.Join(dir, "config", "consumerFilter.json"))
	if err != nil || !strings.Contains(string(data), `"expression":"price > 0"`) {
		t.Fatalf("%s, %v", data, err)
	}
	f = begin()
	if d := f.Filters.Get("T", "G"); d == nil || !d.IsDead() || d.ClientVersion != 6 {
		t.Fatalf("%+v", d)
	}
	want(t, f.beat("G", "CLUSTERING", bySQL("T", "price > 0", 7)), code.Success, "")
	if d := f.Filters.Get("T", "G"); d.IsDead() || d.ClientVersion != 7 {
		t.Fatalf("%+v", d)
	}
}

// filterSupportRetry: the messages of a retry topic by the filter of their origin.
func TestRetryFilter(t *testing.T) {
	t.Parallel()
	f := startFiltering(t)
	want(t, f.beat("G", "CLUSTERING", bySQL("T", "price > 100", 6)), code.Success, "")
	filter := retryFilter{f.Filters, "G"}
	for _, row := range []struct {
		properties string
		want       bool
	}{
		{"RETRY_TOPIC\x01T\x02price\x01500\x02", true},
		{"RETRY_TOPIC\x01T\x02price\x015\x02", false},
		{"RETRY_TOPIC\x01U\x02price\x015\x02", true},
		{"price\x015\x02", true},
	} {
		rec, err := message.Encoding{}.AppendRecord(nil, &message.Message{
			Topic: "%RETRY%G", Body: []byte("x"), Properties: []byte(row.properties), StoreHost: f.Addr(), BornHost: f.Addr(),
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := filter.MatchRecord(rec); got != row.want {
			t.Errorf("%q: %v", row.properties, got)
		}
	}
	if filter.MatchRecord([]byte("no record")) {
		t.Error("nonsense matches")
	}
}

func TestBadBloomSettings(t *testing.T) {
	t.Parallel()
	cfg, st := DefaultConfig(), store.Defaults()
	cfg.BrokerIP1, cfg.MaxErrorRateOfBloomFilter, st.StorePathRootDir = "127.0.0.1", 100, t.TempDir()
	if b, err := New(Options{Config: config.NewSection(cfg), Store: config.NewSection(st), Addr: "127.0.0.1:0"}); err == nil {
		_ = b.Close()
		t.Fatal("an error rate of 100 % is accepted")
	}
}

// One pull that looks at 800 messages, of which 8 match: by tag, which reads only
// the queue, by an expression, which reads the messages, and by an expression with
// bit maps, which reads the queue's extension and the messages that they let pass.
func BenchmarkPullOfOnePercent(b *testing.B) {
	for _, row := range []struct {
		name, kind, expression string
		bits                   bool
	}{
		{"TAG", "TAG", "7", false},
		{"SQL92", "SQL92", "price = 7 AND TAGS IS NOT NULL", false},
		{"SQL92 with bit maps", "SQL92", "price = 7 AND TAGS IS NOT NULL", true},
	} {
		b.Run(row.name, func(b *testing.B) {
			f := start(b, func(c *Config, s *store.Config) {
				c.EnablePropertyFilter, c.EnableCalcFilterBitMap, s.EnableConsumeQueueExt = true, row.bits, row.bits
			})
			f.sendTo("T", "makes the topic")
			want(b, f.beat("G", "CLUSTERING", body.SubscriptionData{
				Topic: "T", SubString: row.expression, ExpressionType: row.kind, SubVersion: 1, TagsSet: []string{"7"}, CodeSet: []int32{'7'},
			}), code.Success, "")
			born := f.clock.NowMs()
			f.eventually("a later time than the expression's", func() bool { return f.clock.NowMs() > born })
			for i := range 800 {
				f.sendTo("T", strings.Repeat("x", 200), "i", fmt.Sprintf("price\x01%d\x02TAGS\x01%d\x02", i%100, i%100))
			}
			p := pull{topic: f.Topics.Get("T"), group: f.Groups.Find("G"), maxMsgs: 32, offset: 1}
			if refusal := f.subscribed(&p); refusal.code != code.Success {
				b.Fatal(refusal)
			}
			buf := make([]byte, 0, 1<<20)
			b.ReportAllocs()
			for b.Loop() {
				if res, _ := f.get(&p, buf, true); res.Count != 8 {
					b.Fatalf("%+v", res)
				}
			}
		})
	}
}

// Hostile expressions over the wire: an answer, soon.
func TestHostileFilters(t *testing.T) {
	t.Parallel()
	f := startFiltering(t)
	f.priced("T", 1)
	began := time.Now()
	for _, expression := range []string{
		strings.Repeat("(", 10_000), strings.Repeat("NOT ", 10_000) + "a", "a IN ('x'" + strings.Repeat(",'x'", 20_000) + ")", strings.Repeat("'", 50_001),
	} {
		reply := f.call(code.PullMessage, nil, replace(pullFields("G", "T", "0"), "subscription", expression, "expressionType", "SQL92")...)
		if c := reply.Response(); c != code.Success && c != code.PullRetryImmediately {
			t.Errorf("%.20s: %d %s", expression, reply.Code, reply.Remark)
		}
		want(t, f.beat("H", "CLUSTERING", bySQL("T", expression, time.Now().UnixMilli())), code.Success, "")
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("took %v", took)
	}
}

// What a heartbeat registers when its group has just lost its last connection is dead at once; that of a group with one is not.
func TestExpressionOfAGroupThatIsGone(t *testing.T) {
	t.Parallel()
	f := startFiltering(t)
	f.sendTo("T", "x")
	want(t, f.beat("here", "CLUSTERING", bySQL("T", "a = 1", 5)), code.Success, "")
	for group, dead := range map[string]bool{"gone": true, "here": false} {
		f.Filters.Register(group, []*filter.Subscription{(&filter.Subscription{Topic: "T", ExpressionType: filter.SQL92, SubString: "a = 1", SubVersion: 5}).Prepare()})
		f.Clients.NoteGone(group)
		if d := f.Filters.Get("T", group); d == nil || d.IsDead() != dead {
			t.Errorf("%s: %+v, want dead %v", group, d, dead)
		}
	}
}
