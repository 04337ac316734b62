package stats

import (
	"sync"
	"sync/atomic"
)

// Item is one counter: a sum, how many times it was added to, and what both were at the last samplings.
type Item struct {
	value, times atomic.Int64

	mu                sync.Mutex // the lists; the sampler writes, views read
	minute, hour, day []sample
}

type sample struct{ atMs, value, times int64 }

const (
	minuteSlots = 7 // every 10 s: one minute from the first to the last
	hourSlots   = 7 // every 10 min
	daySlots    = 25
)

// Snapshot is the change over a period: BrokerStatsItem on the wire.
type Snapshot struct {
	Sum   int64
	Tps   float64
	AvgPt float64
}

// Add counts.
func (i *Item) Add(value, times int64) {
	i.value.Add(value)
	i.times.Add(times)
}

// Value is the sum since the start.
func (i *Item) Value() int64 { return i.value.Load() }

func (i *Item) touched() bool { return i.times.Load() != 0 }

// sample appends to one list. An empty list begins with zeros one step earlier, as the original's does, so that what was counted
// before the first sampling shows.
func (i *Item) sample(list *[]sample, slots int, nowMs, stepMs int64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(*list) == 0 {
		*list = append(*list, sample{atMs: nowMs - stepMs})
	}
	next := sample{atMs: nowMs, value: i.value.Load(), times: i.times.Load()}
	if len(*list) < slots {
		*list = append(*list, next)
		return
	}
	copy(*list, (*list)[1:])
	(*list)[slots-1] = next
}

func (i *Item) snapshot(list *[]sample) Snapshot {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(*list) == 0 {
		return Snapshot{}
	}
	first, last := (*list)[0], (*list)[len(*list)-1]
	s := Snapshot{Sum: last.value - first.value}
	if ms := last.atMs - first.atMs; ms > 0 {
		s.Tps = float64(s.Sum) * 1000 / float64(ms)
	}
	if times := last.times - first.times; times > 0 {
		s.AvgPt = float64(s.Sum) / float64(times)
	}
	return s
}
