package transaction

import (
	"slices"
	"strconv"
	"testing"

	"github.com/skylarkmq/skylark/message"
)

// dying is a shelf on which what others send comes between any two appends. The
// process dies when so many op records are in the log.
type dying struct {
	shelf
	left int
}

func (d *dying) Append(list []message.Message) []Stored {
	n := min(len(list), d.left)
	d.left -= n
	out := append(d.shelf.Append(list[:n]), make([]Stored, len(list)-n)...)
	d.shelf.Append([]message.Message{{Topic: "Other", BornHost: host, Body: []byte("x")}})
	return out
}

// A flush that takes a dozen op records is cut off by a crash after any of them: the
// commit that the last one names was stored before the first, and is found.
func TestCrashAmongTheRecordsOfOneFlush(t *testing.T) {
	t.Parallel()
	for records := range 14 {
		w := newWorld(t)
		w.set.OpMaxSize = 64
		names := make([]string, 200)
		for i := range names {
			names[i] = "u" + strconv.Itoa(i)
		}
		p := w.prepare("PG", "T", names)
		last := len(p) - 1
		for _, rolledBack := range p[:last] {
			w.end(rolledBack, false, false, false)
		}
		w.end(p[last], true, false, false)
		w.opt.Store = &dying{shelf{w.store}, records}
		w.Flush()
		w.kill()
		if _, isOpen := w.Find(p[last].offset); isOpen {
			t.Fatalf("after %d op records: what was committed is open", records)
		}
		if v := w.end(p[last], true, true, false); v != Repeated {
			t.Fatalf("after %d op records: committed again: %d", records, v)
		}
		if got := w.visible("T"); !slices.Equal(got, []string{names[last]}) {
			t.Fatalf("after %d op records: visible %v", records, got)
		}
	}
}

// named are the half offsets of all op records.
func (w *world) named() (list []int64) {
	w.t.Helper()
	recs, _ := shelf{w.store}.Get(message.TopicOpHalf, queue, 0, 32, nil)
	for len(recs) > 0 {
		var v message.View
		if err := message.Decode(recs, &v); err != nil {
			w.t.Fatal(err)
		}
		EachOp(v.Body, func(o int64) { list = append(list, o) })
		recs = recs[v.Size:]
	}
	return list
}

// What one flush could not store is named by the next, and nothing twice.
func TestOpRecordsThatWereNotStoredComeAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set.OpMaxSize = 64
	names := make([]string, 60)
	for i := range names {
		names[i] = "u" + strconv.Itoa(i)
	}
	for _, p := range w.prepare("PG", "T", names) {
		w.end(p, false, false, false)
	}
	w.opt.Store = &dying{shelf{w.store}, 1}
	w.Flush()
	w.opt.Store = shelf{w.store}
	w.Flush()
	w.Flush()
	named := w.named()
	if slices.Sort(named); len(named) != len(names) || len(slices.Compact(named)) != len(names) {
		t.Fatalf("named %v", named)
	}
}
