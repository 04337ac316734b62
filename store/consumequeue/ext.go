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

// Ext reads the extension unit of an address; it may wait for the disk. ok is
// false when there is none.
func (q *Queue) Ext(address int64) (u ExtUnit, ok bool) {
	size := q.table.opt.ExtFileSize
	if !IsExtAddress(address) || size <= 0 || q.table.opt.ExtDir == "" {
		return ExtUnit{}, false
	}
	at := address - extAddressBase
	start := at / size * size
	f, err := q.table.opt.FS.Open(filepath.Join(q.extDir(), fileName(start)))
	if err != nil {
		return ExtUnit{}, false
	}
	defer func() { _ = f.Close() }()
	var head [2]byte
	if _, err := f.ReadAt(head[:], at-start); err != nil {
		return ExtUnit{}, false
	}
	n := int(int16(binary.BigEndian.Uint16(head[:])))
	if n < extHeadSize || n > extUnitMax || at-start+int64(n) > size {
		return ExtUnit{}, false
	}
	buf := make([]byte, n)
	if got, err := f.ReadAt(buf, at-start); got < n || err != nil && !errors.Is(err, io.EOF) {
		return ExtUnit{}, false
	}
	return decodeExt(buf)
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
		if err := q.table.opt.FS.Remove(filepath.Join(q.extDir(), fileName(start))); err != nil {
			return fmt.Errorf("consume queue extension: %w", err)
		}
	}
	return nil
}
