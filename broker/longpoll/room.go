package longpoll

import "sync"

// Where no more can be held, one who holds little gets the places of the one who holds
// most: else a single connection could take them all, and everybody else would be answered
// at once, ask again at once, and so on. Those that give way are answered as if their time
// were over.

// censusMs is for how long a census holds that gave nobody room: to count is a walk over all.
const censusMs = 1000

// census is how many holds each owner had when it was taken.
type census struct {
	counts map[any]int
	hog    any // who had most
	until  int64
}

func newCensus(now int64) *census { return &census{counts: map[any]int{}, until: now + censusMs} }

func (c *census) add(owner any, n int) {
	c.counts[owner] += n
	if c.hog == nil || c.counts[owner] > c.counts[c.hog] {
		c.hog = owner
	}
}

// giveWay is how many of the hog's holds go for one more of an owner: enough that the next
// ones need no census, 0 when the owner has about as many itself.
func (c *census) giveWay(owner any) int {
	own, most := c.counts[owner], c.counts[c.hog]
	if owner == nil || c.hog == nil || most <= own+1 {
		return 0
	}
	return max(1, (most-own)/8)
}

// roomIn makes room in a full queue; what it returns has to be woken without the lock of
// the shard, which it needs. None: there is no room.
func (h *Holds) roomIn(s *shard, l *list, owner any) (out *Hold) {
	if now := h.opt.Clock.MonoMs(); l.census == nil || now >= l.census.until {
		l.census = newCensus(now)
		for p := l.head; p != nil; p = p.next {
			l.census.add(p.Owner, 1)
		}
	}
	n := l.census.giveWay(owner)
	if n == 0 {
		return nil
	}
	hog := l.census.hog
	l.census = nil
	tail := &out
	for p := l.head; p != nil && n > 0; {
		next := p.next
		if p.Owner == hog {
			h.remove(s, p)
			*tail, tail = p, &p.next
			n--
		}
		p = next
	}
	return out
}

// fullHouse is the census of all holds.
type fullHouse struct {
	mu sync.Mutex
	*census
}

// room makes room where all queues together hold as many as may be.
func (h *Holds) room(owner any) bool {
	hog, n := h.hogOfAll(owner)
	if n == 0 {
		return false
	}
	made := false
	for i := range h.shards {
		s := &h.shards[i]
		var woken *Hold
		s.mu.Lock()
		for ; n > 0 && s.owners[hog] != nil; n-- {
			p := s.owners[hog]
			h.remove(s, p)
			p.next, woken = woken, p
		}
		s.mu.Unlock()
		made = made || woken != nil
		wake(woken, TimedOut)
	}
	return made
}

func (h *Holds) hogOfAll(owner any) (hog any, n int) {
	f := &h.house
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := h.opt.Clock.MonoMs(); f.census == nil || now >= f.until {
		f.census = newCensus(now)
		for i := range h.shards {
			s := &h.shards[i]
			s.mu.Lock()
			for o, first := range s.owners {
				f.add(o, first.owned)
			}
			s.mu.Unlock()
		}
	}
	if hog, n = f.hog, f.giveWay(owner); n > 0 {
		f.census = nil
	}
	return hog, n
}
