package load

import (
	"slices"
	"sync"
	"time"
)

// latencies collects durations in nanoseconds; each goroutine keeps its own slice and merges it once.
type latencies struct {
	mu sync.Mutex
	ns []int64
}

func (l *latencies) merge(ns []int64) {
	l.mu.Lock()
	l.ns = append(l.ns, ns...)
	l.mu.Unlock()
}

// Percentiles of a run, in milliseconds.
type Percentiles struct{ P50, P99, P999, Max float64 }

func (l *latencies) percentiles() Percentiles {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.ns) == 0 {
		return Percentiles{}
	}
	slices.Sort(l.ns)
	at := func(p float64) float64 {
		return float64(l.ns[int(p*float64(len(l.ns)-1))]) / float64(time.Millisecond)
	}
	return Percentiles{P50: at(.5), P99: at(.99), P999: at(.999), Max: at(1)}
}
