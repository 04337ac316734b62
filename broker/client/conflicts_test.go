package client

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/skylarkmq/skylark/filter"
)

// tagged is a consumer of G that wants tags of topics: "T:A||B U:*".
func tagged(what string) Consumer {
	c := Consumer{Group: "G", MessageModel: Clustering, Subscriptions: []*filter.Subscription{{Topic: "%RETRY%G", SubString: "*", ExpressionType: "TAG"}}}
	for _, one := range strings.Fields(what) {
		topic, expression, _ := strings.Cut(one, ":")
		kind := "TAG"
		if rest, sql := strings.CutPrefix(expression, "sql="); sql {
			kind, expression = "SQL92", rest
		}
		c.Subscriptions = append(c.Subscriptions, &filter.Subscription{Topic: topic, SubString: expression, ExpressionType: kind})
	}
	return c
}

func TestWhatDiffers(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ a, b, want string }{
		"nothing":           {"T:A U:*", "U:* T:A", ""},
		"order of tags":     {"T:A||B", "T:B||A||A", ""},
		"all, by any name":  {"T:", "T:*", ""},
		"the tags":          {"T:A U:*", "T:B U:*", `T: "A" TAG by c1, "B" TAG by c2`},
		"the type":          {"T:a", "T:sql=a", `T: "a" SQL92 by c2, "a" TAG by c1`},
		"the order in SQL":  {"T:sql=a||b", "T:sql=b||a", `T: "a||b" SQL92 by c1, "b||a" SQL92 by c2`},
		"a topic":           {"T:* U:*", "T:*", `U: not at all by c2, "*" TAG by c1`},
		"nothing in common": {"T:*", "U:*", `T: not at all by c2, "*" TAG by c1; U: not at all by c1, "*" TAG by c2`},
	} {
		r := New(Options{NowMs: func() int64 { return 1 }})
		r.RegisterConsumer(info(1), tagged(row.a))
		r.RegisterConsumer(info(2), tagged(row.b))
		got := ""
		for _, c := range r.Conflicts("") {
			for i, topic := range c.Topics {
				if i > 0 {
					got += "; "
				}
				got += topic.Topic + ": "
				for j, v := range topic.Variants {
					if j > 0 {
						got += ", "
					}
					if v.Absent {
						got += "not at all by " + strings.Join(v.Clients, " ")
					} else {
						got += `"` + v.Expression + `" ` + v.Type + " by " + strings.Join(v.Clients, " ")
					}
				}
			}
		}
		if got != row.want {
			t.Errorf("%s: %s, want %s", name, got, row.want)
		}
	}
}

func TestConflictsAreToldOnce(t *testing.T) {
	t.Parallel()
	now := int64(0)
	r := New(Options{NowMs: func() int64 { return now }})
	told := func() (list []string) {
		for _, e := range r.ConflictEvents(60_000, 60_000) {
			list = append(list, e.What)
		}
		return list
	}
	expect := func(at int64, want ...string) {
		t.Helper()
		if now = at; !cmp.Equal(told(), want) {
			t.Errorf("at %d: not %v", at, want)
		}
	}
	// A rolling upgrade: members change one by one, within the grace time.
	r.RegisterConsumer(info(1), tagged("T:A"))
	r.RegisterConsumer(info(2), tagged("T:A"))
	expect(0)
	r.RegisterConsumer(info(1), tagged("T:A||B"))
	expect(50_000)
	r.RegisterConsumer(info(2), tagged("T:A||B"))
	expect(70_000)
	expect(200_000)
	// One stays behind.
	r.RegisterConsumer(info(3), tagged("T:A"))
	expect(259_999)
	expect(260_000, "begins")
	expect(400_000)
	r.RegisterConsumer(info(4), tagged("T:C")) // another way
	expect(400_001, "changes")
	r.RegisterConsumer(info(5), tagged("T:D"))
	expect(460_000) // not so soon again
	expect(460_001, "changes")
	if n := r.ConflictCount(60_000); n != 1 {
		t.Errorf("%d groups", n)
	}
	// A heartbeat that repeats nothing changes nothing.
	without := tagged("")
	without.WithoutSub = true
	r.RegisterConsumer(info(3), without)
	r.Closed(4)
	r.Closed(5)
	expect(600_000, "changes")
	r.UnregisterConsumer("G", 3, false)
	if n := r.ConflictCount(0); n != 0 {
		t.Errorf("%d groups", n)
	}
	expect(600_001, "ends")
	expect(900_000)
}

