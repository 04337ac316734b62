package filterdata

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/skylarkmq/skylark/filter"
)

type clockwork struct {
	*Table
	now     int64
	refused []string
}

func newTable(t *testing.T) *clockwork {
	t.Helper()
	bloom, err := filter.NewBloom(20, 32)
	if err != nil {
		t.Fatal(err)
	}
	c := &clockwork{now: 1000}
	c.Table = New(Options{
		NowMs: func() int64 { return c.now }, Bloom: bloom, CleanMs: func() int64 { return 500 },
		Refused: func(group, topic string, _ error) { c.refused = append(c.refused, topic+"@"+group) },
	})
	return c
}

func sql(topic, expression string, version int64) *filter.Subscription {
	return &filter.Subscription{Topic: topic, SubString: expression, ExpressionType: filter.SQL92, SubVersion: version}
}

// see is an entry in a line.
func (c *clockwork) see(topic, group string) string {
	d := c.Get(topic, group)
	if d == nil {
		return "none"
	}
	return fmt.Sprintf("%s born %d dead %d version %d", d.Expression, d.BornTime, d.DeadTime, d.ClientVersion)
}

func TestRegister(t *testing.T) {
	t.Parallel()
	c := newTable(t)
	for _, step := range []struct {
		at   int64
		what string
		do   func()
		want string
	}{
		{1000, "tags are not kept", func() { c.Register("G", []*filter.Subscription{{Topic: "T", SubString: "A", ExpressionType: "TAG"}}) }, "none"},
		{1000, "an expression is", func() { c.Register("G", []*filter.Subscription{sql("T", "a > 1", 7)}) }, "a > 1 born 1000 dead 0 version 7"},
		{1100, "the same again", func() { c.Register("G", []*filter.Subscription{sql("T", "a > 1", 7)}) }, "a > 1 born 1000 dead 0 version 7"},
		{1100, "newer, same expression", func() { c.Register("G", []*filter.Subscription{sql("T", "a > 1", 8)}) }, "a > 1 born 1000 dead 0 version 8"},
		{1200, "older, other expression", func() { c.Register("G", []*filter.Subscription{sql("T", "a > 2", 7)}) }, "a > 1 born 1000 dead 0 version 8"},
		{1200, "newer, other expression", func() { c.Register("G", []*filter.Subscription{sql("T", "a > 2", 9)}) }, "a > 2 born 1200 dead 0 version 9"},
		{1300, "the group goes", func() { c.Unregister("G") }, "a > 2 born 1200 dead 1300 version 9"},
		{1400, "and goes again", func() { c.Unregister("G") }, "a > 2 born 1200 dead 1300 version 9"},
		{1400, "and comes back", func() { c.Register("G", []*filter.Subscription{sql("T", "a > 2", 9)}) }, "a > 2 born 1200 dead 0 version 9"},
		{1400, "goes", func() { c.Unregister("G") }, "a > 2 born 1200 dead 1400 version 9"},
		{1450, "and comes back, older", func() { c.Register("G", []*filter.Subscription{sql("T", "a > 2", 8)}) }, "a > 2 born 1200 dead 0 version 9"},
		{1500, "for another topic", func() { c.Register("G", []*filter.Subscription{sql("U", "a > 2", 9)}) }, "a > 2 born 1200 dead 1500 version 9"},
		{1999, "cleaned too early", func() { c.Clean() }, "a > 2 born 1200 dead 1500 version 9"},
		{2000, "cleaned", func() { c.Clean() }, "none"},
		{2000, "new again", func() { c.Register("G", []*filter.Subscription{sql("T", "b = 'x'", 10)}) }, "b = 'x' born 2000 dead 0 version 10"},
		{2050, "that goes", func() { c.Unregister("G") }, "b = 'x' born 2000 dead 2050 version 10"},
		{2100, "for an older one", func() { c.Register("G", []*filter.Subscription{sql("T", "b = 'y'", 9)}) }, "b = 'y' born 2100 dead 0 version 9"},
		{2150, "that goes, too", func() { c.Unregister("G") }, "b = 'y' born 2100 dead 2150 version 9"},
		{2200, "for another of that version", func() { c.Register("G", []*filter.Subscription{sql("T", "b = 'z'", 9)}) }, "b = 'z' born 2200 dead 0 version 9"},
		{2200, "broken", func() { c.Register("G", []*filter.Subscription{sql("T", "b = ", 11)}) }, "none"},
		{2200, "of no type", func() { c.Register("G", []*filter.Subscription{{Topic: "T", SubString: "b", ExpressionType: "XPATH"}}) }, "none"},
	} {
		c.now = step.at
		if step.do(); c.see("T", "G") != step.want {
			t.Fatalf("%s: %s, want %s", step.what, c.see("T", "G"), step.want)
		}
	}
	if diff := cmp.Diff([]string{"T@G", "T@G"}, c.refused); diff != "" {
		t.Error(diff)
	}
}

// The file as Java wrote it comes back as it was; its consumers are dead.
func TestFileIsJavas(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile("testdata/consumerFilter.json")
	if err != nil {
		t.Fatal(err)
	}
	c := newTable(t)
	if err := c.Decode(want); err != nil {
		t.Fatal(err)
	}
	d := c.Get("GoldenTag", "CG_sql")
	if d == nil || !d.IsDead() || d.Compiled() == nil {
		t.Fatalf("%+v", d)
	}
	got, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.TrimSpace(string(want)), strings.TrimSpace(string(got))); diff != "" {
		t.Error(diff)
	}
	c.now = d.DeadTime + 1
	c.Register("CG_sql", []*filter.Subscription{sql("GoldenTag", d.Expression, d.ClientVersion)})
	if c.Get("GoldenTag", "CG_sql").IsDead() {
		t.Error("still dead after a heartbeat")
	}
}

