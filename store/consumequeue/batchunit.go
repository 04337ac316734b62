package consumequeue

import "encoding/binary"

// A unit of the queues of topics with queue.type=BatchCQ, big-endian: one record
// that holds Count messages, the first at queue offset Base.
//
//	0           8      12         20               28     36      38          42         46
//	+-----------+------+----------+----------------+------+-------+-----------+----------+
//	| PhyOffset | Size | TagsCode | StoreTimestamp | Base | Count | Compacted | Reserved |
//	+-----------+------+----------+----------------+------+-------+-----------+----------+
//
// Compacted is always -1, Reserved 0. File names are byte positions and have
// nothing to do with queue offsets.
const BatchUnitSize = 46

// BatchUnit is one entry of a batch queue.
type BatchUnit struct {
	PhyOffset      int64
	Size           int32
	TagsCode       int64
	StoreTimestamp int64
	Base           int64
	Count          int16
}

func (u BatchUnit) written() bool {
	return u.PhyOffset >= 0 && u.Size > 0 && u.Base >= 0 && u.Count > 0
}

// End is the queue offset behind the last message.
func (u BatchUnit) End() int64 { return u.Base + int64(u.Count) }

func putBatchUnit(dst []byte, u BatchUnit) {
	_ = dst[BatchUnitSize-1]
	binary.BigEndian.PutUint64(dst, uint64(u.PhyOffset))
	binary.BigEndian.PutUint32(dst[8:], uint32(u.Size))
	binary.BigEndian.PutUint64(dst[12:], uint64(u.TagsCode))
	binary.BigEndian.PutUint64(dst[20:], uint64(u.StoreTimestamp))
	binary.BigEndian.PutUint64(dst[28:], uint64(u.Base))
	binary.BigEndian.PutUint16(dst[36:], uint16(u.Count))
	binary.BigEndian.PutUint32(dst[38:], 0xffffffff)
	binary.BigEndian.PutUint32(dst[42:], 0)
}

func batchUnitAt(src []byte) BatchUnit {
	_ = src[BatchUnitSize-1]
	return BatchUnit{
		PhyOffset:      int64(binary.BigEndian.Uint64(src)),
		Size:           int32(binary.BigEndian.Uint32(src[8:])),
		TagsCode:       int64(binary.BigEndian.Uint64(src[12:])),
		StoreTimestamp: int64(binary.BigEndian.Uint64(src[20:])),
		Base:           int64(binary.BigEndian.Uint64(src[28:])),
		Count:          int16(binary.BigEndian.Uint16(src[36:])),
	}
}
