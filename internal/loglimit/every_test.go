package loglimit

import (
	"testing"
	"time"

	"github.com/skylarkmq/skylark/internal/clock"
)

// Of lines that repeat each other there is one a period, and the next one says how many it stands for.
func TestEvery(t *testing.T) {
	t.Parallel()
	clk := clock.NewFake(time.UnixMilli(1_700_000_000_000))
	var e Every
	for i, step := range []struct {
		after time.Duration
		left  int64
		ok    bool
	}{
		{0, 0, true},
		{0, 0, false},
		{9_999 * time.Millisecond, 0, false},
		{time.Millisecond, 2, true},
		{time.Second, 0, false},
		{time.Hour, 1, true},
		{time.Hour, 0, true},
	} {
		clk.Advance(step.after)
		if left, ok := e.Turn(clk.MonoMs(), 10*time.Second); left != step.left || ok != step.ok {
			t.Errorf("step %d: %d left out, %t", i, left, ok)
		}
	}
}
