package consumequeue

import "encoding/binary"

// What tools need to read the files by themselves, without a Table: a Table
// repairs what it opens.

// DecodeUnit reads the unit at the start of src.
func DecodeUnit(src []byte) Unit { return unitAt(src) }

// AppendUnit writes a unit as it is in the file.
func AppendUnit(dst []byte, u Unit) []byte {
	dst = append(dst, make([]byte, UnitSize)...)
	putUnit(dst[len(dst)-UnitSize:], u)
	return dst
}

// Written says whether a unit counts; the first that does not ends a scan.
func (u Unit) Written() bool { return u.written() }

// Filler says whether a unit only stands before the first message of a queue.
func (u Unit) Filler() bool { return u.filler() }

// End is where the unit's record ends in the commit log.
func (u Unit) End() int64 { return u.end() }

// DecodeBatchUnit reads the batch unit at the start of src.
func DecodeBatchUnit(src []byte) BatchUnit { return batchUnitAt(src) }

// Written is Unit.Written for batch units.
func (u BatchUnit) Written() bool { return u.written() }

// ExtPosition is the position in the extension files of an address.
func ExtPosition(address int64) int64 { return address - extAddressBase }

// DecodeExt reads the extension unit at the start of src, and its length. ok is
// false where there is none.
func DecodeExt(src []byte) (u ExtUnit, ok bool) {
	if len(src) < extHeadSize {
		return u, false
	}
	n := int(int16(binary.BigEndian.Uint16(src)))
	if n < extHeadSize || n > len(src) {
		return u, false
	}
	return decodeExt(src[:n])
}

// RoundBatchFileSize is RoundFileSize for batch queues.
func RoundBatchFileSize(size int64) int64 {
	return max((size+BatchUnitSize-1)/BatchUnitSize, 1) * BatchUnitSize
}
