package deadletter

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestSpans compares them with a set.
func TestSpans(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var s spans
		set := map[int64]bool{}
		for _, offset := range rapid.SliceOf(rapid.Int64Range(0, 40)).Draw(t, "offsets") {
			s = s.add(offset)
			set[offset] = true
			if !s.sound() {
				t.Fatalf("%v", s)
			}
		}
		low := rapid.Int64Range(0, 45).Draw(t, "low")
		n, first := int64(0), low
		for set[first] {
			first++
		}
		for offset := range int64(60) {
			if s.has(offset) != set[offset] {
				t.Fatalf("%d in %v", offset, s)
			}
			if set[offset] && offset >= low {
				n++
			}
		}
		if s.count(low) != n || s.firstOut(low) != first {
			t.Fatalf("from %d: %d in, first out %d, in %v", low, s.count(low), s.firstOut(low), s)
		}
		s = s.cut(low)
		if !s.sound() || s.count(0) != n {
			t.Fatalf("cut at %d: %v", low, s)
		}
		for i := 1; i+1 < len(s); i += 2 {
			if s[i] == s[i+1] {
				t.Fatalf("not joined: %v", s)
			}
		}
	})
}

func TestTable(t *testing.T) {
	t.Parallel()
	q := Queue{"%DLQ%G", 0}
	table := New()
	if err := table.Begin(Intent{Queue: q, Letters: []Letter{{3, 300}, {4, 400}, {9, 900}}, LogEnd: 5000}); err != nil {
		t.Fatal(err)
	}
	again := reread(t, table)
	if diff := cmp.Diff([]Intent{{Queue: q, Letters: []Letter{{3, 300}, {4, 400}, {9, 900}}, LogEnd: 5000}}, again.Intents()); diff != "" {
		t.Fatal(diff)
	}
	again.Finish(q, []Letter{{3, 300}, {4, 400}})
	again = reread(t, again)
	if len(again.Intents()) != 0 || !again.Sent(q, 4) || again.Sent(q, 9) {
		t.Error("not what was sent")
	}
	if sent, first := again.Count(q, 4); sent != 1 || first != 5 {
		t.Errorf("%d sent, first %d", sent, first)
	}
	again.Same(q, func(offset int64) (int64, bool) { return 400, offset == 4 })
	again.Same(q, func(int64) (int64, bool) { return 0, false }) // expired
	if !again.Sent(q, 4) {
		t.Error("forgotten, though it is the same queue")
	}
	again.Same(q, func(int64) (int64, bool) { return 7, true })
	if again.Sent(q, 4) {
		t.Error("another queue of that name has nothing to do with it")
	}
	if table.Finish(q, nil); len(table.queues) != 0 {
		t.Error("nothing was sent, and it is remembered")
	}
}

func reread(t *testing.T, from *Table) *Table {
	t.Helper()
	data, err := from.Encode()
	if err != nil {
		t.Fatal(err)
	}
	to := New()
	if err := to.Decode(data); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestHostileFile(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		``, `{"queues":[{"topic":"","queueId":0,"sent":[]}]}`, `{"queues":[{"topic":"T","queueId":0,"sent":[1]}]}`,
		`{"queues":[{"topic":"T","queueId":0,"sent":[2,1]}]}`, `{"queues":[{"topic":"T","queueId":0,"sent":[-1,1]}]}`,
		`{"queues":[{"topic":"T","queueId":-1,"sent":[1,2]}]}`, `{"queues":[{"topic":"T","queueId":0,"sent":[1,2],"about":[1]}]}`,
	} {
		if New().Decode([]byte(text)) == nil {
			t.Errorf("taken: %s", text)
		}
	}
}
