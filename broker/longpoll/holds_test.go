package longpoll

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/skylarkmq/skylark/internal/clock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// log notes who woke, and why.
type log struct {
	mu   sync.Mutex
	text string
}

func (l *log) hold(name string, from, deadline int64) *Hold {
	return &Hold{Topic: "T", From: from, Deadline: deadline, Wake: func(_ *Hold, why Reason) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.text += fmt.Sprintf("%s:%d ", name, why)
	}}
}

func (l *log) want(t *testing.T, what, text string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.text != text {
		t.Fatalf("%s: woke %q, want %q", what, l.text, text)
	}
	l.text = ""
}

func add(t *testing.T, h *Holds, list ...*Hold) {
	t.Helper()
	for _, p := range list {
		if !h.Add(p) {
			t.Fatal("not held")
		}
	}
}

func TestArrive(t *testing.T) {
	t.Parallel()
	h, l := New(Options{}), &log{}
	a, b, c := l.hold("a", 5, never), l.hold("b", 7, never), l.hold("c", 5, never)
	c.Match = func(code int64) bool { return code == 9 }
	add(t, h, a, b, c)
	h.Arrive("T", 1, 100, 0, true)
	h.Arrive("U", 0, 100, 0, true)
	h.Arrive("T", 0, 5, 9, false)
	l.want(t, "another queue, topic, or nothing past the offset", "")
	h.Arrive("T", 0, 6, 8, false)
	l.want(t, "the filter does not match c", "a:0 ")
	h.Arrive("T", 0, 8, 8, true)
	l.want(t, "the rest in their order", "b:0 c:0 ")
	if h.Len() != 0 || h.Waiting("T", 0) {
		t.Fatalf("%d left", h.Len())
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	h, l := New(Options{MaxHolds: 3, MaxPerQueue: 2}), &log{}
	add(t, h, l.hold("a", 0, never), l.hold("b", 0, never))
	if h.Add(l.hold("c", 0, never)) {
		t.Fatal("more than one queue may hold")
	}
	other := l.hold("d", 0, never)
	other.Queue = 1
	add(t, h, other)
	last := l.hold("e", 0, never)
	last.Queue = 2
	if h.Add(last) {
		t.Fatal("more than all may hold")
	}
}

// One owner has taken all there is: those with less get places, and it gives way.
func TestTheOneThatHoldsMostGivesWay(t *testing.T) {
	t.Parallel()
	for what, row := range map[string]struct {
		opt    Options
		queues int32 // over which they hold
	}{
		"of one queue": {Options{MaxPerQueue: 64}, 1},
		"of all":       {Options{MaxHolds: 64}, 30},
	} {
		now := clock.NewFake(time.UnixMilli(1_700_000_000_000))
		row.opt.Clock = now
		h := New(row.opt)
		woken := map[any]int{}
		hold := func(owner any, i int) *Hold {
			return &Hold{Topic: "T", Queue: int32(i) % row.queues, Deadline: never, Owner: owner, Wake: func(p *Hold, why Reason) {
				if why != TimedOut {
					t.Errorf("%s: woken for %d", what, why)
				}
				woken[p.Owner]++
			}}
		}
		for i := range 64 {
			add(t, h, hold("hog", i))
		}
		if h.Add(hold("hog", 0)) {
			t.Errorf("%s: the hog holds more than may be held", what)
		}
		for i := range 20 {
			add(t, h, hold(i, i))
		}
		if woken["hog"] < 20 || len(woken) != 1 || h.Len() > 64 {
			t.Errorf("%s: %v gave way, %d held", what, woken, h.Len())
		}
		gone := woken["hog"]
		for i := 20; h.Len() < 64; i++ {
			add(t, h, hold("hog", i))
		}
		if woken["hog"] != gone {
			t.Errorf("%s: more gave way while there was room", what)
		}
		now.Advance(censusMs * time.Millisecond)
		h.Drop("hog")
		for i := 20; h.Len() < 64; i++ {
			add(t, h, hold(i, i))
		}
		if now.Advance(censusMs * time.Millisecond); h.Add(hold("last", 0)) {
			t.Errorf("%s: one gave way to another who has no more", what)
		}
	}
}

func TestDrop(t *testing.T) {
	t.Parallel()
	h, l := New(Options{}), &log{}
	for i := range 50 {
		p := l.hold("x", 0, never)
		p.Queue, p.Owner = int32(i), i%2
		add(t, h, p)
	}
	h.Drop(0)
	if h.Len() != 25 {
		t.Fatalf("%d left, want 25", h.Len())
	}
	h.Drop(1)
	h.Drop(1)
	if h.Len() != 0 {
		t.Fatalf("%d left", h.Len())
	}
	l.want(t, "nobody is woken for a connection that is gone", "")
}

// A clock that is set back does not keep anybody waiting, nor one set forward wake all.
func TestClockThatIsSet(t *testing.T) {
	t.Parallel()
	clk := clock.NewFake(time.UnixMilli(1_700_000_000_000))
	h, l := New(Options{Clock: clk}), &log{}
	add(t, h, l.hold("soon", 0, clk.MonoMs()+1000), l.hold("late", 0, clk.MonoMs()+60_000))
	clk.Step(-time.Hour)
	clk.Advance(time.Second)
	h.expire()
	l.want(t, "after a step back", "soon:1 ")
	clk.Step(2 * time.Hour)
	h.expire()
	l.want(t, "after a step forward", "")
}

func TestDeadlines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, l := New(Options{}), &log{}
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		wg.Go(func() { h.Run(ctx) })
		start := clock.Real.MonoMs()
		add(t, h, l.hold("late", 0, start+3000), l.hold("soon", 0, start+700))
		time.Sleep(699 * time.Millisecond)
		synctest.Wait()
		l.want(t, "before the deadline", "")
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		l.want(t, "at the deadline", "soon:1 ")
		add(t, h, l.hold("sooner", 0, start+800))
		time.Sleep(150 * time.Millisecond)
		synctest.Wait()
		l.want(t, "one that came later and ends earlier", "sooner:1 ")
		time.Sleep(4 * time.Second)
		synctest.Wait()
		l.want(t, "the last", "late:1 ")
		add(t, h, l.hold("held", 0, never))
		cancel()
		wg.Wait()
		l.want(t, "the end", "held:2 ")
		if h.Add(l.hold("after", 0, never)) {
			t.Fatal("held after the end")
		}
	})
}

