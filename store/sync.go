package store

// Sync makes durable what was appended before the call, whatever the flush mode:
// for state that must not get ahead of the messages it speaks of.
func (s *Store) Sync() error { return s.flushLog() }
