package transaction

import (
	"slices"
	"testing"
	"time"
)

// rounds lets a check after the other go by.
func (w *world) rounds(n int) {
	for range n {
		w.pass(30 * time.Second)
	}
}

// A half message that was appended again more often than it may have aliases: the
// progress that a crash leaves lies among its newest places, so the op record must
// name those.
func TestTheNewestPlacesOfManyAreNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set.CheckMax = 1000
	p := w.prepare("PG", "T", []string{"a"})
	w.rounds(maxAliases + 3)
	w.saveOffsets()
	w.rounds(3)
	if v := w.end(p[0], true, false, false); v != Claimed { // by the oldest place, which is no alias any more
		t.Fatalf("end: %d", v)
	}
	for _, u := range []string{"b", "c", "d", "e"} { // the end of the log that is searched for commits begins behind it
		w.Flush()
		w.end(w.prepare("PG", "T", []string{u})[0], false, false, false)
	}
	w.Flush()
	w.kill()
	if w.rounds(1); w.Open() != 0 || len(w.asked) != 0 {
		t.Fatalf("%d open, asked %d", w.Open(), len(w.asked))
	}
	if got := w.visible("T"); !slices.Equal(got, []string{"a"}) {
		t.Fatalf("visible %v", got)
	}
}

func TestLoadKeepsTheNewestPlaces(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set.CheckMax = 1000
	w.prepare("PG", "T", []string{"a"})
	newest := int64(maxAliases + 6)
	w.rounds(int(newest))
	w.kill() // no offset was saved: all copies are read
	h := w.index.byPlace[newest]
	if h == nil || len(h.aliases) != maxAliases || h.aliases[0] != newest-maxAliases || h.aliases[maxAliases-1] != newest-1 {
		t.Fatalf("%+v", h)
	}
	if len(w.index.aliases) != maxAliases {
		t.Fatalf("%d aliases in the index", len(w.index.aliases))
	}
}
