package consumequeue

// tail is the newest units of a queue in memory.
//
// Bytes are written once, by the one writer of the queue, and published by
// Queue.max; a reader that loaded max first and the tail afterwards may read
// every unit below that max that the tail holds, without a lock. A full tail is
// replaced, never reused, so a reader keeps what it has.
type tail struct {
	base  int64 // queue offset of the first unit
	units int64 // room
	buf   []byte
}

// Room of a tail in units: it starts small because most queues are quiet, and a
// busy one grows until one write to the file carries some thousand units, and a
// consumer that is so far behind still costs no system call for its units.
const (
	tailFirst = 16
	tailGrows = 4 // times
	tailLast  = 4096
	// tailCrowded is the largest tail once all of them together exceed tailBudget.
	tailCrowded = 32
	tailBudget  = 64 << 20
	// keepUnits of a full tail move to its successor: those who read the newest
	// messages then do not fall to the file at each turn.
	keepUnits = 4 // one part in
)

func newTail(base, units int64) *tail {
	return &tail{base: base, units: units, buf: make([]byte, units*UnitSize)}
}

func (t *tail) end() int64 { return t.base + t.units }

// carries is how many units that are not in the file move to the successor of a full tail.
// Of small tails nearly all: to copy them costs less than a write, which comes with the next flush.
func (t *tail) carries() int64 {
	if t.units <= tailFirst*tailGrows {
		return t.units - t.units/keepUnits
	}
	return t.units / keepUnits
}

// from returns the bytes of units [from, to), which must be inside the tail.
func (t *tail) from(from, to int64) []byte {
	return t.buf[(from-t.base)*UnitSize : (to-t.base)*UnitSize]
}

// dropTail forgets the tail, whose units are in the file or not wanted.
func (q *Queue) dropTail() {
	if t := q.tail.Swap(nil); t != nil {
		q.table.tailBytes.Add(-t.units * UnitSize)
	}
}

// nextTail makes room for the unit at next. A tail that may still grow takes all
// units along; a grown one only the newest, and everything before them must be in the
// file already.
func (q *Queue) nextTail(t *tail, next int64) error {
	if t == nil {
		q.table.tailBytes.Add(tailFirst * UnitSize)
		q.tail.Store(newTail(next, tailFirst))
		return nil
	}
	limit := int64(tailLast)
	if q.table.tailBytes.Load() > q.table.opt.TailBudget {
		limit = tailCrowded
	}
	room, keep := t.units, t.units/keepUnits
	if t.units < limit {
		room, keep = min(t.units*tailGrows, limit), t.units
	} else if unfiled := next - q.filed.Load(); unfiled <= t.carries() {
		keep = max(keep, unfiled)
	} else if err := q.writeOut(t, next); err != nil {
		return err
	}
	grown := newTail(next-keep, room)
	copy(grown.buf, t.from(next-keep, next))
	q.table.tailBytes.Add((room - t.units) * UnitSize)
	q.tail.Store(grown)
	return nil
}
