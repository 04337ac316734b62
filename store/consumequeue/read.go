package consumequeue

import (
	"errors"
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
	// Broken: the disk answered with an error.
	Broken
)

// Units appends up to n units from an offset on to dst. It may answer fewer than
// there are (a piece in memory or one file at a time); ask again behind them.
// With resident nothing waits for the disk.
func (q *Queue) Units(offset int64, n int, dst []Unit, resident bool) ([]Unit, Status) {
	q.open()
	// max before tail: see tail.
	end := q.max.Load()
	t := q.tail.Load()
	if offset < 0 || offset >= end || n <= 0 {
		return dst, Missing
	}
	end = min(end, offset+int64(n))
	if t != nil && offset >= t.base {
		raw := t.from(offset, min(end, t.end()))
		for i := 0; i < len(raw); i += UnitSize {
			dst = append(dst, unitAt(raw[i:]))
		}
		return dst, Found
	}
	if t != nil {
		end = min(end, t.base)
	}
	return q.fileUnits(offset, end, dst, resident)
}

var readBuffers = sync.Pool{New: func() any { b := make([]byte, 128*UnitSize); return &b }}

func (q *Queue) fileUnits(offset, end int64, dst []Unit, resident bool) ([]Unit, Status) {
	buf := readBuffers.Get().(*[]byte)
	defer readBuffers.Put(buf)
	raw := (*buf)[:min(int64(len(*buf)), (end-offset)*UnitSize)]
	n, err := q.readFiles(raw, offset*UnitSize, resident)
	switch {
	case errors.Is(err, vfs.ErrWouldBlock):
		return dst, Cold
	case errors.Is(err, fs.ErrNotExist):
		return dst, Missing
	case err != nil && !errors.Is(err, io.EOF):
		q.table.log.Error().Err(err).Str("topic", q.Topic).Int32("queue", q.ID).Int64("offset", offset).
			Msg("consume queue: read")
		return dst, Broken
	case n < UnitSize:
		return dst, Missing
	}
	for i := 0; i+UnitSize <= n; i += UnitSize {
		dst = append(dst, unitAt(raw[i:]))
	}
	return dst, Found
}

// Unit is one unit; ok is false where there is none.
func (q *Queue) Unit(offset int64) (u Unit, ok bool) {
	var one [1]Unit
	list, status := q.Units(offset, 1, one[:0], false)
	if status != Found {
		return Unit{}, false
	}
	return list[0], true
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
// answer then is the minimum, as Java's 0 becomes.
func (q *Queue) OffsetByTime(ms int64, upper bool, storeTime func(Unit) int64) int64 {
	low, high := q.MinOffset(), q.MaxOffset()
	begin, end := low, high
	for low < high {
		mid := low + (high-low)/2
		u, ok := q.Unit(mid)
		if !ok {
			return begin
		}
		t := storeTime(u)
		if t < 0 {
			return begin
		}
		if t < ms || upper && t == ms {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if upper {
		return max(begin, low-1)
	}
	return min(low, end)
}