func TestConflictsEndWithTheGroup(t *testing.T) {
	t.Parallel()
	now := int64(0)
	r := New(Options{NowMs: func() int64 { return now }})
	r.RegisterConsumer(info(1), tagged("T:A"))
	r.RegisterConsumer(info(2), tagged("T:B"))
	if e := r.ConflictEvents(0, 0); len(e) != 1 || e[0].What != "begins" || e[0].Clients != 2 || e[0].Sets != 2 {
		t.Fatalf("%+v", e)
	}
	now = 200_000
	if gone := r.Expire(120_000); len(gone) != 2 {
		t.Fatal(gone)
	}
	if e := r.ConflictEvents(0, 0); len(e) != 1 || e[0].What != "ends" || len(r.differing) != 0 {
		t.Fatalf("%+v", e)
	}
}

// TestLargeConflicts: what is told of hostile clients is bounded, and so is the time
// that the registry is locked for it.
func TestLargeConflicts(t *testing.T) {
	t.Parallel()
	r := New(Options{NowMs: func() int64 { return 1 }})
	r.RegisterConsumer(info(1), tagged("T:A"))
	r.RegisterConsumer(info(2), tagged("T:B"))
	for i := 3; i < 6; i++ { // sets that are too large are counted
		c := tagged("T:" + strings.Repeat("x||", maxToldBytes/3))
		c.Subscriptions[1].SubString += string(rune('a' + i))
		r.RegisterConsumer(info(i), c)
	}
	list := r.Conflicts("G")
	if len(list) != 1 || list[0].Sets != 5 || len(list[0].Topics) != 1 || len(list[0].Topics[0].Variants) != 2 {
		t.Fatalf("%d groups, %d sets, %d topics, %d variants", len(list), list[0].Sets, len(list[0].Topics), len(list[0].Topics[0].Variants))
	}
	for g := range maxToldEvents + 1 {
		for i := range 2 {
			c := tagged("")
			c.Group = fmt.Sprint("H", g)
			for topic := range maxToldVariants + 1 {
				c.Subscriptions = append(c.Subscriptions, &filter.Subscription{Topic: fmt.Sprint("T", topic), SubString: fmt.Sprint(i)})
			}
			r.RegisterConsumer(info(10+i), c)
		}
	}
	if topics := r.Conflicts("H1")[0].Topics; len(topics) != maxToldVariants {
		t.Errorf("%d topics told", len(topics))
	}
	first, second := r.ConflictEvents(0, 0), r.ConflictEvents(0, 0)
	if len(first) != maxToldEvents || len(second) != 2 || len(r.ConflictEvents(0, 0)) != 0 {
		t.Errorf("%d events, then %d", len(first), len(second))
	}
}

func TestNewcomersAreRefused(t *testing.T) {
	t.Parallel()
	r := New(Options{NowMs: func() int64 { return 1 }})
	join := func(ch int, what string) string {
		c := tagged(what)
		c.RejectConflict = true
		_, objector := r.JoinConsumer(info(ch), c)
		return objector
	}
	for i, row := range []struct {
		ch        int
		what, who string
	}{
		{1, "T:A", ""},
		{2, "T:A", ""},
		{3, "T:B", "c1"},
		{2, "T:B", "c1"},
		{2, "T:A", ""}, // out and in again
		{1, "T:B", "c2"},
		{1, "T:A", ""}, // the first one, too
	} {
		if got := join(row.ch, row.what); got != row.who {
			t.Errorf("%d: %q objects, want %q", i, got, row.who)
		}
	}
	if ids := r.ClientIDs("G"); !cmp.Equal(ids, []string{"c1", "c2"}) {
		t.Errorf("members are %v", ids)
	}
	if s, _, _ := r.Subscription("G", "T"); s.SubString != "A" {
		t.Errorf("the group's subscription is %q now", s.SubString)
	}
	// The same client on a new connection, before the old one ends, may have changed.
	r.Closed(2)
	again := info(9)
	again.ClientID = "c1"
	c := tagged("T:B")
	c.RejectConflict = true
	if _, objector := r.JoinConsumer(again, c); objector != "" {
		t.Errorf("%s objects to itself", objector)
	}
}

func BenchmarkHeartbeatOfLargeGroup(b *testing.B) {
	r := New(Options{NowMs: func() int64 { return 1 }})
	c := tagged("T:A||B U:* V:sql=a>1")
	for i := range 10_000 {
		r.RegisterConsumer(info(i), c)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r.RegisterConsumer(info(i%10_000), c)
	}
}
