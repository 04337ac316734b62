package transaction

import (
	"fmt"
	"strings"
	"testing"
)

// A disk may fail to read half messages while they are looked for. Trouble that passes costs nothing; of what stays
// unread nobody is asked, but a commit is obeyed, once, as soon as its record can be read.
func TestHalvesThatCannotBeReadAtTheStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	places := w.prepare("G", "T", []string{"a", "b", "c", "d", "e"})
	w.hide = map[int64]int{places[1].offset: 1, places[3].offset: 100}
	w.kill()
	if n := w.Open(); n != len(places)-1 {
		t.Errorf("%d open, want all but one", n)
	}
	if said := strings.Count(w.log.String(), "half messages cannot be read"); said != 1 {
		t.Errorf("said %d times: %s", said, &w.log)
	}
	w.hide = nil
	if got := w.end(places[3], true, false, false); got != Claimed {
		t.Errorf("the commit of the one that could not be read: %v", got)
	}
	if got := w.end(places[3], true, false, false); got != Repeated {
		t.Errorf("the same again: %v", got)
	}
	for _, p := range []place{places[0], places[1], places[2], places[4]} {
		if got := w.end(p, true, false, false); got != Claimed {
			t.Errorf("the commit of %d: %v", p.offset, got)
		}
	}
	if n := w.Open(); n != 0 {
		t.Errorf("%d open at the end", n)
	}
}

// Of a long stretch that is gone, as with a file of the log, not each is asked for alone; what lies behind it is found.
func TestManyHalvesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	names := make([]string, 200)
	for i := range names {
		names[i] = fmt.Sprint("u", i)
	}
	places := w.prepare("G", "T", names)
	w.hide = map[int64]int{}
	for _, p := range places[10:150] {
		w.hide[p.offset] = 100
	}
	w.kill()
	if n := w.Open(); n != 60 {
		t.Errorf("%d open, want those in front of the stretch and behind it", n)
	}
	w.hide = nil
	for _, p := range places {
		if got := w.end(p, true, false, false); got != Claimed {
			t.Fatalf("the commit of %d: %v", p.offset, got)
		}
	}
}
