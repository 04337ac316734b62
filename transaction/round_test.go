package transaction

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/message"
)

func TestCommitRollbackAndOpRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.prepare("PG", "T", []string{"a", "b", "c"})
	if got := w.visible("T"); got != nil {
		t.Fatalf("visible before commit: %v", got)
	}
	for i, commit := range []bool{true, false} {
		if v := w.end(p[i], commit, false, false); v != Claimed {
			t.Fatalf("end: %d", v)
		}
		for _, again := range []bool{true, false} { // a second decision changes nothing, whatever it says
			if v := w.end(p[i], again, false, false); v != Repeated {
				t.Fatalf("second end: %d", v)
			}
		}
	}
	if got := w.visible("T"); !slices.Equal(got, []string{"a"}) {
		t.Fatalf("visible %v, want a", got)
	}
	wantOffsets(t, w.openOffsets(), 2)
	w.Flush()
	recs, _ := shelf{w.store}.Get(message.TopicOpHalf, 0, 0, 32, nil)
	var v message.View
	if err := message.Decode(recs, &v); err != nil || string(v.Body) != "0,1," || string(v.Properties) != "TAGS\x01d\x02WAIT\x01true\x02" {
		t.Fatalf("op record %q %q %v", v.Body, v.Properties, err)
	}
	if len(recs) != int(v.Size) {
		t.Fatal("more than one op record")
	}
}

func TestChecksUntilDiscarded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set.CheckMax = 3
	w.prepare("PG", "T", []string{"a"}, message.PropertyKeys, "k1")
	w.pass(time.Second) // too young
	if len(w.asked) != 0 {
		t.Fatal("asked before the timeout")
	}
	for n := 1; n <= 3; n++ {
		w.pass(30 * time.Second)
		if len(w.asked) != n {
			t.Fatalf("round %d: asked %d times", n, len(w.asked))
		}
		a := w.asked[n-1]
		if a.offset != int64(n) || a.group != "PG" || a.topic != "T" || a.uniq != "a" {
			t.Fatalf("asked %+v", a)
		}
		if v, _ := message.Property([]byte(a.props), message.PropertyTransactionCheckTimes); string(v) != strconv.Itoa(n) {
			t.Fatalf("check times %q, want %d", v, n)
		}
		if got := w.offsets.Query(Group, message.TopicHalf, 0); got != int64(n) {
			t.Fatalf("progress %d, want %d", got, n)
		}
	}
	w.pass(30 * time.Second)
	if len(w.asked) != 3 || w.Open() != 0 {
		t.Fatalf("asked %d times, %d open", len(w.asked), w.Open())
	}
	recs, _ := shelf{w.store}.Get(message.TopicMaxCheckTimes, 0, 0, 1, nil)
	var v message.View
	if err := message.Decode(recs, &v); err != nil {
		t.Fatal(err)
	}
	f, ok := ReadFacts(v.Properties)
	if !ok || string(f.RealTopic) != "T" || f.Checks != 3 || string(v.Body) != "body of a" {
		t.Fatalf("discarded %+v %q", f, v.Body)
	}
	// What an operator resumes is asked about again, from the beginning.
	if err := w.Resume(&v); err != nil {
		t.Fatal(err)
	}
	if err := w.Resume(&v); !errors.Is(err, ErrIsOpen) {
		t.Fatalf("second resume: %v", err)
	}
	w.pass(30 * time.Second)
	last := w.asked[len(w.asked)-1]
	if n, _ := message.Property([]byte(last.props), message.PropertyTransactionCheckTimes); string(n) != "1" {
		t.Fatalf("check times %q after resume, want 1", n)
	}
	if v := w.end(place{last.offset, last.phy}, true, true, false); v != Claimed {
		t.Fatal("answer to the check")
	}
	if got := w.visible("T"); !slices.Equal(got, []string{"a"}) {
		t.Fatalf("visible %v", got)
	}
}

// To make the topic of discarded half messages may wait for name servers: op records do not wait for that.
func TestOpRecordsWhileADiscardIsPrepared(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set.CheckMax = 1
	p := w.prepare("PG", "T", []string{"a", "b"})
	prepared := 0
	w.opt.PrepareDiscard = func() {
		if prepared++; prepared == 1 {
			w.end(p[1], false, false, false)
			w.Flush()
		}
	}
	w.pass(30 * time.Second)
	w.pass(30 * time.Second)
	if prepared == 0 || w.Counters.Discarded.Load() != 1 || w.Open() != 0 {
		t.Errorf("prepared %d times, %d discarded, %d open", prepared, w.Counters.Discarded.Load(), w.Open())
	}
}

func TestLateCommitOfADiscardedHalfIsObeyedOnce(t *testing.T) {
	t.Parallel()
	for _, restart := range []bool{false, true} {
		w := newWorld(t)
		p := w.checkedInVain("PG", "T", "a")
		if restart {
			w.Flush()
			w.saveOffsets()
			w.kill()
		}
		for range 2 {
			w.end(p[0], true, false, false)
		}
		if got := w.visible("T"); !slices.Equal(got, []string{"a"}) {
			t.Fatalf("restart %v: visible %v", restart, got)
		}
	}
}

