package consumequeue

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/skylarkmq/skylark/internal/vfs"
)

// again is what recovery knows of the units that a queue has for records that are
// dispatched again. They do not count until they are put, but stay in the files: a
// unit that is put and stands there already costs nothing more. Queues with an
// extension get new units, as the addresses in them change.
type again struct {
	from, end int64 // queue offsets of these units
	dirty     bool  // the files hold something behind them
	// differs: units from here on are written; what stands there is not looked at.
	differs bool

	base int64  // queue offset of the first unit in raw
	raw  []byte // what was read of them, counted with the tails
}

// Units that are read ahead of Put, for each queue: with the first look at it, and
// then while it gets more. Crowded: once they and the tails exceed their budget.
const (
	againFirst   = 64
	againMore    = 1024
	againCrowded = 16
)

// Rebuild is Recover after a crash, for a dispatch of all records from a position of
// the commit log on: units of such records do not count any more, whatever they say,
// nor does anything behind them, until Put finds that a unit is right. A power cut may
// have kept any part of what was not durable: a hole with valid units behind it, half
// a unit, units of records that are lost. All of that would come to light at a later
// start, behind new units, so Rebuilt removes what was not put.
//
// Light queues that the owner does not fill stay as they are; Truncate cuts them at
// the end of the log. It returns what Recover does, of all that was found.
func (t *Table) Rebuild(phy int64) (int64, error) {
	t.Unclean()
	t.Replay()
	if _, err := t.takeSaved(false); err != nil {
		return 0, err
	}
	var newest atomic.Int64
	newest.Store(-1)
	err := sideBySide(t.list(), func(q *Queue) error {
		if err := q.Err(); err != nil {
			return err
		}
		for end := q.maxPhy.Load(); ; {
			if old := newest.Load(); end <= old || newest.CompareAndSwap(old, end) {
				break
			}
		}
		if isLight(q.Topic) && !t.opt.Light {
			return nil
		}
		return q.rebuild(phy)
	})
	maxPhy := newest.Load()
	t.EachBatch(func(q *BatchQueue) bool {
		if err == nil {
			maxPhy = max(maxPhy, q.MaxPhy())
			err = q.rebuild(phy)
		}
		return err == nil
	})
	return maxPhy, err
}

// Unclean says that a crash left the files: before any of them is looked at.
func (t *Table) Unclean() { t.unclean = true }

// Replay says that records of the log are put from here on, until Rebuilt. In the log stand the messages, too, of a topic
// that was deleted and made again. Its first message has offset 0 once more: the queue begins anew with it, or those
// behind it would be taken for ones that came before.
func (t *Table) Replay() { t.replayed = true }

func (q *Queue) rebuild(phy int64) error {
	if !q.hasFiles.Load() {
		return nil
	}
	// All units are in the files: nothing was put since the start.
	q.io.Lock()
	defer q.io.Unlock()
	end := q.max.Load()
	b := newBlock()
	defer b.release()
	low, err := q.search(b, phy)
	if err == nil {
		low, err = q.between(b, low, end, phy)
	}
	if err != nil {
		return err
	}
	a := &again{from: low, end: end, differs: q.ext != nil, base: low}
	if a.dirty, err = q.dirtyFrom(max(end*UnitSize, q.last)); err != nil {
		return err
	}
	if low == end {
		q.maxPhy.Store(min(q.maxPhy.Load(), phy)) // a damaged last unit may say more, and would keep the records out that follow
		if a.dirty {
			q.again = a
		}
		return nil
	}
	kept, err := q.endAt(b, low, phy)
	if err != nil {
		return err
	}
	q.again = a
	if !a.differs {
		if err := b.want(q, low, min(low+againFirst, end)); err != nil {
			return err
		}
		copy(q.roomAgain(low, againFirst), b.raw[(low-b.base)*UnitSize:])
	}
	q.settle(kept)
	q.synced, q.newFiles = low, true // a process that was killed leaves what the disk may not have
	q.min.Store(min(q.min.Load(), low))
	q.Next = low
	if low == q.first/UnitSize {
		q.setFiles(false) // begin decides where
	}
	return nil
}

// between puts right what a search said of where the records from phy on begin, when a
// damaged unit misled it: nobody puts again what is in front of that place, and what is
// behind it does not count. Only the log can tell which unit is damaged.
func (q *Queue) between(b *block, low, end, phy int64) (int64, error) {
	if q.table.opt.Leads == nil {
		return low, nil
	}
	low, before, err := q.inFront(b, low, phy)
	if err != nil {
		return 0, err
	}
	const most = 16 // records to look at
	asked := 0
	for to := end; to > low; {
		from := max(low, to-blockUnits)
		if err := b.want(q, from, to); err != nil {
			return 0, err
		}
		for at := to - 1; at >= from; at-- {
			u := b.unit(at)
			if !u.written() || u.filler() || u.PhyOffset >= phy || u.PhyOffset < before {
				continue
			}
			if q.table.opt.Leads(q, at, u) == Yes {
				return at + 1, nil
			}
			if asked++; asked == most {
				return low, nil
			}
		}
		to = from
	}
	return low, nil
}

