package store

import (
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store/commitlog"
)

// Walk visits the records of the log from a place on, in order, to the end of what
// was appended. The place must be the start of a record; what a View points into is
// used again for the next. An error of visit ends the walk. It waits for the disk.
func (s *Store) Walk(from int64, visit func(v *message.View) error) error {
	_, err := s.commitLog.Scan(max(from, s.commitLog.Min()), commitlog.Check{}, func(_ int64, _ []byte, v *message.View) error {
		return visit(v)
	})
	return err
}

// Record appends the record of a known place and size to dst, for callers that
// learned both from this store; Lookup is for numbers that came from outside.
// residentOnly: ErrCold when it is not in memory.
func (s *Store) Record(phy int64, size int32, dst []byte, residentOnly bool) ([]byte, error) {
	return s.commitLog.Read(phy, int(size), dst, residentOnly)
}

// ErrCold is the answer to a read of what would have to be read from the disk.
var ErrCold = commitlog.ErrCold