func TestLoading(t *testing.T) {
	t.Parallel()
	c := newTable(t)
	c.now = 100_000
	c.Register("G", []*filter.Subscription{sql("T", "a > 1", 7), sql("U", "a > 2", 7)})
	data, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name string
		data []byte
		want string
	}{
		{"alive when it was saved", data, "a > 1 born 100000 dead 120000 version 7"},
		{"made for another filter", bytes.Replace(data, []byte("112"), []byte("120"), 1), "none"},
		{"broken expression", bytes.Replace(data, []byte("a > 1"), []byte("a > ("), 1), "none"},
		{"null", []byte(`{"filterDataByTopic":{"T":{"groupFilterData":{"G":null},"topic":"T"}}}`), "none"},
		{"nothing", []byte(`{}`), "none"},
	} {
		c.now = 150_000
		if err := c.Decode(row.data); err != nil {
			t.Errorf("%s: %v", row.name, err)
		}
		if got := c.see("T", "G"); got != row.want {
			t.Errorf("%s: %s, want %s", row.name, got, row.want)
		}
	}
	if err := c.Decode([]byte(`{"filterDataByTopic":[`)); err == nil {
		t.Error("nonsense is no error")
	}
}

// What expressions take when they are compiled counts, a hundred times their text, and so do
// the names of topics; what has died gives it back. Not in parallel: the heap is everybody's.
func TestBounds(t *testing.T) {
	nodes := strings.Repeat("a=1 OR ", 1000) + "a=1"
	members := "a IN ('" + strings.Repeat("x','", 1000) + "')"
	for name, of := range map[string]func(i int) *filter.Subscription{
		"texts":  func(int) *filter.Subscription { return sql("T", "a = '"+strings.Repeat("x", 100_000)+"'", 1) },
		"nodes":  func(int) *filter.Subscription { return sql("T", nodes, 1) },
		"IN":     func(int) *filter.Subscription { return sql("T", members, 1) },
		"topics": func(i int) *filter.Subscription { return sql(strings.Repeat("T", 100_000)+fmt.Sprint(i), "a=1", 1) },
	} {
		c := newTable(t)
		c.most = 4 << 20
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		const groups = 150
		for i := range groups {
			c.Register(fmt.Sprint("G", i), []*filter.Subscription{of(i)})
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if took := int64(after.HeapAlloc) - int64(before.HeapAlloc); c.entries == groups || c.entries < 4 || took > 3*c.most/2 {
			t.Errorf("%s: %d entries take %d bytes, at most %d are allowed", name, c.entries, took, c.most)
		}
		c.now = 1 << 40
		for i := range groups {
			c.Unregister(fmt.Sprint("G", i))
		}
		c.now *= 2
		if c.Clean(); c.kept != 0 || c.entries != 0 || len(c.groups) != 0 || len(c.topics) != 0 {
			t.Errorf("%s: %d bytes in %d entries are left", name, c.kept, c.entries)
		}
	}
}

func TestBoundOfMemoryLimit(t *testing.T) {
	t.Parallel()
	if small, large := New(Options{MemoryLimit: 256 << 20}), New(Options{MemoryLimit: 1 << 40}); small.most != 16<<20 || large.most != maxKept {
		t.Errorf("bounds %d and %d", small.most, large.most)
	}
}

// A connection with thousands of groups comes and goes without a copy of the topic's list for each of them.
// Not in parallel, as above.
func TestManyGroupsOfOneTopic(t *testing.T) {
	c := newTable(t)
	const groups = 20_000
	name := func(i int) string { return fmt.Sprint("G", i) }
	run := func(what string, do func(i int)) {
		t.Helper()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for i := range groups {
			do(i)
		}
		runtime.ReadMemStats(&after)
		if took := (after.TotalAlloc - before.TotalAlloc) / groups; took > 20_000 {
			t.Errorf("%s: %d bytes allocated a group", what, took)
		}
	}
	run("born", func(i int) { c.Register(name(i), []*filter.Subscription{sql("T", "a=1", 1)}) })
	run("dead", func(i int) { c.Unregister(name(i)) })
	if c.entries != groups {
		t.Errorf("%d entries", c.entries)
	}
}

// The bit map of a message decides only for consumers that had their expression
// when it came.
func TestBitMaps(t *testing.T) {
	t.Parallel()
	c := newTable(t)
	c.Register("G", []*filter.Subscription{sql("T", "a > 1", 7)})
	d := c.Get("T", "G")
	unit := func(storeMs int64, bitMap []byte) []byte {
		u := make([]byte, 20, 64)
		for i := range 8 {
			u[10+i] = byte(storeMs >> (56 - 8*i))
		}
		u[19] = byte(len(bitMap))
		return append(u, bitMap...)
	}
	hit := make([]byte, 14)
	d.BloomFilterData.Set(hit)
	for _, row := range []struct {
		name string
		ext  []byte
		want bool
	}{
		{"none", nil, true},
		{"without a bit map", unit(2000, nil), true},
		{"all bits", unit(2000, hit), true},
		{"no bits", unit(2000, make([]byte, 14)), false},
		{"no bits, but from before", unit(1000, make([]byte, 14)), true},
		{"of another length", unit(2000, make([]byte, 8)), true},
		{"cut off", unit(2000, make([]byte, 14))[:30], true},
	} {
		if got := d.MatchQueue(0, row.ext); got != row.want {
			t.Errorf("%s: %v", row.name, got)
		}
	}
}
