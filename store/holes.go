package store

import (
	"math"

	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store/commitlog"
	"github.com/skylarkmq/skylark/store/consumequeue"
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

// plug gives the missing messages in front of a record units, in each of its queues.
func plug(e *entry, holes []hole) error {
	last := -1
	for i, h := range holes {
		if h.to <= e.phy {
			last = i
		}
	}
	if last < 0 {
		return nil
	}
	if e.queue != nil {
		if err := holes[last].plug(e.queue, e.offset, e.storeTime); err != nil {
			return err
		}
	}
	if e.more == nil {
		return nil // units of batch queues say their offsets
	}
	for _, p := range e.more.places {
		if p.queue == nil {
			continue
		}
		if err := holes[last].plug(p.queue, p.offset, e.storeTime); err != nil {
			return err
		}
	}
	return nil
}

// plug fills a queue up to an offset. What is missing without a hole is missing for
// another reason, and the queue decides. Each unit gets a part of the hole of its own:
// a queue takes one that ends where another did for the same record.
func (h hole) plug(q *consumequeue.Queue, offset, storeTime int64) error {
	const most = 1 << 10 // of holes in front of this one, too
	next, size := q.MaxOffset(), h.to-h.from
	missing := offset - next
	if next == 0 || missing <= 0 || missing > max(most, size/leastRecord) || missing > size {
		return nil
	}
	step := size / missing
	for i := range missing {
		if err := q.Put(next+i, h.from+i*step, int32(min(step, math.MaxInt32)), 0, storeTime); err != nil {
			return err
		}
	}
	return nil
}
