package offset

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func table(step int64) *Table {
	return New(Options{NowMs: func() int64 { return 7 }, VersionStep: func() int64 { return step }})
}

func TestCommitAndQuery(t *testing.T) {
	t.Parallel()
	o := table(500)
	if got := o.Query("G", "T", 0); got != None {
		t.Fatalf("%d before any commit", got)
	}
	o.Commit("G", "T", 0, 10)
	if before, ok := o.Commit("G", "T", 0, 3); before != 10 || !ok {
		t.Fatalf("a smaller offset: %d, %v", before, ok)
	}
	if got := o.Query("G", "T", 0); got != 3 {
		t.Fatalf("%d, want the smaller one", got)
	}
	if got := o.QueryPull("G", "T", 0); got != 3 {
		t.Fatalf("pull offset %d, want the committed one", got)
	}
	o.CommitPull("G", "T", 0, 42)
	if got := o.QueryPull("G", "T", 0); got != 42 {
		t.Fatalf("pull offset %d, want 42", got)
	}
	if got := o.Queues("G", "T"); !cmp.Equal(got, map[int32]int64{0: 3}) {
		t.Fatalf("queues %v", got)
	}
}

// What a consumer commits is void while a reset waits for it, and revives nothing that was deleted.
func TestConsumed(t *testing.T) {
	t.Parallel()
	resets, gone := true, false
	o := New(Options{
		NowMs: func() int64 { return 7 }, ServerSideReset: func() bool { return resets }, Known: func(_, _ string) bool { return !gone },
	})
	for _, step := range []struct {
		name    string
		do      func()
		outcome Outcome
		after   int64
	}{
		{"the first", func() {}, Stored, 10},
		{"a reset waits", func() { o.AssignReset("G", "T", 0, 100) }, Void, 100},
		{"it was taken", func() { o.TakeReset("G", "T", 0) }, Stored, 10},
		{"resets are switched off", func() { o.AssignReset("G", "T", 0, 100); resets = false }, Stored, 10},
		{"the topic is unknown, and still has its offsets", func() { gone = true }, Stored, 10},
		{"they are gone", func() { o.RemoveTopic("T") }, Refused, None},
		{"it is there again", func() { gone = false }, Stored, 10},
	} {
		step.do()
		if got := o.Consumed("G", "T", 0, 10); got != step.outcome || o.Query("G", "T", 0) != step.after {
			t.Errorf("%s: %d, then the offset %d, want %d, %d", step.name, got, o.Query("G", "T", 0), step.outcome, step.after)
		}
	}
	gone = true
	o.RemoveTopic("T")
	if o.CommitPull("G", "T", 0, 5); o.QueryPull("G", "T", 0) != None {
		t.Error("a pull revives a deleted topic's offsets")
	}
}

func TestReset(t *testing.T) {
	t.Parallel()
	o := table(500)
	o.AssignReset("G", "T", 1, 100)
	if !o.HasReset("G", "T", 1) || o.HasReset("G", "T", 0) || o.Query("G", "T", 1) != 100 {
		t.Fatal("reset not assigned")
	}
	if offset, ok := o.TakeReset("G", "T", 1); offset != 100 || !ok {
		t.Fatalf("took %d, %v", offset, ok)
	}
	if _, ok := o.TakeReset("G", "T", 1); ok {
		t.Fatal("taken twice")
	}
	if got := o.Query("G", "T", 1); got != 100 {
		t.Fatalf("committed %d, want what the reset said", got)
	}
	for _, bad := range []struct {
		queue  int32
		offset int64
	}{{-1, 5}, {0, -5}} {
		o.AssignReset("G", "T", bad.queue, bad.offset)
		if o.HasReset("G", "T", bad.queue) {
			t.Fatalf("reset of queue %d to %d taken", bad.queue, bad.offset)
		}
	}
}

func TestVersionStep(t *testing.T) {
	t.Parallel()
	o := table(3)
	start := o.Version().Counter
	for i := range int64(7) {
		o.Commit("G", "T", 0, i)
	}
	if got := o.Version().Counter - start; got != 2 {
		t.Fatalf("7 commits moved the version %d times, want 2", got)
	}
}

