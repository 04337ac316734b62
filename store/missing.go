package store

import "slices"

// The index may refuse keys for a while: no room or no descriptor for its next file. They
// wait in memory, in the order of the log, until it takes them; with too many it is given
// up until the next start, which fills it from the log. Messages can be consumed
// without it.

// missingMost bounds the records whose keys wait: some 16 MiB.
const missingMost = 1 << 18

// missing are the keys that the index did not take; dispatching guards them.
type missing struct {
	records []keysOf
	lost    bool // too many: what waited was dropped
}

// keysOf are keys of one record.
type keysOf struct {
	hashes         []int32
	phy, storeTime int64
}

// fillIndex adds the keys of a record, behind those that wait.
func (s *Store) fillIndex(e *entry, hashes []int32) {
	m := &s.missing
	keys := hashes[e.keys[0]:e.keys[1]]
	if m.lost || len(keys) == 0 {
		return
	}
	if len(m.records) == 0 {
		done, err := s.index.PutSome(keys, e.phy, e.storeTime)
		if err == nil {
			return
		}
		keys = keys[done:]
		s.flags.set(flagIndexError, s.trouble(err))
		s.logger.Error().Err(err).Msg("store: the index cannot be written; keys of new messages are not found until it can, which is tried every second")
	}
	if len(m.records) == missingMost {
		*m = missing{lost: true}
		s.logger.Error().Str("why", s.flags.reason(flagIndexError)).Msg("store: too many keys wait for the index; keys of new messages will not be found until a restart")
		return
	}
	m.records = append(m.records, keysOf{slices.Clone(keys), e.phy, e.storeTime})
}

// retryKeys puts the keys that wait into the index, a part of them at a time: messages
// are dispatched between.
func (s *Store) retryKeys() error {
	for more := true; more; {
		var err error
		if more, err = s.retrySome(1 << 10); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) retrySome(most int) (more bool, err error) {
	s.dispatching.Lock()
	defer s.dispatching.Unlock()
	m := &s.missing
	for ; most > 0 && len(m.records) > 0; most-- {
		r := &m.records[0]
		done, err := s.index.PutSome(r.hashes, r.phy, r.storeTime)
		if err != nil {
			r.hashes = r.hashes[done:]
			return false, err
		}
		m.records = m.records[1:]
	}
	if len(m.records) > 0 {
		return true, nil
	}
	if m.records = nil; !m.lost && s.flags.has(flagIndexError) {
		s.flags.clear(flagIndexError)
		s.logger.Info().Msg("store: the index has all keys again")
	}
	return false, nil
}
