package consumequeue

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path/filepath"
	"strconv"

	"github.com/skylarkmq/skylark/internal/vfs"
)

// An extension unit, big-endian, in files of its own (enableConsumeQueueExt):
//
//	0        2            10                18           20
//	+--------+------------+-----------------+------------+---------+
//	| Size   | TagsCode   | StoreTimestamp  | BitMapSize | BitMap  |
//	+--------+------------+-----------------+------------+---------+
//
// A queue unit points to it by a TagsCode of at most -2147483649: the position in
// the extension files plus the smallest long.
const (
	extHeadSize    = 20
	extUnitMax     = math.MaxInt16
	maxExtAddress  = math.MinInt32 - 1
	extAddressBase = math.MinInt64
)

// IsExtAddress says whether a unit's TagsCode is the address of an extension unit.
func IsExtAddress(tagsCode int64) bool { return tagsCode <= maxExtAddress }

// ExtUnit is an extension unit. Raw is all of it, as stored.
type ExtUnit struct {
	TagsCode       int64
	StoreTimestamp int64
	BitMap         []byte
	Raw            []byte
}

// ExtReader reads extension units of one queue; those that lie together cost one
// read. It belongs to one goroutine.
type ExtReader struct {
	from int64 // position of raw
	raw  []byte
	page [pageSize]byte
}

// Reset makes a reader good for another queue.
func (r *ExtReader) Reset() { r.from, r.raw = 0, nil }

// Ext reads the extension unit of an address. Missing: there is none. With resident
// nothing waits for the disk, and Cold says that it would have to. The unit is good
// until the next call with this reader.
func (q *Queue) Ext(address int64, r *ExtReader, resident bool) (ExtUnit, Status) {
	size := q.table.opt.ExtFileSize
	if !IsExtAddress(address) || size <= 0 || q.table.opt.ExtDir == "" {
		return ExtUnit{}, Missing
	}
	at := address - extAddressBase
	if have := at - r.from; have >= 0 && have < int64(len(r.raw)) {
		if u, ok := DecodeExt(r.raw[have:]); ok {
			return u, Found
		}
	}
	f, err := q.table.files.open(fileKey{q: q, start: at / size * size, ext: true})
	if err != nil {
		return ExtUnit{}, Missing
	}
	defer q.table.files.release(f)
	// To the end of the page, as what follows may be a hole that no cache has; a unit
	// that is longer is read by itself.
	status := r.fill(f, at, min((at/pageSize+1)*pageSize, (at/size+1)*size)-at, size, resident)
	if status != Found {
		return ExtUnit{}, status
	}
	if u, ok := DecodeExt(r.raw); ok {
		return u, Found
	}
	n := int64(extHeadSize)
	if len(r.raw) >= 2 {
		n = int64(int16(binary.BigEndian.Uint16(r.raw)))
	}
	if n < extHeadSize || at%size+n > size {
		return ExtUnit{}, Missing
	}
	if status := r.fill(f, at, n, size, resident); status != Found {
		return ExtUnit{}, status
	}
	if u, ok := DecodeExt(r.raw); ok {
		return u, Found
	}
	return ExtUnit{}, Missing
}

// fill reads n bytes from a position of the extension.
func (r *ExtReader) fill(f *openFile, at, n, size int64, resident bool) Status {
	buf := r.page[:]
	if n > int64(len(buf)) {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	var got int
	var err error
	if resident {
		got, err = f.TryReadAt(buf, at%size)
	} else {
		got, err = f.ReadAt(buf, at%size)
	}
	r.from, r.raw = at, nil
	switch {
	case errors.Is(err, vfs.ErrWouldBlock):
		return Cold
	case err != nil && !errors.Is(err, io.EOF):
		return Missing
	}
	r.raw = buf[:got]
	return Found
}

func decodeExt(raw []byte) (ExtUnit, bool) {
	bits := int(int16(binary.BigEndian.Uint16(raw[18:])))
	if bits < 0 || extHeadSize+bits > len(raw) {
		return ExtUnit{}, false
	}
	return ExtUnit{
		TagsCode:       int64(binary.BigEndian.Uint64(raw[2:])),
		StoreTimestamp: int64(binary.BigEndian.Uint64(raw[10:])),
		BitMap:         raw[extHeadSize : extHeadSize+bits],
		Raw:            raw,
	}, true
}

func (q *Queue) extDir() string {
	return filepath.Join(q.table.opt.ExtDir, q.Topic, strconv.Itoa(int(q.ID)))
}

// expireExt deletes extension files before the one the first valid unit points
// into, under io.
func (q *Queue) expireExt() error {
	size, first := q.table.opt.ExtFileSize, q.min.Load()
	if size <= 0 || q.table.opt.ExtDir == "" || first >= q.max.Load() {
		return nil
	}
	u, err := q.unitAnywhere(first)
	if err != nil || !IsExtAddress(u.TagsCode) {
		return err
	}
	starts, _, err := listFiles(q.table.opt.FS, q.extDir(), size, false)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return fmt.Errorf("consume queue extension: %w", err)
	}
	for _, start := range starts {
		if start+size > u.TagsCode-extAddressBase {
			break
		}
		q.table.files.drop(fileKey{q: q, start: start, ext: true})
		if err := q.table.opt.FS.Remove(filepath.Join(q.extDir(), fileName(start))); err != nil {
			return fmt.Errorf("consume queue extension: %w", err)
		}
	}
	return nil
}