func TestCloneAndRemove(t *testing.T) {
	t.Parallel()
	o := table(500)
	o.Commit("G", "T", 0, 1)
	o.Commit("G", "T2", 0, 2)
	o.Commit("H", "T", 0, 3)
	o.Clone("G", "X", "T")
	o.Clone("none", "Y", "T")
	if o.Query("X", "T", 0) != 1 || o.Query("Y", "T", 0) != None {
		t.Fatal("clone")
	}
	if got := o.Topics("G"); !cmp.Equal(got, []string{"T", "T2"}) {
		t.Fatalf("topics %v", got)
	}
	o.CommitPull("I", "T", 0, 3) // not committed
	o.Commit("G@broadcast", "T", 0, 3)
	if got := o.TopicsByGroup(); !cmp.Equal(got, map[string][]string{"G": {"T", "T2"}, "H": {"T"}, "X": {"T"}}) {
		t.Fatalf("topics by group %v", got)
	}
	if got := o.Groups("T"); !cmp.Equal(got, []string{"G", "H", "X"}) {
		t.Fatalf("groups %v", got)
	}
	o.RemoveGroup("G")
	o.RemoveTopic("T")
	if len(o.All()) != 0 {
		t.Fatalf("left: %v", o.All())
	}
}

func TestQueuesAreBounded(t *testing.T) {
	t.Parallel()
	o := table(0)
	for i := range int32(maxQueuesPerKey) {
		o.Commit("G", "T", i, 1)
	}
	if _, ok := o.Commit("G", "T", maxQueuesPerKey, 1); ok {
		t.Fatal("one queue too many was taken")
	}
	if _, ok := o.Commit("G", "T", 5, 2); !ok {
		t.Fatal("a known queue was refused")
	}
}

// counted is what the table says it has, and what it has.
func counted(o *Table) (said, has int64) {
	o.each(func(r *row) bool {
		has += r.entries()
		return true
	})
	return o.entries.Load(), has
}

// Every way in and out is counted.
func TestEntriesAreCounted(t *testing.T) {
	t.Parallel()
	o := table(0)
	for _, step := range []struct {
		what string
		do   func()
		want int64
	}{
		{"commits", func() { o.Commit("G", "T", 0, 1); o.Commit("G", "T", 1, 1); o.Commit("G", "T", 1, 2) }, 2},
		{"pulls", func() { o.CommitPull("G", "T", 0, 1); o.CommitPull("G", "T", 0, 2) }, 3},
		{"a reset", func() { o.AssignReset("G", "T", 7, 5) }, 4},
		{"and its end", func() { o.TakeReset("G", "T", 7) }, 4},
		{"a copy", func() { o.Clone("G", "H", "T") }, 7},
		{"and again", func() { o.Clone("G", "H", "T") }, 7},
		{"a smaller one", func() { o.Commit("I", "T", 0, 1); o.Clone("I", "H", "T") }, 6},
		{"committed ones removed", func() { o.Remove("G", "T") }, 3},
		{"twice", func() { o.Remove("G", "T") }, 3},
		{"a group removed", func() { o.RemoveGroup("G") }, 2},
		{"a topic removed", func() { o.RemoveTopic("T") }, 0},
		{"a file", func() { _ = o.Decode([]byte(`{"offsetTable":{"T@G":{0:1,1:2},"U@G":{0:1}}}`)) }, 3},
		{"another", func() { _ = o.Decode([]byte(`{"offsetTable":{"T@G":{0:1}}}`)) }, 1},
	} {
		step.do()
		if said, has := counted(o); said != step.want || has != step.want {
			t.Fatalf("%s: %d entries are counted, %d are there, want %d", step.what, said, has, step.want)
		}
	}
}

func TestBoundOfMemoryLimit(t *testing.T) {
	t.Parallel()
	for limit, most := range map[int64]int64{0: maxEntries, 1 << 40: maxEntries, 256 << 20: 32 << 20 / entryBytes} {
		if o := New(Options{NowMs: func() int64 { return 0 }, MemoryLimit: limit}); o.most != most {
			t.Errorf("limit %d: %d entries, want %d", limit, o.most, most)
		}
	}
}

