package consumequeue

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/skylarkmq/skylark/internal/vfs"
)

// Status says how a read of units went.
type Status uint8

const (
	// Found: at least one unit.
	Found Status = iota
	// Missing: the offset is not inside the queue, or its file is gone.
	Missing
	// Cold: resident units were asked for and these are not in memory.
	Cold
	// Broken: the disk answered with an error, which may pass, or with less than there was.
	Broken
)

// Units appends up to n units from an offset on to dst. It may answer fewer than
// there are (a piece in memory or one file at a time); ask again behind them.
// With resident nothing waits for the disk. err is why units are Broken.
func (q *Queue) Units(offset int64, n int, dst []Unit, resident bool) (_ []Unit, _ Status, err error) {
	if err := q.open(); err != nil {
		return dst, Broken, err
	}
	return q.unitsBelow(q.max.Load(), offset, n, dst, resident) // max before tail: see tail
}

func (q *Queue) unitsBelow(end, offset int64, n int, dst []Unit, resident bool) ([]Unit, Status, error) {
	t := q.tail.Load()
	// And max again: when the queue was deleted between, this may be the tail of its next life, which has fewer units.
	if end = min(end, q.max.Load()); offset < 0 || offset >= end || n <= 0 {
		return dst, Missing, nil
	}
	end = min(end, offset+int64(n))
	if t != nil && offset >= t.end() {
		return dst, Missing, nil // of the life before
	}
	if t != nil && offset >= t.base {
		raw := t.from(offset, min(end, t.end()))
		for i := 0; i < len(raw); i += UnitSize {
			dst = append(dst, unitAt(raw[i:]))
		}
		return dst, Found, nil
	}
	if t != nil {
		end = min(end, t.base)
	}
	return q.fileUnits(offset, end, dst, resident)
}

var readBuffers = sync.Pool{New: func() any { b := make([]byte, 128*UnitSize); return &b }}

func (q *Queue) fileUnits(offset, end int64, dst []Unit, resident bool) ([]Unit, Status, error) {
	buf := readBuffers.Get().(*[]byte)
	defer readBuffers.Put(buf)
	raw := (*buf)[:min(int64(len(*buf)), (end-offset)*UnitSize)]
	n, err := q.readFiles(raw, offset*UnitSize, resident)
	switch {
	case errors.Is(err, vfs.ErrWouldBlock):
		return dst, Cold, nil
	case errors.Is(err, fs.ErrNotExist):
		return dst, Missing, nil
	case err != nil && !errors.Is(err, io.EOF):
		return dst, Broken, fmt.Errorf("consume queue: %w", err)
	case n < UnitSize: // somebody cut the file
		return dst, Broken, fmt.Errorf("consume queue: the file of offset %d of %s ends before it: %w", offset, q.dir(), io.ErrUnexpectedEOF)
	}
	for i := 0; i+UnitSize <= n; i += UnitSize {
		dst = append(dst, unitAt(raw[i:]))
	}
	return dst, Found, nil
}

// Unit is one unit; ok is false where there is none, or none that can be read now.
func (q *Queue) Unit(offset int64) (u Unit, ok bool) {
	u, ok, _ = q.UnitOr(offset)
	return u, ok
}

// UnitOr is Unit for who must know that a unit cannot be read now.
func (q *Queue) UnitOr(offset int64) (u Unit, ok bool, err error) {
	var one [1]Unit
	list, status, err := q.Units(offset, 1, one[:0], false)
	if status != Found {
		return Unit{}, false, err
	}
	return list[0], true, nil
}

// FileEnd is the first offset of the file behind the one that holds an offset:
// where a reader goes on when units are missing.
func (q *Queue) FileEnd(offset int64) int64 {
	per := q.table.opt.FileSize / UnitSize
	return (offset/per + 1) * per
}

// OffsetByTime finds an offset by store time, clamped to [min, max].
// LOWER: the first message that is not older, or max. UPPER: the last message that
// is not newer, or min. storeTime answers below 0 for a record it cannot read; the
// answer then is the minimum, as Java's 0 becomes. An error is trouble that may pass.
func (q *Queue) OffsetByTime(ms int64, upper bool, storeTime func(Unit) (int64, error)) (int64, error) {
	low, high := q.MinOffset(), q.MaxOffset()
	begin, end := low, high
	for low < high {
		mid := low + (high-low)/2
		u, ok, err := q.UnitOr(mid)
		if !ok {
			return begin, err
		}
		t, err := storeTime(u)
		if t < 0 || err != nil {
			return begin, err
		}
		if t < ms || upper && t == ms {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if upper {
		return max(begin, low-1), nil
	}
	return min(low, end), nil
}
