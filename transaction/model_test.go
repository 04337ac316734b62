package transaction

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// wish is what the producer of one transaction has decided, and what it does about it.
type wish struct {
	uniq   string
	commit bool
	at     place
}

// TestModel runs thousands of transactions with every accident: decisions lost,
// doubled, late by rounds, after a check, the process killed between any two
// writes with offsets saved at any time before. In the end consumers have seen
// what was committed, each exactly once, and nothing else.
func TestModel(t *testing.T) {
	t.Parallel()
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	for seed := range rounds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			runModel(t, rand.New(rand.NewPCG(uint64(seed), 7)), 600)
		})
	}
}

func runModel(t *testing.T, r *rand.Rand, n int) {
	w := newWorld(t)
	w.set.CheckMax = 1000
	var wishes []*wish
	byUniq := map[string]*wish{}
	for len(wishes) < n {
		var names []string
		for range 1 + r.IntN(8) {
			names = append(names, fmt.Sprintf("u%d", len(wishes)+len(names)))
		}
		var more []string
		if r.IntN(4) == 0 {
			more = []string{"CHECK_IMMUNITY_TIME_IN_SECONDS", fmt.Sprint(r.IntN(120))}
		}
		for i, p := range w.prepare(fmt.Sprint("PG", r.IntN(5)), "T", names, more...) {
			wi := &wish{uniq: names[i], commit: r.IntN(3) > 0, at: p}
			wishes = append(wishes, wi)
			byUniq[wi.uniq] = wi
		}
		w.accident(r, wishes, byUniq)
	}
	for left := 0; w.Open() > 0; left++ {
		if left > 50 {
			t.Fatalf("%d half messages are never settled", w.Open())
		}
		w.pass(60 * time.Second)
		w.answer(r, byUniq, 0)
	}
	seen := map[string]int{}
	for _, u := range w.visible("T") {
		seen[u]++
	}
	for _, wi := range wishes {
		if want := map[bool]int{true: 1}[wi.commit]; seen[wi.uniq] != want {
			t.Errorf("%s (commit %v): seen %d times, want %d", wi.uniq, wi.commit, seen[wi.uniq], want)
		}
	}
}

// accident lets one thing happen after each send.
func (w *world) accident(r *rand.Rand, wishes []*wish, byUniq map[string]*wish) {
	for range 1 + r.IntN(6) {
		wi := wishes[len(wishes)-1-r.IntN(min(len(wishes), 40))]
		switch r.IntN(12) {
		case 0, 1, 2, 3, 4:
			w.end(wi.at, wi.commit, false, false)
		case 5: // twice
			w.end(wi.at, wi.commit, false, false)
			w.end(wi.at, wi.commit, false, false)
		case 6:
			w.Flush()
		case 7:
			w.saveOffsets()
		case 8, 9:
			w.pass(time.Duration(r.IntN(40)) * time.Second)
			w.answer(r, byUniq, 3)
		case 10:
			if r.IntN(8) == 0 {
				w.kill()
			}
		case 11: // killed when the real message was there and nothing else
			if r.IntN(8) == 0 {
				w.end(wi.at, wi.commit, false, true)
				w.kill()
			}
		}
	}
}

// answer lets producers answer the checks they got; of those, one in lost is lost.
func (w *world) answer(r *rand.Rand, byUniq map[string]*wish, lost int) {
	for _, a := range w.asked {
		if lost == 0 || r.IntN(lost) > 0 {
			w.end(place{a.offset, a.phy}, byUniq[a.uniq].commit, true, false)
		}
	}
	w.asked = w.asked[:0]
}
