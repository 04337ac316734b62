package transaction

// Open half messages as an operator sees them.

// Info is one of them.
type Info struct {
	Offset, Phy    int64
	Group, Topic   string
	Born, Stored   int64
	Immunity       int64 // ms, -1 without
	Checks         int32 // used up
	LastCheck      int64 // ms, 0 never in this process
	Size           int32
	GroupOpen      int   // of the same group
	GroupUnheard   int64 // its checks for which no producer was there
	GroupLastCheck int64
}

// Query chooses half messages; zero fields choose all.
type Query struct {
	Group, Topic string
	BornBefore   int64
	ChecksFrom   int32
	From         int64 // offsets at or behind it, to go on after a page
	Max          int
}

// List is a page of them, oldest first. It holds the lock for a bounded time; more
// says that it has not looked at all of them.
func (c *Coordinator) List(q Query) (page []Info, more bool) {
	x := &c.index
	defer x.walked()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.walk()
	n := 0
	for h := x.first; h != nil; h = h.next {
		if h.offset < q.From || !q.fits(h) {
			if n++; n%scanned == 0 {
				x.mu.Unlock()
				x.mu.Lock() // given back by the deferred call
			}
			continue
		}
		if len(page) == q.Max {
			return page, true
		}
		page = append(page, h.info())
	}
	return page, false
}

func (q *Query) fits(h *half) bool {
	return h.state == open && (q.Group == "" || h.group.name == q.Group) && (q.Topic == "" || h.topic.name == q.Topic) &&
		(q.BornBefore == 0 || h.born < q.BornBefore) && max(0, h.checks) >= q.ChecksFrom
}

// Find is one open half message by any offset it has had.
func (c *Coordinator) Find(offset int64) (Info, bool) {
	c.index.mu.Lock()
	defer c.index.mu.Unlock()
	h := c.index.byPlace[offset]
	if h == nil {
		h = c.index.aliases[offset]
	}
	if h == nil {
		return Info{}, false
	}
	return h.info(), true
}

// ClaimOffset claims for an operator, whatever producer it belongs to.
func (c *Coordinator) ClaimOffset(offset int64) (Claim, Verdict) {
	c.index.mu.Lock()
	defer c.index.mu.Unlock()
	h := c.index.byPlace[offset]
	if h == nil {
		h = c.index.aliases[offset]
	}
	if h == nil {
		return Claim{}, Repeated
	}
	return c.claim(h, offset)
}

func (h *half) info() Info {
	return Info{
		Offset: h.offset, Phy: h.phy, Group: h.group.name, Topic: h.topic.name, Born: h.born, Stored: h.stored, Immunity: h.immunity,
		Checks: max(0, h.checks), LastCheck: h.lastCheck, Size: h.size,
		GroupOpen: h.group.open, GroupUnheard: h.group.unheard, GroupLastCheck: h.group.lastCheck,
	}
}

// OldestBorn is when the open half message that was stored first was made; 0 when
// there is none.
func (c *Coordinator) OldestBorn() int64 {
	c.index.mu.Lock()
	defer c.index.mu.Unlock()
	oldest := int64(0)
	n := 0
	for h := c.index.first; h != nil && n < scanned; h = h.next {
		if n++; oldest == 0 || h.born < oldest {
			oldest = h.born
		}
	}
	return oldest
}
