package consumequeue

import "testing"

// One answer among five that does not fit is outvoted; at an edge it may not be told
// from the edge, and then counts for itself.
func TestInOrder(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		list string
		i    int
		want bool
	}{
		{"00000", 2, false},
		{"11111", 2, true},
		{"00111", 2, true},
		{"00011", 2, false},
		{"00100", 2, false},
		{"11011", 2, true},
		{"01000", 2, false},
		{"00010", 2, false},
		{"10111", 2, true},
		{"00001", 2, false},
		{"1", 0, true},
		{"0", 0, false},
		{"100", 0, false},
		{"110", 2, true},
		{"001", 2, true},
		{"01011", 2, false},
	} {
		list := make([]bool, len(row.list))
		for i, c := range row.list {
			list[i] = c == '1'
		}
		if got := inOrder(list, row.i); got != row.want {
			t.Errorf("%s at %d: %t", row.list, row.i, got)
		}
	}
}
