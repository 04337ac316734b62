package loglimit

import (
	"sync"
	"time"
)

// Every is for a line that many causes would repeat: the first is written at once, then one a period. The zero value is ready.
type Every struct {
	mu     sync.Mutex
	saidAt int64 // MonoMs: who sets the machine's clock neither silences a line nor lets it flood; 0: never
	left   int64
}

// Turn says whether a line is written now, by MonoMs of a clock, and how many were left out since the last one.
func (e *Every) Turn(now int64, period time.Duration) (left int64, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.saidAt != 0 && now-e.saidAt < period.Milliseconds() {
		e.left++
		return 0, false
	}
	left, e.left, e.saidAt = e.left, 0, now
	return left, true
}
