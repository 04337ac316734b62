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
	return s.lockTimeMs() > heldLong.Milliseconds() || s.waits.Longest(s.clk) > stalledAfter.Milliseconds()
}
