package clean

import "time"

const (
	// stepLeast is from when on a difference is a step: less is what clocks are steered by.
	stepLeast = time.Minute
	// stepsMost are remembered one by one.
	stepsMost = 16
)

// Ages says how old files are. Their times are those of the wall clock, and one that is set forward, by hand or by a time server that
// is wrong, would make all of them old at once: what was written before such a step is younger by it. A suspended machine looks
// the same: its files do not age meanwhile. What happened before the process began is not known.
type Ages struct {
	wall   time.Time
	monoMs int64
	steps  []step
}

// A step of the wall clock, forward; before is the last time it showed until then.
type step struct {
	before time.Time
	by     time.Duration
}

// Note takes the time, of the wall clock and of one that nobody sets, and returns by how much the first was set since the last call.
// A step back takes away what steps forward there were: the clock is right again.
func (a *Ages) Note(wall time.Time, monoMs int64) (set time.Duration) {
	wall = wall.Round(0) // without Go's own monotonic reading
	before := a.wall.Add(time.Duration(monoMs-a.monoMs) * time.Millisecond)
	first := a.wall.IsZero()
	a.wall, a.monoMs = wall, monoMs
	set = wall.Sub(before)
	if first || set.Abs() < stepLeast {
		return 0
	}
	if set > 0 {
		a.steps = append(a.steps, step{before, set})
	}
	for back := -set; back > 0 && len(a.steps) > 0; {
		last := &a.steps[len(a.steps)-1]
		taken := min(back, last.by)
		back -= taken
		if last.by -= taken; last.by < stepLeast {
			a.steps = a.steps[:len(a.steps)-1]
		}
	}
	if len(a.steps) > stepsMost {
		a.steps[1].by += a.steps[0].by
		a.steps = a.steps[1:]
	}
	return set
}

// Of is how old what was last written at a time is.
func (a *Ages) Of(modified time.Time) time.Duration {
	age := a.wall.Sub(modified)
	for _, s := range a.steps {
		if !modified.After(s.before) {
			age -= s.by
		}
	}
	return age
}