// A full table takes nothing that is new; what is known moves on, and a file is taken
// whatever it holds.
func TestEntriesAreBounded(t *testing.T) {
	t.Parallel()
	o := table(0)
	o.Commit("G", "T", 0, 1)
	o.CommitPull("G", "T", 0, 1)
	o.entries.Add(maxEntries - 3)
	if _, ok := o.Commit("G", "T", 1, 1); !ok {
		t.Fatal("the last entry was refused")
	}
	for _, other := range []struct {
		group string
		queue int32
	}{{"G", 2}, {"new", 0}} {
		if before, ok := o.Commit(other.group, "T", other.queue, 1); ok || before != None {
			t.Errorf("%s: one more was taken", other.group)
		}
		o.CommitPull(other.group, "T", other.queue, 1)
		if got := o.QueryPull(other.group, "T", other.queue); got != None {
			t.Errorf("%s: one more was pulled, to %d", other.group, got)
		}
	}
	if o.Clone("G", "H", "T"); o.Query("H", "T", 0) != None {
		t.Error("a copy was taken")
	}
	if o.keys.Load() != 1 {
		t.Errorf("%d rows, want no empty ones", o.keys.Load())
	}
	o.Commit("G", "T", 0, 8)
	o.CommitPull("G", "T", 0, 9)
	if o.Query("G", "T", 0) != 8 || o.QueryPull("G", "T", 0) != 9 {
		t.Error("a known queue was not updated")
	}
	o.AssignReset("G", "T", 0, 4)
	if got, ok := o.TakeReset("G", "T", 0); got != 4 || !ok {
		t.Error("an operator's reset was not taken")
	}
	o.entries.Add(10 << 20) // of groups that are not in this test
	if err := o.Decode([]byte(`{"offsetTable":{"T@G":{0:1,1:2},"U@H":{0:3}}}`)); err != nil {
		t.Fatal(err)
	}
	if o.Query("G", "T", 1) != 2 || o.Query("H", "U", 0) != 3 {
		t.Errorf("of the file there is %v", o.All())
	}
}

func TestFileOfJava(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"consumerOffset-5.4.0.json", "consumerOffset-4.9.4.json"} {
		data, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		o := table(500)
		o.Commit("old", "T", 0, 1)
		if err := o.Decode(data); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if o.Query("CG_retry", "%RETRY%CG_retry", 0) != 40 || o.Query("CG_order", "GoldenOrder", 1) != 30 {
			t.Fatalf("%s: %v", file, o.All())
		}
		if o.Query("old", "T", 0) != None {
			t.Fatalf("%s: what was there before is still there", file)
		}
		first, err := o.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again := table(500)
		if err := again.Decode(first); err != nil {
			t.Fatal(err)
		}
		if second, _ := again.Encode(); !bytes.Equal(first, second) {
			t.Fatalf("%s: not the same after a round trip:\n%s\n%s", file, first, second)
		}
	}
}

// A key that no consumer can ask for does not make the file unreadable; what is no such
// file still does.
func TestFileWithOddKeys(t *testing.T) {
	t.Parallel()
	var skipped [][]string
	o := New(Options{NowMs: func() int64 { return 7 }, Light: true, Skipped: func(keys []string) { skipped = append(skipped, keys) }})
	err := o.Decode([]byte(`{"dataVersion":{"counter":3,"stateVersion":0,"timestamp":5},"lmqOffsetTable":{"%LMQ%a":4,"T@%LMQ%g":5},
		"offsetTable":{"@g":{0:1},"T@":{0:1},"no separator":{0:1},"":{0:1},"T@G":{0:8}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]string{{"", "%LMQ%a", "@g", "T@", "no separator"}}, skipped); diff != "" {
		t.Error(diff)
	}
	if o.Query("G", "T", 0) != 8 || o.Query("%LMQ%g", "T", 0) != 5 || len(o.All()) != 2 || o.Version().Counter != 3 {
		t.Errorf("loaded %v, version %v", o.All(), o.Version())
	}
	if err := table(1).Decode([]byte(`{"offsetTable":{"@g":{0:1}}}`)); err != nil {
		t.Errorf("with nobody who hears: %v", err)
	}
	for _, bad := range []string{"", "{", `{"offsetTable":[]}`, `{"offsetTable":{"T@G":{"x":1}}}`} {
		if err := o.Decode([]byte(bad)); err == nil {
			t.Errorf("%q was loaded", bad)
		}
	}
	if len(skipped) != 1 {
		t.Errorf("told %d times", len(skipped))
	}
}

func BenchmarkCommit(b *testing.B) {
	o := table(500)
	for i := range 1000 {
		o.Commit(fmt.Sprint("G", i), "T", 0, 1)
	}
	b.ReportAllocs()
	for i := range b.N {
		o.Commit("G7", "T", 0, int64(i))
	}
}