func TestRecheck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &log{}
		h := New(Options{MaxOffset: func(string, int32) int64 { return 1 }})
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		wg.Go(func() { h.Run(ctx) })
		add(t, h, l.hold("missed", 0, never), l.hold("waits", 1, never))
		time.Sleep(5001 * time.Millisecond)
		synctest.Wait()
		l.want(t, "five seconds later", "missed:0 ")
		cancel()
		wg.Wait()
	})
}

// TestRandom compares the heap, the lists and the owners with a plain set.
func TestRandom(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	h := New(Options{})
	alive := map[*Hold]bool{}
	for range 20_000 {
		switch rng.IntN(6) {
		case 0, 1, 2:
			p := &Hold{
				Topic: fmt.Sprint(rng.IntN(5)), Queue: rng.Int32N(4), From: rng.Int64N(10), Deadline: rng.Int64N(1000), Owner: rng.IntN(7),
				Wake: func(p *Hold, _ Reason) { delete(alive, p) },
			}
			add(t, h, p)
			alive[p] = true
		case 3, 4:
			h.Arrive(fmt.Sprint(rng.IntN(5)), rng.Int32N(4), rng.Int64N(12), 0, true)
		case 5:
			owner := rng.IntN(7)
			h.Drop(owner)
			for p := range alive {
				if p.Owner == owner {
					delete(alive, p)
				}
			}
		}
		for owner := range 7 {
			want, got := 0, 0
			for p := range alive {
				if p.Owner == owner {
					want++
				}
			}
			for i := range h.shards {
				if first := h.shards[i].owners[owner]; first != nil {
					got += first.owned
				}
			}
			if got != want {
				t.Fatalf("owner %d has %d, want %d", owner, got, want)
			}
		}
		if h.Len() != len(alive) {
			t.Fatalf("%d held, want %d", h.Len(), len(alive))
		}
	}
	for i := range h.shards {
		for j, p := range h.shards[i].deadlines {
			if p.heapIndex != j || j > 0 && h.shards[i].deadlines[(j-1)/2].Deadline > p.Deadline {
				t.Fatalf("heap of shard %d is broken at %d", i, j)
			}
		}
	}
	h.Stop()
	if len(alive) != 0 || h.Len() != 0 {
		t.Fatalf("%d left after the end", len(alive))
	}
}

// Who comes while the table is stopped is not held by nobody.
func TestAddWhileItStops(t *testing.T) {
	t.Parallel()
	for range 100 {
		h, l := New(Options{}), &log{}
		s := h.shard("T", 0)
		s.mu.Lock()
		held := make(chan bool)
		go func() { held <- h.Add(l.hold("a", 0, never)) }()
		runtime.Gosched() // it may be at the lock now, or not yet there
		h.stopped.Store(true)
		s.mu.Unlock()
		if <-held || h.Len() != 0 {
			t.Fatal("held after the stop")
		}
	}
}
