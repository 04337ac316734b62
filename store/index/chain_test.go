package index

import (
	"fmt"
	"math"
	"testing"

	"github.com/skylarkmq/skylark/internal/vfs"
)

// readCounter counts the reads of a file.
type readCounter struct {
	vfs.File
	reads int
}

func (r *readCounter) ReadAt(p []byte, at int64) (int, error) {
	r.reads++
	return r.File.ReadAt(p, at)
}

// A chain is walked entry by entry, whatever lies between them. One whose entries lie side by side takes few reads, one over all the file
// a read of an entry each.
func TestChain(t *testing.T) {
	t.Parallel()
	const entries = 60_000
	opt := testOptions(t.TempDir())
	opt.Slots, opt.Entries = 1000, entries
	x := open(t, opt, false, 0)
	numbers := map[string][]int32{}
	for n := int32(1); n < entries; n++ {
		key := "mine"
		switch {
		case n%2000 == 0:
			key = "rare"
		case n > 20_000 && n%7 < 3:
			key = fmt.Sprint("other", n)
		}
		if err := x.Put([]int32{hashOf(key)}, int64(n)*100, 1000+int64(n)); err != nil {
			t.Fatal(err)
		}
		numbers[key] = append(numbers[key], n)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	x = open(t, opt, false, math.MaxInt64)
	f := x.list()[0]
	raw, err := f.acquire()
	if err != nil {
		t.Fatal(err)
	}
	defer f.release()
	for key, most := range map[string]int{"mine": 200, "rare": len(numbers["rare"])} {
		counted := &readCounter{File: raw}
		walk := chain{f: f, raw: counted}
		for i := len(numbers[key]) - 1; i >= 0; i-- {
			n := numbers[key][i]
			if e, err := walk.entry(n); err != nil || e.phy != int64(n)*100 || e.hash != hashOf(key) {
				t.Fatalf("%s: entry %d is %+v, %v", key, n, e, err)
			}
		}
		if counted.reads == 0 || counted.reads > most {
			t.Errorf("%s: %d reads for %d entries, want %d at most", key, counted.reads, len(numbers[key]), most)
		}
	}
	found, _, _, err := x.Query("mine", entries, 0, math.MaxInt64)
	if err != nil || len(found) != len(numbers["mine"]) {
		t.Errorf("found %d, %v; want %d", len(found), err, len(numbers["mine"]))
	}
}
