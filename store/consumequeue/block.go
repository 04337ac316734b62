package consumequeue

import (
	"fmt"
	"sync"
)

// blockUnits is how many units a search or a walk reads at once.
const blockUnits = 512

// block is a piece of a queue that searches and walks look at: they ask for many
// units that are near each other, and to read each by itself is a system call a unit.
type block struct {
	base int64  // queue offset of the first unit
	raw  []byte // the units
	buf  []byte
}

var blocks = sync.Pool{New: func() any { return &block{buf: make([]byte, (blockUnits+2*around)*UnitSize)} }}

func newBlock() *block { return blocks.Get().(*block) }

// want makes the units [from, to) be there; all of them are published. Under io.
func (b *block) want(q *Queue, from, to int64) error {
	if from >= b.base && to <= b.end() {
		return nil
	}
	b.base, b.raw = from, b.buf[:(to-from)*UnitSize]
	if err := q.readUnits(b.raw, from); err != nil {
		b.raw = nil
		return err
	}
	return nil
}

func (b *block) end() int64 { return b.base + int64(len(b.raw)/UnitSize) }

func (b *block) unit(offset int64) Unit { return unitAt(b.raw[(offset-b.base)*UnitSize:]) }

// release gives the block back; it knows no unit any more.
func (b *block) release() {
	b.base, b.raw = 0, nil
	blocks.Put(b)
}

// readUnits reads published units, all of dst, from memory and as many files as hold them.
func (q *Queue) readUnits(dst []byte, offset int64) error {
	t := q.tail.Load()
	for len(dst) > 0 {
		if t != nil && offset >= t.base {
			copy(dst, t.from(offset, offset+int64(len(dst)/UnitSize)))
			return nil
		}
		part := dst
		if t != nil {
			part = part[:min(int64(len(part)), (t.base-offset)*UnitSize)]
		}
		n, err := q.readFiles(part, offset*UnitSize, false)
		if n < UnitSize {
			return fmt.Errorf("consume queue: read %s offset %d: %w", q.dir(), offset, err)
		}
		dst, offset = dst[n/UnitSize*UnitSize:], offset+int64(n/UnitSize)
	}
	return nil
}

// firstUnit is the first offset in [low, high) whose unit answers yes, and high when
// none does. Answers are no up to some unit and yes from there on, but for units that
// are damaged: so each is asked with its neighbours (vote). Under io.
func (q *Queue) firstUnit(b *block, low, high int64, yes func(Unit) bool) (int64, error) {
	begin, end := q.first/UnitSize, q.max.Load()
	for low < high {
		mid := low + (high-low)/2
		from, to := max(mid-around, begin), min(mid+around+1, end)
		var err error
		if high-low <= blockUnits { // all that may still be asked
			err = b.want(q, max(low-around, begin), min(high+around, end))
		} else {
			err = b.want(q, from, to)
		}
		if err != nil {
			return 0, err
		}
		if vote(mid, from, to, func(at int64) bool { return yes(b.unit(at)) }) {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return low, nil
}

// around is how many units on each side of one are asked with it.
const around = 2

// vote answers a question whose answers are false up to some unit and true from there
// on. A damaged unit would send a search astray, and a whole queue might be cut for it:
// so those around it, [from, to), are asked too, and what most of them say together counts.
func vote(offset, from, to int64, ask func(at int64) bool) bool {
	var answers [2*around + 1]bool
	for at := from; at < to; at++ {
		answers[at-from] = ask(at)
	}
	return inOrder(answers[:to-from], int(offset-from))
}

// inOrder is the value at i of the list that has all of its false before all of its
// true and differs least from the given one; where two do, the given value counts.
func inOrder(list []bool, i int) bool {
	wrong := func(value bool) int { // at least, when i has the value
		least := len(list) + 1
		for firstTrue := range len(list) + 1 {
			if (i >= firstTrue) != value {
				continue
			}
			n := 0
			for at, v := range list {
				if v != (at >= firstTrue) {
					n++
				}
			}
			least = min(least, n)
		}
		return least
	}
	if yes, no := wrong(true), wrong(false); yes != no {
		return yes < no
	}
	return list[i]
}