// inFront goes back from low past units of records from phy on, and past one that lies
// before its neighbour and leads nowhere. before is the position of the unit in front.
func (q *Queue) inFront(b *block, low, phy int64) (at, before int64, err error) {
	for first := q.first / UnitSize; low > first; low-- {
		if from := max(first, low-2); low-1 < b.base || low > b.end() || from < b.base {
			if err := b.want(q, max(first, low-blockUnits), low); err != nil {
				return 0, 0, err
			}
		}
		u := b.unit(low - 1)
		switch {
		case !u.written() || u.filler():
			return low, 0, nil
		case u.PhyOffset >= phy:
		case low-1 > first && u.PhyOffset < b.unit(low-2).PhyOffset && q.table.opt.Leads(q, low-1, u) == No:
		default:
			return low, u.PhyOffset, nil
		}
	}
	return low, 0, nil
}

// dirtyFrom says whether the last file holds anything from a byte position on.
func (q *Queue) dirtyFrom(at int64) (bool, error) {
	f, err := q.table.files.acquire(q, q.last)
	if err != nil {
		return false, fmt.Errorf("consume queue: %w", err)
	}
	defer q.table.files.release(f)
	zeros, err := vfs.ZerosFrom(f, at-q.last)
	if err != nil {
		return false, fmt.Errorf("consume queue: look behind the end of %s: %w", q.path(q.last), err)
	}
	return !zeros, nil
}

// roomAgain makes room for the next units that stood in the files.
func (q *Queue) roomAgain(offset, most int64) []byte {
	a := q.again
	if q.table.tailBytes.Load() > q.table.opt.TailBudget {
		most = againCrowded
	}
	n := min(most, a.end-offset) * UnitSize
	if int64(cap(a.raw)) < n {
		q.table.tailBytes.Add(n - int64(cap(a.raw)))
		a.raw = make([]byte, n)
	}
	a.base, a.raw = offset, a.raw[:n]
	return a.raw
}

// keeps lets the units in front of an offset stand that nobody put again: one of them
// is damaged, and the rebuild took the place for that of a later record.
func (q *Queue) keeps(offset int64) bool {
	a, max := q.again, q.max.Load()
	if a == nil || a.differs || q.tail.Load() != nil || offset <= max || offset > a.end {
		return false
	}
	q.table.log.Warn().Str("topic", q.Topic).Int32("queue", q.ID).Int64("from", max).Int64("to", offset).
		Msg("consume queue: a unit is damaged; what stands in front of the next one stays")
	q.filed.Store(offset)
	q.max.Store(offset)
	return true
}

// stands says whether the unit that is to be put at an offset is in the file, and
// then counts it as filed. The writer's.
func (q *Queue) stands(offset int64, u Unit) bool {
	a := q.again
	if a == nil || a.differs || offset >= a.end {
		return false
	}
	at := (offset - a.base) * UnitSize
	if at >= int64(len(a.raw)) {
		// What cannot be read is written.
		if q.readUnits(q.roomAgain(offset, againMore), offset) != nil {
			a.differs = true
			return false
		}
		at = 0
	}
	var unit [UnitSize]byte
	putUnit(unit[:], u)
	if !bytes.Equal(unit[:], a.raw[at:at+UnitSize]) {
		a.differs = true
		return false
	}
	q.filed.Store(offset + 1)
	return true
}

// forgetAgain ends that units are recognised.
func (q *Queue) forgetAgain() {
	if a := q.again; a != nil {
		q.table.tailBytes.Add(-int64(cap(a.raw)))
		q.again = nil
	}
}

// Rebuilt ends what Rebuild began: what was found in the queues and was not put again
// is removed, and that is durable when it returns.
func (t *Table) Rebuilt() error {
	t.replayed = false
	var cut []*Queue
	var mu sync.Mutex
	err := sideBySide(t.list(), func(q *Queue) error {
		changed, err := q.rebuilt()
		if changed {
			mu.Lock()
			cut = append(cut, q)
			mu.Unlock()
		}
		return err
	})
	if err != nil {
		return err
	}
	return t.syncCuts(cut)
}

func (q *Queue) rebuilt() (changed bool, err error) {
	q.io.Lock()
	defer q.io.Unlock()
	a := q.again
	if a == nil {
		return false, nil
	}
	q.forgetAgain()
	at := q.max.Load() * UnitSize
	switch {
	case a.from == a.end:
		// Nothing was to be put again, and what stood behind the end may be written over.
		at = max(at, q.last)
		return true, q.zeroFrom(at)
	case q.max.Load() < a.end || a.dirty || q.last >= at:
		q.table.markAgain(q)
		return true, q.cut(at / UnitSize)
	}
	return false, nil
}
