package store

import "time"

const (
	// stalledAfter is for how long a call may wait for the disk before the disk
	// counts as stalled: longer than a flush of a busy disk, shorter than anything that
	// clients or operators are told about.
	stalledAfter = 300 * time.Millisecond
	// heldLong is the same for the append lock, which a healthy disk frees within
	// microseconds.
	heldLong = 20 * time.Millisecond
	// laterMost bounds the index entries that wait for a stalled disk.
	laterMost = 1 << 20
)

// BusyTimeout is osPageCacheBusyTimeOutMills, how long anybody waits for an append
// that hangs.
func (c *Config) BusyTimeout() time.Duration {
	return time.Duration(max(c.OsPageCacheBusyTimeOutMills, 1)) * time.Millisecond
}

// Stalled says whether something has been waiting for the disk for so long that who
// serves others should not touch it: an append may be held up with all who come
// behind it, because file systems make writers wait for flushes. While the disk is
// well this is two loads.
func (s *Store) Stalled() bool {
	return s.lockTimeMs() > heldLong.Milliseconds() || s.stalling()
}

func (s *Store) stalling() bool { return s.waits.Longest(s.clk) > stalledAfter.Milliseconds() }

// laterKey is an index entry that waits: the index is written through a mapping, and a
// store that waits for the disk there stops the collector, and with it the process.
type laterKey struct {
	hash      int32
	phy, time int64
}

// postpone keeps the keys of a record for later; false: they go to the index now.
// Once some wait all behind them do, as the index is in the order of the log.
func (s *Store) postpone(e *entry, hashes []int32, stalling bool) bool {
	if len(s.later) >= laterMost {
		s.putLater(laterPiece)
	}
	if len(s.later) == 0 && !stalling {
		return false
	}
	for _, h := range hashes[e.keys[0]:e.keys[1]] {
		s.later = append(s.later, laterKey{h, e.phy, e.storeTime})
	}
	s.postponed += int64(e.keys[1] - e.keys[0])
	return true
}

// laterPiece is how many entries are written while appends wait.
const laterPiece = 4096

// catchUp gives the index what waited for the disk.
func (s *Store) catchUp() {
	for s.catchUpSome() {
	}
}

func (s *Store) catchUpSome() (more bool) {
	s.dispatching.Lock()
	defer s.dispatching.Unlock()
	s.putLater(laterPiece)
	return s.later != nil
}

// putLater writes the first of them, under dispatching.
func (s *Store) putLater(most int) {
	n := min(most, len(s.later))
	for _, k := range s.later[:n] {
		s.putIndex(k.hash, k.phy, k.time)
	}
	if s.later = s.later[n:]; len(s.later) == 0 {
		s.later = nil
	}
}

// behindIndex says how many entries have been postponed ever, and whether some still
// are.
func (s *Store) behindIndex() (ever int64, some bool) {
	s.dispatching.Lock()
	defer s.dispatching.Unlock()
	return s.postponed, len(s.later) > 0
}
