package store

import (
	"sync"
	"sync/atomic"
)

// Reasons not to read or write. The low bits are those of Java's RunningFlags.
const (
	flagNotReadable  = 1 << 0
	flagNotWriteable = 1 << 1 // a flush failed
	flagQueueError   = 1 << 2
	flagIndexError   = 1 << 3
	flagDiskFull     = 1 << 4
	flagFenced       = 1 << 5
	flagLogicsFull   = 1 << 6
	flagClosed       = 1 << 16
	flagSlave        = 1 << 17
	// A flush of them failed: nothing is refused for it, but nothing vouches for them
	// either until a restart, and while it was the queues no file of the log is deleted.
	flagQueueUnsynced = 1 << 18
	flagIndexUnsynced = 1 << 19

	// Unlike in Java an index that fails does not stop producers.
	refuseWrites = flagNotWriteable | flagQueueError | flagDiskFull | flagFenced | flagLogicsFull | flagClosed | flagSlave
)

// flags are reasons, and what to say about them.
type flags struct {
	bits atomic.Uint32
	mu   sync.Mutex
	why  map[uint32]string
}

func (f *flags) has(bits uint32) bool { return f.bits.Load()&bits != 0 }

func (f *flags) set(bit uint32, why string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.why == nil {
		f.why = make(map[uint32]string)
	}
	f.why[bit] = why
	f.bits.Or(bit)
}

func (f *flags) clear(bit uint32) {
	if !f.has(bit) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.why, bit)
	f.bits.And(^bit)
}

// reason is why one of the bits is set, the lowest first.
func (f *flags) reason(bits uint32) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	for bit := uint32(1); bit != 0; bit <<= 1 {
		if why, ok := f.why[bit]; ok && bit&bits != 0 {
			return why
		}
	}
	return ""
}

func (s *Store) refuses() bool { return s.flags.has(refuseWrites) }

// Writeable says whether messages are accepted, and if not, why.
func (s *Store) Writeable() (ok bool, reason string) {
	if !s.refuses() {
		return true, ""
	}
	return false, s.flags.reason(refuseWrites)
}

// DiskFull stops (or lets go on) the acceptance of messages; cleaning decides.
func (s *Store) DiskFull(full bool, why string) {
	if full {
		s.flags.set(flagDiskFull, why)
	} else {
		s.flags.clear(flagDiskFull)
	}
}

// Busy says whether an append has been at the disk for too long (Java: the page
// cache is busy): new messages are better refused than queued behind it.
func (s *Store) Busy() bool { return s.busy(s.cfg.Get()) }

func (s *Store) busy(cfg *Config) bool {
	took := s.lockTimeMs()
	return took > cfg.OsPageCacheBusyTimeOutMills && took < 10_000_000
}

// lockTimeMs is for how long the append lock has been held by the one who has it.
func (s *Store) lockTimeMs() int64 {
	if at := s.lockedAt.Load(); at != 0 {
		return s.clk.MonoMs() - at
	}
	return 0
}
