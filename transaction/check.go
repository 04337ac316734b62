package transaction

import (
	"context"

	"github.com/skylarkmq/skylark/message"
)

// What a round does with an open half message.
type action uint8

const (
	leave   action = iota
	ask            // append it again, one check more, and ask a producer
	renew          // append it again: it is immune, and must not hold the queue up
	discard        // move it to TRANS_CHECK_MAX_TIME_TOPIC
)

const (
	// roundMs is for how long one round may work, Java's MAX_PROCESS_TIME_LIMIT.
	roundMs = 60_000
	// turnOf is how many half messages a group has handled before the next one's
	// turn, batchBytes how much is appended at once.
	turnOf     = 32
	batchBytes = 1 << 20
	// scanned is how many entries are looked at under one hold of the lock.
	scanned = 2048
)

// Round looks at all open half messages once. Groups take turns, a few messages
// each: one with a hundred thousand of them does not delay one with a single one.
func (c *Coordinator) Round(ctx context.Context) {
	c.round.Lock()
	defer c.round.Unlock()
	c.index.mu.Lock()
	c.index.walk() // its jobs name halves until they are done
	c.index.mu.Unlock()
	defer c.index.walked()
	set, start := c.opt.Settings(), c.clk.NowMs()
	_, high := c.opt.Store.Bounds(message.TopicHalf, queue)
	c.Flush() // turns the tickets over: every half message before high is in the index now
	groups := c.due(start, &set)
	c.work(ctx, groups, start, &set)
	c.settleWarnings()
	c.index.mu.Lock()
	if c.index.first != nil {
		high = min(high, c.index.first.offset)
	}
	c.index.mu.Unlock()
	c.progress.advance(high, c.opt.Store.End())
	c.progress.publish(c, false)
	end := c.clk.NowMs()
	c.Counters.Rounds.Add(1)
	c.Counters.RoundMs.Add(end - start)
	c.Counters.LastRoundEnd.Store(end)
}

// job is one half message and what to do with it.
type job struct {
	half *half
	do   action
}

// due picks what needs anything, by group, oldest first.
func (c *Coordinator) due(start int64, set *Settings) (groups [][]job) {
	x := &c.index
	at := map[*group]int{}
	x.mu.Lock()
	defer x.mu.Unlock()
	n := 0
	for h := x.first; h != nil; h = h.next {
		if do := h.dueAt(start, set); do != leave {
			i, ok := at[h.group]
			if !ok {
				i = len(groups)
				at[h.group] = i
				groups = append(groups, nil)
			}
			groups[i] = append(groups[i], job{h, do})
		}
		if n++; n%scanned == 0 {
			x.mu.Unlock() // those who wait get it: h.next outlives h
			x.mu.Lock()   // given back by the deferred call
		}
	}
	return groups
}

// dueAt decides; Java's order. Java counts a copy made in the immunity as a check,
// and so discards what nobody was ever asked about; that is not copied. Who claims to
// be born in the future is neither young nor immune: its immunity would have no end.
func (h *half) dueAt(start int64, set *Settings) action {
	age := start - h.born
	switch {
	case h.state != open:
		return leave
	case h.checks >= set.CheckMax, age > set.ReservedMs:
		return discard
	case h.stored >= start:
		return leave
	case h.immunity >= 0:
		if age >= 0 && age <= immunityMs(h.immunity, set.TimeoutMs) {
			return renew
		}
	case age >= 0 && age <= set.TimeoutMs:
		return leave
	}
	return ask
}

// work does the jobs, groups in turn.
func (c *Coordinator) work(ctx context.Context, groups [][]job, start int64, set *Settings) {
	var m mover
	for len(groups) > 0 {
		left := groups[:0]
		for _, jobs := range groups {
			n := min(turnOf, len(jobs))
			if ctx.Err() != nil || c.clk.NowMs()-start > roundMs {
				return
			}
			m.move(c, jobs[:n], set)
			if n < len(jobs) {
				left = append(left, jobs[n:])
			}
		}
		groups = left
	}
}

// settleWarnings lets a group be warned about again when it has recovered.
func (c *Coordinator) settleWarnings() {
	c.index.mu.Lock()
	defer c.index.mu.Unlock()
	for _, g := range c.index.groups {
		g.warned, g.near = g.warned && g.near, false
	}
}
