package store

import (
	"fmt"

	"github.com/skylarkmq/skylark/message"
)

// recentBytes: what this process has appended so short ago that its pages have not
// left memory is served as it was written. Everything else came from a disk, which may
// have changed it, and is compared with its sum before anybody sees it. A consumer that
// keeps up pays nothing.
const recentBytes = 64 << 20

// suspectBelow is the place in the log below which records are compared with their sums.
func (s *Store) suspectBelow() int64 {
	return max(s.recoveredEnd, s.commitLog.Max()-recentBytes)
}

// Sound says whether a record that was read and decoded may be used: its body agrees
// with its sum, where that has to be asked.
func (s *Store) Sound(v *message.View) error {
	if v.PhyOffset >= s.suspectBelow() {
		return nil
	}
	if err := v.CheckBody(); err != nil {
		return fmt.Errorf("store: record at %d: %w", v.PhyOffset, err)
	}
	return nil
}

// sound is the same for the record of a queue's unit, not decoded yet. A length that
// is wrong inside of a record would make a client lose those behind it, too.
func (g *getting) sound(rec []byte) error {
	var v message.View
	if err := message.Decode(rec, &v); err != nil {
		return err
	}
	if !message.IsLight(g.req.Topic) && (string(v.Topic) != g.req.Topic || v.QueueID != g.req.QueueID) {
		return fmt.Errorf("%w: a record of topic %q queue %d", message.ErrCorrupt, v.Topic[:min(len(v.Topic), 255)], v.QueueID)
	}
	return v.CheckBody()
}
