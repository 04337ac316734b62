package store

import (
	"fmt"
	"sync/atomic"

	"github.com/skylarkmq/skylark/message"
)

// recent is where the part of the log begins that this process has appended so short ago that its pages have not left memory:
// that is served as it was written. Everything else came from a disk, which may have changed it, and is compared with its sum
// before anybody sees it. A consumer that keeps up pays nothing.
//
// What is recent was appended in the last one to two minutes, and is no more than a 32nd of the memory, but 16 MiB, and 1 GiB at most.
type recent struct {
	bytes int64
	mark  atomic.Int64 // the end of the log a minute ago or two
	next  int64        // and at the time of at
	at    int64
}

const (
	recentMs                          = 60_000
	recentOfMemory                    = 32
	recentBytesLeast, recentBytesMost = 16 << 20, 1 << 30
)

func (r *recent) init(memory, end, nowMs int64) {
	r.bytes = min(max(memory/recentOfMemory, recentBytesLeast), recentBytesMost)
	r.next, r.at = end, nowMs
	r.mark.Store(end)
}

// note is told of the end of the log now and then, by one goroutine.
func (r *recent) note(end, nowMs int64) {
	if nowMs-r.at >= recentMs {
		r.mark.Store(r.next)
		r.next, r.at = end, nowMs
	}
}

// noteRecent is called each second.
func (s *Store) noteRecent() { s.recent.note(s.commitLog.Max(), s.clk.MonoMs()) }

// suspectBelow is the place in the log below which records are compared with their sums.
func (s *Store) suspectBelow() int64 {
	return max(s.recent.mark.Load(), s.commitLog.Max()-s.recent.bytes)
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
