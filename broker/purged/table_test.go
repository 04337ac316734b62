package purged

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMarks(t *testing.T) {
	t.Parallel()
	table := New()
	want := []Mark{{"A", 2, 7, 0, 5}, {"B", 0, 9, 100, 6}, {"B", 1, 1, 300, 6}}
	if err := table.Set([]Mark{{"B", 1, 1, 300, 6}, {"B", 0, 3, 50, 1}, {"A", 2, 7, 0, 5}, {"gone", 0, 1, 1, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := table.Set([]Mark{{"B", 0, 9, 100, 6}}); err != nil {
		t.Fatal(err)
	}
	table.Drop(Mark{Topic: "gone"})
	data, err := table.Encode()
	if err != nil {
		t.Fatal(err)
	}
	other := New()
	if err := other.Decode(data); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, other.Marks()); diff != "" {
		t.Error(diff)
	}
}

func TestHostileFile(t *testing.T) {
	t.Parallel()
	table := New()
	_ = table.Set([]Mark{{"A", 0, 1, 1, 1}})
	for _, text := range []string{
		``, `[`, `{"purged":[{"topic":"","queueId":0,"offset":1,"phy":1}]}`, `{"purged":[{"topic":"T","queueId":-1,"offset":1,"phy":1}]}`,
		`{"purged":[{"topic":"T","queueId":0,"offset":-1,"phy":1}]}`, `{"purged":[{"topic":"T","queueId":0,"offset":1,"phy":-1}]}`,
	} {
		if table.Decode([]byte(text)) == nil {
			t.Errorf("taken: %s", text)
		}
	}
	if len(table.Marks()) != 1 {
		t.Error("a refused file changed the table")
	}
	if err := table.Set(make([]Mark, maxMarks)); !errors.Is(err, ErrFull) {
		t.Error(err)
	}
}
