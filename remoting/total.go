package remoting

import (
	"cmp"
	"errors"
	"slices"
)

// Some bounds are about all connections together. Who happens to pass one is rarely who fills it: these choose whom to close.

// relieve closes who owes most while all together owe too much. l is the loop that asks, nil for anybody else.
func (s *Server) relieve(l *loop) {
	for s.outbound.Load() > s.cfg.MaxPendingBytes {
		worst, owed := s.slowest()
		if worst == nil || owed <= s.cfg.MaxPendingBytes {
			return // who is closed already has what is too much, and gives it back when its last write has ended
		}
		p, ok := worst.transport().(*plain)
		switch {
		case !ok:
			worst.slow()
			s.keepTotal() // by the resumer, which looks again when the books have settled
			return
		case p.l == l:
			l.closeSlow(worst)
		case l == nil || owed <= s.cfg.MaxPendingBytes+s.cfg.MaxPendingBytes/8:
			p.look(worst) // its loop refreshes its books first, and comes back here
			return
		default: // its loop hangs
			if worst = l.slowest(); worst == nil {
				return
			}
			l.closeSlow(worst)
		}
	}
}

// slowest is who owes most of those that are not closed, and what they owe together.
func (s *Server) slowest() (worst *Conn, all int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	most := int64(0)
	for c := range s.conns {
		if c.Closed() {
			continue
		}
		owed := c.owed.Load() + c.queued.Load()
		all += owed
		if owed > most {
			worst, most = c, owed
		}
	}
	return worst, all
}

var errUnfinished = errors.New("its frame has been unfinished for longest, and unfinished frames of all connections are too many bytes")

// stale is a connection with an unfinished frame.
type stale struct {
	c     *Conn
	since int64
	bytes int64
}

// closeStale closes those whose frames have been unfinished for longest, as many as give an eighth of the bound back: who sends at the pace
// of a network is done soon, who fills the bound has to wait. An error: it is the turn of the one who asks, which closes itself.
func (s *Server) closeStale(asking *Conn) error {
	if s.partial.Load() > s.cfg.MaxPartialBytes+s.cfg.MaxPartialBytes/8 {
		return errUnfinished // those that are to go hang with their loop: nothing more fits
	}
	list, itself := s.takeStale(asking)
	for _, st := range list {
		s.badFrame(st.c, errUnfinished)
		st.c.Close()
	}
	if itself {
		return errUnfinished
	}
	return nil
}

// takeStale chooses them; itself: the one who asks is another of them.
func (s *Server) takeStale(asking *Conn) (list []stale, itself bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	over := s.partial.Load() - s.leaving - s.cfg.MaxPartialBytes
	if over <= 0 {
		return nil, false // enough of them are on their way
	}
	small := s.cfg.MaxPartialBytes / 4096 // requests that wait for their client to read are as old, and give nothing back
	for c := range s.conns {
		if n := c.partial.Load(); n > 0 && c.leaving == 0 {
			list = append(list, stale{c, c.partialSince.Load(), n})
		}
	}
	slices.SortFunc(list, func(a, b stale) int {
		switch {
		case a.bytes < small && b.bytes >= small:
			return 1
		case a.bytes >= small && b.bytes < small:
			return -1
		}
		return cmp.Compare(a.since, b.since)
	})
	n := 0
	for free := over + s.cfg.MaxPartialBytes/8; n < len(list) && free > 0; n++ {
		c := list[n].c
		free -= list[n].bytes
		c.leaving = list[n].bytes
		s.leaving += c.leaving
		itself = itself || c == asking
	}
	return slices.DeleteFunc(list[:n], func(st stale) bool { return st.c == asking }), itself
}