// checkedInVain is the place of a half message that was discarded.
func (w *world) checkedInVain(group, topic, uniq string) []place {
	w.t.Helper()
	w.set.CheckMax = 1
	p := w.prepare(group, topic, []string{uniq})
	w.pass(30 * time.Second)
	w.pass(30 * time.Second)
	if w.Open() != 0 || w.Counters.Discarded.Load() != 1 {
		w.t.Fatal("not discarded")
	}
	return p
}

// discardedView is the only discarded half message.
func (w *world) discardedView() (v message.View) {
	w.t.Helper()
	recs, _ := shelf{w.store}.Get(message.TopicMaxCheckTimes, 0, 0, 1, nil)
	if err := message.Decode(recs, &v); err != nil {
		w.t.Fatal(err)
	}
	return v
}

func TestOldAnswerSettlesTheNewestCopy(t *testing.T) {
	t.Parallel()
	for _, restart := range []bool{false, true} {
		w := newWorld(t)
		p := w.prepare("PG", "T", []string{"a"})
		w.pass(30 * time.Second)
		w.pass(30 * time.Second)
		if restart {
			w.saveOffsets()
			w.kill()
		}
		if v := w.end(p[0], true, false, false); v != Claimed {
			t.Fatalf("restart %v: late answer: %d", restart, v)
		}
		if w.Open() != 0 {
			t.Fatal("still open")
		}
		w.Flush()
		w.saveOffsets()
		w.kill()
		w.pass(30 * time.Second)
		if got := w.visible("T"); !slices.Equal(got, []string{"a"}) || w.Open() != 0 || len(w.asked) != 0 {
			t.Fatalf("restart %v: visible %v, %d open, asked %d", restart, got, w.Open(), len(w.asked))
		}
	}
}

func TestImmunity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.prepare("PG", "T", []string{"a", "b"}, message.PropertyCheckImmunityTime, "100")
	for range 3 {
		w.pass(30 * time.Second)
	}
	if len(w.asked) != 0 {
		t.Fatal("asked in the immunity")
	}
	page, _ := w.List(Query{Max: 10})
	if len(page) != 2 || page[0].Offset != 6 || page[0].Checks != 0 {
		t.Fatalf("open %+v", page)
	}
	recs, _ := shelf{w.store}.Get(message.TopicHalf, 0, 6, 1, nil)
	var v message.View
	_ = message.Decode(recs, &v)
	if f, _ := ReadFacts(v.Properties); f.Origin != 0 || f.Checks != -1 {
		t.Fatalf("copy says %+v", f)
	}
	if got := w.offsets.Query(Group, message.TopicHalf, 0); got != 6 {
		t.Fatalf("progress %d, want 6", got)
	}
	// The producer still names the first place; the op record names every one it had.
	w.end(p[0], true, false, false)
	w.Flush()
	recs, _ = shelf{w.store}.Get(message.TopicOpHalf, 0, 0, 1, nil)
	if _ = message.Decode(recs, &v); string(v.Body) != "2,4,0,6," {
		t.Fatalf("op record %q, want 2,4,0,6,", v.Body)
	}
	w.pass(30 * time.Second)
	if len(w.asked) != 1 || w.asked[0].uniq != "b" {
		t.Fatalf("asked %+v", w.asked)
	}
	if got := w.visible("T"); !slices.Equal(got, []string{"a"}) {
		t.Fatalf("visible %v", got)
	}
}

// The immunity counts where it is shorter than the timeout, too, and one that is no number is the timeout.
func TestImmunityShorterThanTheTimeout(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		seconds string
		asked   int // after 10, 20 and 70 s, with a timeout of 60
	}{{"5", 3}, {"15", 2}, {"0", 3}, {"soon", 1}, {"65", 1}, {"100", 0}} {
		w := newWorld(t)
		w.set.TimeoutMs = 60_000
		w.prepare("PG", "T", []string{"a"}, message.PropertyCheckImmunityTime, row.seconds)
		for _, d := range []time.Duration{10, 10, 50} {
			w.pass(d * time.Second)
		}
		if len(w.asked) != row.asked {
			t.Errorf("%s s: asked %d times, want %d", row.seconds, len(w.asked), row.asked)
		}
	}
}

// A producer whose clock is a year ahead: its half message is asked about and then
// discarded, with an immunity as without.
func TestBornInTheFuture(t *testing.T) {
	t.Parallel()
	for _, more := range [][]string{nil, {message.PropertyCheckImmunityTime, "100"}} {
		w := newWorld(t)
		w.set.CheckMax, w.ahead = 2, 365*24*3600_000
		w.prepare("PG", "T", []string{"a"}, more...)
		for range 3 {
			w.pass(30 * time.Second)
		}
		if len(w.asked) != 2 || w.Open() != 0 || w.Counters.Discarded.Load() != 1 {
			t.Fatalf("%v: asked %d times, %d open", more, len(w.asked), w.Open())
		}
	}
}

