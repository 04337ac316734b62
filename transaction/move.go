package transaction

import (
	"fmt"
	"slices"

	"github.com/skylarkmq/skylark/message"
)

// mover appends half messages again, or discards them, a few at a time; its memory
// is used again.
type mover struct {
	jobs    []job
	views   []message.View
	buf     []byte
	list    []message.Message
	settled []int64
}

// move handles a few half messages of one group. What is settled while they are
// appended is named in one op record with its copy; the ticket makes sure that no
// op record is written in between.
func (m *mover) move(c *Coordinator, jobs []job, set *Settings) {
	if c.opt.PrepareDiscard != nil && slices.ContainsFunc(jobs, func(j job) bool { return j.do == discard }) {
		c.opt.PrepareDiscard() // before there is a ticket: it may wait for name servers, and op records for tickets
	}
	for len(jobs) > 0 {
		t := c.Begin()
		m.settled = m.settled[:0]
		n := m.prepare(c, jobs)
		stored := c.append(m.list)
		asked := m.apply(c, stored, set)
		c.End(t, m.settled)
		for _, i := range asked {
			m.ask(c, i, &stored[i])
		}
		jobs = jobs[n:]
	}
	clear(m.views)
	clear(m.list)
}

func (c *Coordinator) append(list []message.Message) []Stored {
	if len(list) == 0 {
		return nil
	}
	return c.opt.Store.Append(list)
}

// prepare reads the records of as many jobs as one append takes and builds their
// copies; n is how many jobs that covers, with those that need nothing any more.
func (m *mover) prepare(c *Coordinator, jobs []job) (n int) {
	m.jobs, m.views, m.list, m.buf = m.jobs[:0], m.views[:0], m.list[:0], m.buf[:0]
	if cap(m.buf) == 0 {
		m.buf = make([]byte, 0, batchBytes)
	}
	for ; n < len(jobs); n++ {
		j := jobs[n]
		if !m.take(c, j.half) {
			continue
		}
		if from := len(m.buf); from > 0 && from+int(j.half.size) > cap(m.buf) {
			c.stay(j.half) // the buffer must not move under the views: next time
			break
		}
		from := len(m.buf)
		rec, err := c.opt.Store.Record(j.half.phy, j.half.size, m.buf)
		if err != nil {
			c.unreadable(j.half, err)
			continue
		}
		var v message.View
		if err := c.decode(rec[from:], j.half, &v); err != nil {
			c.damaged(j.half, err)
			continue
		}
		m.buf = rec
		m.add(j, v)
	}
	return max(n, 1)
}

// decode reads the record of h. Stored again, a damaged body would get a sum that fits.
func (c *Coordinator) decode(rec []byte, h *half, v *message.View) error {
	if err := message.Decode(rec, v); err != nil {
		return err
	}
	if v.QueueOffset != h.offset {
		return fmt.Errorf("transaction: %w: it says it is at %d of its queue", message.ErrCorrupt, v.QueueOffset)
	}
	return c.opt.Store.Sound(v)
}

// take marks a half message as moving, unless it was settled since.
func (m *mover) take(c *Coordinator, h *half) bool {
	c.index.mu.Lock()
	defer c.index.mu.Unlock()
	if h.state != open {
		return false
	}
	h.moving = true
	return true
}

// stay is the end of a move that did not happen.
func (c *Coordinator) stay(h *half) {
	c.index.mu.Lock()
	defer c.index.mu.Unlock()
	h.moving = false
	if h.state == settled { // nobody will move it: name it now
		c.ops.giveBack(h.named(nil, h.offset))
		c.index.remove(h, c.clk.NowMs())
		c.size.Add(-1)
	}
}

// unreadable forgets a half message whose file is gone, as Java jumps over it; any
// other trouble may pass.
func (c *Coordinator) unreadable(h *half, err error) {
	if h.phy >= c.opt.Store.Oldest() {
		c.log.Error().Err(err).Int64("offset", h.offset).Int64("phy", h.phy).Msg("half message cannot be read")
		c.stay(h)
		return
	}
	c.index.mu.Lock()
	defer c.index.mu.Unlock()
	if h.moving = false; h.state == settling {
		return // whoever holds it will find the same
	}
	c.log.Warn().Int64("offset", h.offset).Str("group", h.group.name).Msg("half message went with its log file, never settled")
	c.index.remove(h, c.clk.NowMs())
	c.size.Add(-1)
}

// damaged gives up a half message whose record was read and is not what was stored:
// unlike trouble with the disk this does not pass. Java jumps over it. A commit may
// still name an older copy that is whole.
func (c *Coordinator) damaged(h *half, err error) {
	c.index.mu.Lock()
	defer c.index.mu.Unlock()
	c.log.Error().Err(err).Int64("offset", h.offset).Int64("phy", h.phy).Msg("half message is damaged on the disk")
	if h.moving = false; h.state == settling {
		return // as above
	}
	now := c.clk.NowMs()
	c.ops.giveBack(h.named(nil, h.offset))
	if h.state == open {
		c.discarded(h, now, "half message given up: it cannot be read")
		return
	}
	c.index.remove(h, now)
	c.size.Add(-1)
}

