package index

import (
	"encoding/binary"
	"io"
)

// An index file, big-endian:
//
//	0                8                16               24               32          36          40
//	+----------------+----------------+----------------+----------------+-----------+-----------+
//	| BeginTimestamp | EndTimestamp   | BeginPhyOffset | EndPhyOffset   | SlotCount | Count     |
//	+----------------+----------------+----------------+----------------+-----------+-----------+
//	| Slots: i32 each, 0 or the number of the newest entry of the slot's chain                  |
//	+-------------------------------------------------------------------------------------------+
//	| Entries: 20 bytes each; number 0 is never used                                            |
//	+-------------------------------------------------------------------------------------------+
//
// SlotCount is the number of slots in use; Count is the number of the next entry,
// so it begins at 1, and the file is full when it equals the configured number.
//
//	0          4                12         16         20
//	+----------+----------------+----------+----------+
//	| KeyHash  | PhyOffset      | Seconds  | Prev     |   Seconds since BeginTimestamp; Prev: the entry
//	+----------+----------------+----------+----------+   before it in the chain, 0 at its end
const (
	headerSize = 40
	slotSize   = 4
	entrySize  = 20

	atBeginTime = 0
	atEndTime   = 8
	atBeginPhy  = 16
	atEndPhy    = 24
	atSlotCount = 32
	atCount     = 36
)

// header is the head of a file, decoded.
type header struct {
	beginTime, endTime int64
	beginPhy, endPhy   int64
	slots, count       int32
}

func decodeHeader(b []byte) header {
	_ = b[headerSize-1]
	return header{
		beginTime: int64(binary.BigEndian.Uint64(b[atBeginTime:])),
		endTime:   int64(binary.BigEndian.Uint64(b[atEndTime:])),
		beginPhy:  int64(binary.BigEndian.Uint64(b[atBeginPhy:])),
		endPhy:    int64(binary.BigEndian.Uint64(b[atEndPhy:])),
		slots:     int32(binary.BigEndian.Uint32(b[atSlotCount:])),
		count:     int32(binary.BigEndian.Uint32(b[atCount:])),
	}
}

func (h header) encode(b []byte) {
	_ = b[headerSize-1]
	binary.BigEndian.PutUint64(b[atBeginTime:], uint64(h.beginTime))
	binary.BigEndian.PutUint64(b[atEndTime:], uint64(h.endTime))
	binary.BigEndian.PutUint64(b[atBeginPhy:], uint64(h.beginPhy))
	binary.BigEndian.PutUint64(b[atEndPhy:], uint64(h.endPhy))
	binary.BigEndian.PutUint32(b[atSlotCount:], uint32(h.slots))
	binary.BigEndian.PutUint32(b[atCount:], uint32(h.count))
}

func (h header) write(to io.WriterAt) error {
	var b [headerSize]byte
	h.encode(b[:])
	_, err := to.WriteAt(b[:], 0)
	return err
}

// entry is one key of one record.
type entry struct {
	hash    int32
	phy     int64
	seconds int32
	prev    int32
}

func decodeEntry(b []byte) entry {
	_ = b[entrySize-1]
	return entry{
		hash:    int32(binary.BigEndian.Uint32(b)),
		phy:     int64(binary.BigEndian.Uint64(b[4:])),
		seconds: int32(binary.BigEndian.Uint32(b[12:])),
		prev:    int32(binary.BigEndian.Uint32(b[16:])),
	}
}

func (e entry) encode(b []byte) { e.append(b[:0:entrySize]) }

func (e entry) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(e.hash))
	b = binary.BigEndian.AppendUint64(b, uint64(e.phy))
	b = binary.BigEndian.AppendUint32(b, uint32(e.seconds))
	return binary.BigEndian.AppendUint32(b, uint32(e.prev))
}

// layout is the configured shape of every file.
type layout struct {
	slots   int32
	entries int32
}

func (l layout) size() int64           { return l.entryAt(l.entries) }
func (l layout) slotAt(s int32) int64  { return headerSize + int64(s)*slotSize }
func (l layout) entryAt(n int32) int64 { return l.slotAt(l.slots) + int64(n)*entrySize }