func TestOlderThanTheFilesIsDiscarded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.prepare("PG", "T", []string{"a"})
	w.pass(73 * time.Hour)
	if w.Open() != 0 || w.Counters.Discarded.Load() != 1 || len(w.asked) != 0 {
		t.Fatal("not discarded by age")
	}
}

func TestNoProducer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deaf = true
	w.prepare("PG", "T", []string{"a"})
	w.pass(30 * time.Second)
	page, _ := w.List(Query{Max: 1})
	if page[0].Checks != 1 || page[0].GroupUnheard != 1 || w.Counters.ChecksUnheard.Load() != 1 {
		t.Fatalf("%+v", page[0])
	}
}

// One group has thousands of open half messages, another has one: it is asked
// about after at most one turn of the big one.
func TestGroupsTakeTurns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	many := make([]string, 5000)
	for i := range many {
		many[i] = "big" + strconv.Itoa(i)
	}
	w.prepare("PG_big", "T", many)
	w.prepare("PG_small", "T", []string{"small"})
	w.pass(30 * time.Second)
	at := slices.IndexFunc(w.asked, func(a asked) bool { return a.group == "PG_small" })
	if at < 0 || at > turnOf || len(w.asked) != 5001 {
		t.Fatalf("asked %d, the small group's turn was number %d", len(w.asked), at)
	}
}

// The log says once a group that half of the checks are used up, and again when the
// group had recovered in between.
func TestHalfOfTheChecksIsLoggedOnceAGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set.CheckMax = 6
	said := func() int { return strings.Count(w.log.String(), "half of the allowed checks used up") }
	rounds := func(n int) {
		for range n {
			w.pass(30 * time.Second)
		}
	}
	w.prepare("PG", "T", []string{"a", "b"})
	w.prepare("PG_other", "T", []string{"c"})
	rounds(2)
	if said() != 0 {
		t.Fatalf("said after 2 of 6 checks: %s", w.log.String())
	}
	rounds(3)
	if said() != 2 || strings.Count(w.log.String(), `"group":"PG"`) != 1 || !strings.Contains(w.log.String(), `"checks":3,"allowed":6`) {
		t.Fatalf("said %d times of 2 groups: %s", said(), w.log.String())
	}
	rounds(2) // all are discarded
	w.prepare("PG", "T", []string{"d"})
	rounds(3)
	if said() != 3 {
		t.Fatalf("said %d times, want once more for what came later: %s", said(), w.log.String())
	}
}

// What is settled while someone walks over the open ones keeps its place in the walk
// and is not used for another half message.
func TestSettledOnesAreUsedAgainButNotUnderAWalk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.prepare("PG", "T", []string{"a", "b", "c"})
	x := &w.index
	a, b := x.byPlace[p[0].offset], x.byPlace[p[1].offset]
	x.mu.Lock()
	x.walk()
	x.mu.Unlock()
	w.end(p[0], true, false, false)
	if x.spare != nil || a.next != b || a.state != gone {
		t.Fatal("used again, or unlinked, under a walk")
	}
	x.walked()
	w.end(p[1], false, false, false)
	if x.spare != b || x.kept != 1 {
		t.Fatal("not kept for the next one")
	}
	q := w.prepare("PG2", "T", []string{"d"})
	if d := x.byPlace[q[0].offset]; d != b || d.group.name != "PG2" || d.state != open || d.aliases != nil || x.kept != 0 {
		t.Fatalf("used again as %+v", d)
	}
	if v := w.end(p[1], true, false, false); v != Repeated {
		t.Fatalf("a decision for the first user: %d", v)
	}
	wantOffsets(t, w.openOffsets(), p[2].offset, q[0].offset)
}

func TestRoundStopsWithItsContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.prepare("PG", "T", []string{"a"})
	w.clk.Advance(time.Minute)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	w.Round(ctx)
	wantOffsets(t, w.openOffsets(), 0)
}

func TestRunWritesWhatIsLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.prepare("PG", "T", []string{"a", "b"})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { w.Run(ctx); close(done) }()
	w.clk.AwaitTimers(2)
	w.end(p[0], false, false, false)
	cancel()
	<-done
	w.saveOffsets()
	w.kill()
	wantOffsets(t, w.openOffsets(), 1)
	data, _ := w.disk.Open("/store/config/transactionMetrics")
	buf := make([]byte, 200)
	n, _ := data.ReadAt(buf, 0)
	if want := `{"dataVersion":{"counter":1,"stateVersion":0,"timestamp":1700000000000},"transactionCount":{"T":{"count":1,"timeStamp":1700000000000}}}`; string(buf[:n]) != want {
		t.Fatalf("metrics %s", buf[:n])
	}
}
