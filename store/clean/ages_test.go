package clean

import (
	"testing"
	"time"
)

func TestAges(t *testing.T) {
	t.Parallel()
	const year = 365 * 24 * time.Hour
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	type at struct{ wall, mono time.Duration } // since the begin
	for _, row := range []struct {
		name     string
		notes    []at
		modified time.Duration
		want     time.Duration
		set      time.Duration // by the last note
	}{
		{"no step", []at{{0, 0}, {time.Hour, time.Hour}}, 0, time.Hour, 0},
		{"steered", []at{{0, 0}, {time.Hour + 30*time.Second, time.Hour}}, 0, time.Hour + 30*time.Second, 0},
		{"written before the step", []at{{0, 0}, {time.Hour + year, time.Hour}}, -time.Hour, 2 * time.Hour, year},
		{"and time goes on", []at{{0, 0}, {time.Hour + year, time.Hour}, {3*time.Hour + year, 3 * time.Hour}}, -time.Hour, 4 * time.Hour, 0},
		{"written after it", []at{{0, 0}, {time.Hour + year, time.Hour}, {3*time.Hour + year, 3 * time.Hour}}, time.Hour + year, 2 * time.Hour, 0},
		{"two steps", []at{{0, 0}, {time.Hour, 0}, {3 * time.Hour, time.Hour}}, -time.Hour, 2 * time.Hour, time.Hour},
		{"between two", []at{{0, 0}, {time.Hour, 0}, {3 * time.Hour, time.Hour}}, 90 * time.Minute, 30 * time.Minute, time.Hour},
		{"set right again", []at{{0, 0}, {year, 0}, {0, 0}}, -time.Hour, time.Hour, -year},
		{"half of it", []at{{0, 0}, {2 * time.Hour, 0}, {time.Hour, 0}}, -time.Hour, time.Hour, -time.Hour},
		{"back alone: as the clock says", []at{{0, 0}, {-time.Hour, 0}}, -3 * time.Hour, 2 * time.Hour, -time.Hour},
	} {
		var a Ages
		var set time.Duration
		for _, n := range row.notes {
			set = a.Note(begin.Add(n.wall), n.mono.Milliseconds())
		}
		if got := a.Of(begin.Add(row.modified)); got != row.want || set != row.set {
			t.Errorf("%s: %v old, want %v; set by %v, want %v", row.name, got, row.want, set, row.set)
		}
	}
	var a Ages
	a.Note(begin, 0)
	for n := range 3 * stepsMost {
		a.Note(begin.Add(time.Duration(n+1)*time.Hour), 0)
	}
	if got := a.Of(begin); got != 0 || len(a.steps) != stepsMost {
		t.Errorf("after many steps: %v old, %d remembered", got, len(a.steps))
	}
}
