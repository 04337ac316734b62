package dataversion

import "testing"

func TestNewer(t *testing.T) {
	t.Parallel()
	base := Version{Counter: 5, StateVersion: 2, Timestamp: 100}
	for _, row := range []struct {
		name string
		v    Version
		want bool
	}{
		{"itself", base, false},
		{"later, same count", Version{5, 2, 101}, true},
		{"one more change", Version{6, 2, 1}, true},
		{"one less, though later", Version{4, 2, 999}, false},
		{"another term", Version{0, 3, 0}, true},
		{"an old term", Version{99, 1, 999}, false},
	} {
		if got := row.v.Newer(base); got != row.want {
			t.Errorf("%s: %v", row.name, got)
		}
	}
	if next := base.Next(7); next != (Version{6, 2, 7}) || base.Counter != 5 {
		t.Errorf("next %+v", next)
	}
}
