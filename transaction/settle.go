package transaction

import "github.com/skylarkmq/skylark/message"

// Opening is a half message that has just been appended; one without a Size was
// not. Group and Uniq are borrowed, RealTopic is kept.
type Opening struct {
	Group, Uniq  []byte
	RealTopic    string
	Born, Stored int64
	Immunity     int64 // ms, -1 without
	Offset, Phy  int64
	Size         int32
	Layout       Layout
	Resumed      bool // it had other places before, which decisions may name
}

// Opened enters half messages into the index, under a Ticket that was taken before
// they were appended, and before anybody is told where they are.
func (c *Coordinator) Opened(list []Opening) {
	entered := int64(0)
	x := &c.index
	x.mu.Lock()
	for i := range list {
		o := &list[i]
		if o.Size == 0 {
			continue
		}
		h := x.take()
		h.offset, h.phy, h.size, h.born, h.stored = o.Offset, o.Phy, o.Size, o.Born, o.Stored
		h.immunity, h.origin, h.checks, h.layout = o.Immunity, -1, -1, o.Layout
		h.id = x.identity(o.Group, o.Uniq, o.Born)
		h.group, h.topic = x.groupOf(o.Group), x.topicOf(o.RealTopic)
		x.enter(h, o.Stored)
		if o.Resumed {
			x.copies[h.id] = h
		}
		entered++
	}
	x.mu.Unlock()
	c.size.Add(entered)
	c.Counters.Halves.Add(entered)
}

// Claim is the right to settle one half message: Settled or Released gives it up,
// and leaves the zero value, which both of them pass over.
type Claim struct {
	half      *half
	topic     *topicCount
	born      int64
	id        uint64
	asked     int64 // the offset that END_TRANSACTION named
	discarded bool
	layout    Layout
	Phy       int64 // of the newest copy
	Size      int32
}

// Verdict is what a claim has found.
type Verdict uint8

// Verdicts.
const (
	Claimed  Verdict = iota
	Repeated         // settled before, or being settled now
	Unsure           // the record must be read to know
)

// Claim claims a half message by the newest place that producers know of. It
// reads memory only. Anything but an exact match, and a decision that comes after
// its immunity, is Unsure: ClaimRecord looks closer.
func (c *Coordinator) Claim(group []byte, offset, phy int64, fromCheck bool) (Claim, Verdict) {
	x := &c.index
	x.mu.Lock()
	defer x.mu.Unlock()
	h := x.byPlace[offset]
	if h == nil || h.phy != phy || h.group.name != string(group) {
		return Claim{}, Unsure
	}
	if h.immunity >= 0 && !fromCheck {
		return Claim{}, Unsure
	}
	return c.claim(h, offset)
}

// claim needs mu.
func (c *Coordinator) claim(h *half, asked int64) (Claim, Verdict) {
	if h.state != open {
		return Claim{}, Repeated
	}
	h.state = settling
	return Claim{half: h, topic: h.topic, born: h.born, id: h.id, asked: asked, layout: h.layout, Phy: h.phy, Size: h.size}, Claimed
}

// ClaimRecord claims by a record of the half queue that is known to be one. It may
// be an old copy: then the newest one is claimed. A commit of a discarded half
// message is obeyed, and of one that the last start could not read. While it is being
// resumed, which may take as long as the disk does, the claim waits: not on a loop.
func (c *Coordinator) ClaimRecord(v *message.View, f *Facts, commit bool) (Claim, Verdict) {
	id := c.index.identity(f.Group, f.Uniq, v.BornTimestamp)
	x := &c.index
	x.mu.Lock()
	defer x.mu.Unlock()
	x.awaitLifted(id)
	h := x.byPlace[v.QueueOffset]
	if h == nil {
		h = x.aliases[v.QueueOffset]
	}
	if h == nil {
		h = x.newerCopy(id, v.QueueOffset)
	}
	if h != nil && h.id == id {
		return c.claim(h, v.QueueOffset)
	}
	if commit && !x.committing[id] && (x.discarded.take(id) || x.unread.take(uint64(v.QueueOffset))) {
		x.committing[id] = true
		return Claim{
			topic: x.topicOf(string(f.RealTopic)), born: v.BornTimestamp, id: id, asked: v.QueueOffset, discarded: true,
			Phy: v.PhyOffset, Size: v.Size,
		}, Claimed
	}
	c.Counters.Repeated.Add(1)
	return Claim{}, Repeated
}

// newerCopy finds what was appended again before this process began, or too often
// for its aliases; mu is held.
func (x *index) newerCopy(id uint64, offset int64) *half {
	if h := x.copies[id]; h != nil && h.offset > offset {
		return h
	}
	return nil
}

// Released gives a claim back: the half message stays open.
func (c *Coordinator) Released(cl *Claim) {
	x := &c.index
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case cl.discarded:
		delete(x.committing, cl.id)
		x.discarded.add(cl.id)
	case cl.half != nil && cl.half.state == settling:
		cl.half.state = open
	}
	*cl = Claim{}
}

// Settled says that the decision is in the log, or needs none, and appends to dst
// what End must be given.
func (c *Coordinator) Settled(cl *Claim, commit, fromCheck bool, dst []int64) []int64 {
	d := c.Settling()
	defer d.End()
	return d.Settled(cl, commit, fromCheck, dst)
}

// Settling says the same of several decisions, one call of Settled each, between Coordinator.Settling
// and End. Whoever wants the index waits meanwhile.
type Settling struct {
	c   *Coordinator
	now int64

	commits, rollbacks, checks, closed int64
}

// Settling begins.
func (c *Coordinator) Settling() Settling {
	d := Settling{c: c, now: c.clk.NowMs()}
	c.index.mu.Lock()
	return d
}

// End is called once, also when a panic comes in between.
func (d *Settling) End() {
	d.c.index.mu.Unlock()
	d.c.size.Add(-d.closed)
	n := &d.c.Counters
	n.Commits.Add(d.commits)
	n.Rollbacks.Add(d.rollbacks)
	n.ChecksAnswered.Add(d.checks)
}

// Settled is Coordinator.Settled.
func (d *Settling) Settled(cl *Claim, commit, fromCheck bool, dst []int64) []int64 {
	if cl.topic == nil {
		return dst
	}
	if commit {
		d.commits++
	} else {
		d.rollbacks++
	}
	if fromCheck {
		d.checks++
	}
	x := &d.c.index
	cl.topic.decided(commit, d.now-cl.born)
	switch h := cl.half; {
	case cl.discarded:
		delete(x.committing, cl.id)
		dst = append(dst, cl.asked)
	case h.moving:
		h.state = settled // the round that moves it writes both offsets into one record
	default:
		dst = h.named(dst, cl.asked)
		x.remove(h, d.now)
		d.closed++
	}
	*cl = Claim{}
	return dst
}

// named appends what an op record must say of a half message: its newest offset,
// and in the same record every one it had before. The progress that was saved last
// may lie in front of those, and a reader that starts there must not take them for
// open; one that starts behind them passes them over.
func (h *half) named(dst []int64, asked int64) []int64 {
	for _, a := range h.aliases {
		if a != h.origin && a != asked {
			dst = append(dst, ^a)
		}
	}
	if h.origin >= 0 && h.origin != asked && h.origin != h.offset {
		dst = append(dst, ^h.origin)
	}
	if asked != h.offset {
		dst = append(dst, ^asked)
	}
	return append(dst, h.offset)
}
