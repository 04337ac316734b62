package store

import (
	"math"

	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store/commitlog"
)

// A hole is a part of the log that is no record, with records behind it. After a
// clean stop its messages keep their units, which lead into it and are not served.
// When a crash made the queues anew, the first record of a queue behind the hole says
// how many are missing, and gets units for them that lead there as well: later
// messages must not move up.
type hole struct{ from, to int64 }

// resume says how far a walk may go on behind damage. After a clean stop the queues
// know where the log ends. After a crash the checkpoint does, as far as it vouches: a
// record with that time was flushed. Records that Java left behind the end of an
// earlier crash are older than those in front of them.
func (r *recovery) resume(abnormal bool, queued int64) *commitlog.Resume {
	res := &commitlog.Resume{Lost: func(from, to int64, err error) {
		r.s.logger.Error().Err(err).Int64("from", from).Int64("to", to).Msg("store: a part of the log is damaged; its messages are lost, and those behind it are kept")
		r.holes = append(r.holes, hole{from, to})
	}}
	if abnormal {
		res.Certain = func(int64) bool { return r.lastTime < r.check.Durable }
		res.Accept = func(v *message.View) bool { return v.StoreTimestamp >= r.lastTime }
	} else {
		res.Certain = func(end int64) bool { return end < queued }
		res.Accept = func(v *message.View) bool { return v.PhyOffset < queued }
	}
	return res
}

// put is fill for a chunk of the walk.
func (r *recovery) put(c *chunk) (done int, err error) {
	if len(c.holes) == 0 {
		return r.s.fill(c.items, c.hashes)
	}
	for i := range c.items {
		if err := plug(&c.items[i].entry, c.holes); err != nil {
			return i, err
		}
		if done, err := r.s.fill(c.items[i:i+1], c.hashes); done == 0 {
			return i, err
		}
	}
	return len(c.items), nil
}

// plug gives the missing messages in front of a record units. What is missing without
// a hole is missing for another reason, and the queue decides.
func plug(e *entry, holes []hole) error {
	if e.queue == nil {
		return nil
	}
	const most = 1 << 10 // more were not lost in one place
	next := e.queue.MaxOffset()
	at := -1
	for i, h := range holes {
		if h.to <= e.phy {
			at = i
		}
	}
	if at < 0 || e.offset-next > most || next == 0 {
		return nil
	}
	for ; next < e.offset; next++ {
		size := int32(min(holes[at].to-holes[at].from, math.MaxInt32-1))
		if err := e.queue.Put(next, holes[at].from, size, 0, e.storeTime); err != nil {
			return err
		}
	}
	return nil
}
