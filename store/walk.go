package store

import (
	"fmt"

	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store/commitlog"
)

// Walk visits the records of the log from a place on, in order, to the end of what
// had been appended when it began, at least. The place must be the start of a record; what a View
// points into is used again for the next. An error of visit ends the walk. Where the log is damaged
// it goes on with the next record, and says so in the log file; when there is none, that is an error.
// It waits for the disk.
func (s *Store) Walk(from int64, visit func(v *message.View) error) error {
	end := s.commitLog.Max()
	check := commitlog.Check{Resume: &commitlog.Resume{
		Certain: func(at int64) bool { return at < end },
		Accept:  func(v *message.View) bool { return v.PhyOffset < end },
		Lost: func(from, to int64, err error) {
			s.logger.Error().Err(err).Int64("from", from).Int64("to", to).Msg("store: a part of the log is damaged, and passed over")
		},
	}}
	scan, err := s.commitLog.Scan(max(from, s.commitLog.Min()), check, func(_ int64, _ []byte, v *message.View) error { return visit(v) })
	if err == nil && scan.End < end {
		err = fmt.Errorf("store: the log cannot be read from %d to %d: %w", scan.End, end, scan.Stop)
	}
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