// add builds the copy.
func (m *mover) add(j job, v message.View) {
	h := j.half
	msg := message.Message{
		Topic: message.TopicHalf, QueueID: queue, Flag: v.Flag, SysFlag: v.SysFlag, BornTimestamp: v.BornTimestamp, BornHost: v.BornHost,
		StoreHost: v.StoreHost, ReconsumeTimes: v.ReconsumeTimes, Body: v.Body,
	}
	switch j.do {
	case ask:
		msg.Properties = renewed(v.Properties, max(0, h.checks)+1, -1)
	case renew:
		origin := h.origin
		if origin < 0 {
			origin = h.offset
		}
		msg.Properties = renewed(v.Properties, h.checks, origin)
	case discard:
		msg.Topic, msg.Properties = message.TopicMaxCheckTimes, v.Properties
	}
	m.jobs, m.views, m.list = append(m.jobs, j), append(m.views, v), append(m.list, msg)
}

// apply brings the index up to date and says which ones a producer must be asked about.
func (m *mover) apply(c *Coordinator, stored []Stored, set *Settings) (asked []int) {
	now := c.clk.NowMs()
	c.index.mu.Lock()
	defer c.index.mu.Unlock()
	for i, j := range m.jobs {
		h, s, was := j.half, &stored[i], j.half.offset
		h.moving = false
		switch {
		case j.do == discard && (s.OK || s.Refused):
			if h.state == open { // else decided in the last moment: the copy among the discarded is one too many
				m.settled = h.named(m.settled, was)
				c.discarded(h, now, whyDiscarded(s))
			}
		case s.OK:
			c.index.relocate(h, s)
			if j.do == renew && h.origin < 0 {
				h.origin = was
			}
		}
		// One whose properties have no room for what a copy adds is asked about where it
		// is, as often as any other.
		if j.do == ask && (s.OK || s.Refused) && c.checked(h, now, set) {
			asked = append(asked, i)
		}
		if h.state == settled {
			m.settled = h.named(m.settled, was)
			c.index.remove(h, now)
			c.size.Add(-1)
		}
	}
	return asked
}

// checked counts a check and says whether it is to be sent. It needs the index's mu.
func (c *Coordinator) checked(h *half, now int64, set *Settings) bool {
	h.checks = max(0, h.checks) + 1
	h.lastCheck = now
	c.warn(h, set)
	return h.state == open
}

func whyDiscarded(s *Stored) string {
	if s.Refused {
		return "half message given up: " + message.TopicMaxCheckTimes + " does not take it"
	}
	return "half message discarded to " + message.TopicMaxCheckTimes
}

// discarded forgets a half message that was checked in vain; a commit that comes late
// is obeyed. It needs the index's mu.
func (c *Coordinator) discarded(h *half, now int64, why string) {
	c.log.Warn().Str("group", h.group.name).Str("topic", h.topic.name).Int64("offset", h.offset).Int32("checks", max(0, h.checks)).
		Int64("born", h.born).Msg(why)
	c.Counters.Discarded.Add(1)
	c.index.discarded.add(h.id)
	c.index.remove(h, now)
	c.size.Add(-1)
}

// warn needs the index's mu.
func (c *Coordinator) warn(h *half, set *Settings) {
	if 2*h.checks < set.CheckMax {
		return
	}
	h.group.near = true
	if h.group.warned {
		return
	}
	h.group.warned = true
	c.log.Warn().Str("group", h.group.name).Str("topic", h.topic.name).Int64("offset", h.offset).Int32("checks", h.checks).
		Int32("allowed", set.CheckMax).Int("open", h.group.open).Int64("unheard", h.group.unheard).
		Msg("half of the allowed checks used up; does any producer of the group answer?")
}

// ask sends the question about a copy that was just appended, or about what it would
// have been a copy of.
func (m *mover) ask(c *Coordinator, i int, s *Stored) {
	v := m.views[i]
	if s.OK {
		v.QueueOffset, v.PhyOffset = s.QueueOffset, s.PhyOffset
		v.Properties = m.list[i].Properties
	}
	f, ok := ReadFacts(v.Properties)
	if !ok {
		return
	}
	h := m.jobs[i].half
	sent := c.opt.Check(&Check{
		Group: h.group.name, RealTopic: string(f.RealTopic), RealQueue: f.RealQueue, Uniq: f.Uniq, Half: &v,
	})
	c.index.mu.Lock()
	defer c.index.mu.Unlock()
	g := h.group
	if sent {
		g.checked++
		g.lastCheck = h.lastCheck
		c.Counters.ChecksSent.Add(1)
	} else {
		g.unheard++
		c.Counters.ChecksUnheard.Add(1)
	}
}
