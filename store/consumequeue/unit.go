package consumequeue

import (
	"encoding/binary"
	"math"
)

// A unit of the consume queue, big-endian:
//
//	0                8        12               20
//	+----------------+--------+----------------+
//	| PhyOffset      | Size   | TagsCode       |   TagsCode: Java String.hashCode of the tag, or the
//	+----------------+--------+----------------+   delivery time in ms, or an address of an extension unit
//
// A unit is written when PhyOffset >= 0 and Size > 0; zeros end a scan.
// Filler units stand before the first message of a queue whose first offset is
// not 0: PhyOffset 0, Size 0x7fffffff, TagsCode 0.
const (
	UnitSize   = 20
	fillerSize = math.MaxInt32
)

// Unit is one entry of a queue.
type Unit struct {
	PhyOffset int64
	Size      int32
	TagsCode  int64
}

func (u Unit) written() bool { return u.PhyOffset >= 0 && u.Size > 0 }
func (u Unit) filler() bool  { return u.PhyOffset == 0 && u.Size == fillerSize }
func (u Unit) end() int64    { return u.PhyOffset + int64(u.Size) }

func putUnit(dst []byte, u Unit) {
	_ = dst[UnitSize-1]
	binary.BigEndian.PutUint64(dst, uint64(u.PhyOffset))
	binary.BigEndian.PutUint32(dst[8:], uint32(u.Size))
	binary.BigEndian.PutUint64(dst[12:], uint64(u.TagsCode))
}

func unitAt(src []byte) Unit {
	_ = src[UnitSize-1]
	return Unit{
		PhyOffset: int64(binary.BigEndian.Uint64(src)),
		Size:      int32(binary.BigEndian.Uint32(src[8:])),
		TagsCode:  int64(binary.BigEndian.Uint64(src[12:])),
	}
}

// RoundFileSize rounds a configured file size up to whole units, as Java does.
func RoundFileSize(size int64) int64 {
	if size < UnitSize {
		return UnitSize
	}
	return (size + UnitSize - 1) / UnitSize * UnitSize
}
