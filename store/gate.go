package store

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/skylarkmq/skylark/internal/clock"
)

// gate is a mutex that one can also wait for with a limit. Free, it costs what a
// mutex does; who finds it free takes it, before those who wait, as with a mutex.
type gate struct {
	mu      sync.Mutex
	waiting atomic.Int32
	freed   chan struct{} // of capacity 1: wakes one of those who wait with a limit
}

func (g *gate) init() { g.freed = make(chan struct{}, 1) }

// Lock waits as long as it takes.
func (g *gate) Lock() { g.mu.Lock() }

// Unlock lets the next one in.
func (g *gate) Unlock() {
	g.mu.Unlock()
	if g.waiting.Load() > 0 {
		g.wake()
	}
}

func (g *gate) wake() {
	select {
	case g.freed <- struct{}{}:
	default:
	}
}

// lockWithin says whether it holds the lock: within the limit, or not.
func (g *gate) lockWithin(clk clock.Clock, limit time.Duration) bool {
	return g.mu.TryLock() || g.wait(clk, limit)
}

func (g *gate) wait(clk clock.Clock, limit time.Duration) bool {
	g.waiting.Add(1)
	defer func() {
		if g.waiting.Add(-1) > 0 {
			g.wake() // this one may have taken the call that was for another
		}
	}()
	late := clk.NewTimer(limit)
	defer late.Stop()
	for {
		// After waiting was raised: an unlock from here on is told.
		if g.mu.TryLock() {
			return true
		}
		select {
		case <-g.freed:
		case <-late.C():
			return g.mu.TryLock()
		}
	}
}
