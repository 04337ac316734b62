package message

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"net/netip"
)

// A record of the commit log, big-endian. B and S are the lengths of the two
// hosts: 8 (IPv4 address, port as i32) or 20 (IPv6), told apart by SysFlag; T is
// 1 in version 1 and 2 in version 2. Offsets are those with two IPv4 hosts.
//
//	0           4       8         12        16     20            28
//	+-----------+-------+---------+---------+------+-------------+-----------+
//	| totalSize | magic | bodyCRC | queueID | flag | queueOffset | phyOffset |
//	+-----------+-------+---------+---------+------+-------------+-----------+
//	36        40              48           56               64            72
//	+---------+---------------+------------+----------------+-------------+
//	| sysFlag | bornTimestamp | bornHost B | storeTimestamp | storeHost S |
//	+---------+---------------+------------+----------------+-------------+
//	72               76                   84           88
//	+----------------+--------------------+------------+------+
//	| reconsumeTimes | preparedTransOffset| bodyLength | body |
//	+----------------+--------------------+------------+------+
//	+---------------+-------+------------------+------------+
//	| topicLength T | topic | propsLength (i16)| properties |
//	+---------------+-------+------------------+------------+
//
// bodyCRC is CRC-32 without its sign bit, 0 for an empty body.
const (
	MagicV1    = 0xDAA320A7
	MagicV2    = 0xDAA320AB
	MagicBlank = 0xCBD43194

	offQueueOffset   = 20
	offPhyOffset     = 28
	offSysFlag       = 36
	offBornTimestamp = 40
	offBornHost      = 48

	hostV4, hostV6 = 8, 20
	fixedLength    = 74 // everything but hosts, topic length, topic, body and properties

	// BlankSize is how much of the rest of a file a blank record writes: its
	// length and its magic. It must always fit.
	BlankSize = 8
	// MinSize is the smallest possible record: IPv4, no body, no topic, no properties.
	MinSize = fixedLength + 2*hostV4 + 1
)

var (
	// ErrShort: the bytes end before the record does.
	ErrShort = errors.New("message: the record is cut off")
	// ErrBlank: the rest of the file is empty.
	ErrBlank = errors.New("message: blank record, end of file")
	// ErrCorrupt: these bytes are no record.
	ErrCorrupt = errors.New("message: corrupt record")
)

// Size is what the first 8 bytes of a record say: its length, when they are
// plausible. ErrBlank comes with the length of the blank.
func Size(rec []byte) (int, error) {
	if len(rec) < 8 {
		return 0, ErrShort
	}
	size := int(int32(binary.BigEndian.Uint32(rec)))
	switch magic := binary.BigEndian.Uint32(rec[4:]); magic {
	case MagicV1, MagicV2:
		if size < MinSize {
			return size, fmt.Errorf("%w: size %d, want at least %d", ErrCorrupt, size, MinSize)
		}
		return size, nil
	case MagicBlank:
		return size, ErrBlank
	default:
		return size, fmt.Errorf("%w: magic %#x", ErrCorrupt, magic)
	}
}

// Decode reads the record at the start of rec, which may be followed by more. It
// checks every length; CheckBody and CheckPropertyCRC compare the sums.
func Decode(rec []byte, v *View) error {
	size, err := Size(rec)
	if err != nil {
		return err
	}
	if size > len(rec) {
		return ErrShort
	}
	rec = rec[:size:size]
	be := binary.BigEndian
	v.Size, v.Magic = int32(size), be.Uint32(rec[4:])
	v.BodyCRC = int32(be.Uint32(rec[8:]))
	v.QueueID, v.Flag = int32(be.Uint32(rec[12:])), int32(be.Uint32(rec[16:]))
	v.QueueOffset, v.PhyOffset = int64(be.Uint64(rec[20:])), int64(be.Uint64(rec[28:]))
	v.SysFlag = int32(be.Uint32(rec[36:]))
	v.BornTimestamp = int64(be.Uint64(rec[40:]))
	born, store := hostLengths(v.SysFlag)
	topicField := topicLength(v.Magic)
	if size < fixedLength+born+store+topicField {
		return fmt.Errorf("%w: size %d with hosts of %d and %d bytes", ErrCorrupt, size, born, store)
	}
	v.BornHost = decodeHost(rec[offBornHost : offBornHost+born])
	at := offBornHost + born
	v.StoreTimestamp = int64(be.Uint64(rec[at:]))
	v.StoreHost = decodeHost(rec[at+8 : at+8+store])
	at += 8 + store
	v.ReconsumeTimes = int32(be.Uint32(rec[at:]))
	v.PreparedTransactionOffset = int64(be.Uint64(rec[at+4:]))
	return v.decodeTail(rec, at+12, topicField)
}

// decodeTail reads the three variable parts, from the body length on.
func (v *View) decodeTail(rec []byte, at, topicField int) error {
	be := binary.BigEndian
	// What must still come after the body: topic length and properties length.
	left := int64(len(rec) - at - 4 - topicField - 2)
	n := int64(int32(be.Uint32(rec[at:])))
	if n < 0 || n > left {
		return fmt.Errorf("%w: body of %d bytes, %d left", ErrCorrupt, n, left)
	}
	at += 4
	v.Body = rec[at : at+int(n) : at+int(n)]
	at, left = at+int(n), left-n

	topic := int(rec[at])
	if topicField == 2 {
		topic = int(be.Uint16(rec[at:]))
	}
	if int64(topic) > left || topic > 127 && topicField == 1 || topic > 32767 {
		return fmt.Errorf("%w: topic of %d bytes, %d left", ErrCorrupt, topic, left)
	}
	at += topicField
	v.Topic = rec[at : at+topic : at+topic]
	at, left = at+topic, left-int64(topic)

	props := int64(int16(be.Uint16(rec[at:])))
	if props != left {
		return fmt.Errorf("%w: properties of %d bytes, %d left", ErrCorrupt, props, left)
	}
	v.Properties = rec[at+2:]
	return nil
}

// CheckBody compares the body with its sum.
func (v *View) CheckBody() error {
	if len(v.Body) == 0 {
		return nil
	}
	if crc := CRC(v.Body); crc != v.BodyCRC {
		return fmt.Errorf("%w: body CRC %d, found %d", ErrCorrupt, v.BodyCRC, crc)
	}
	return nil
}

// CRC is CRC-32 (IEEE) without the sign bit.
func CRC(b []byte) int32 { return int32(crc32.ChecksumIEEE(b) & 0x7FFFFFFF) }

func (m *Message) sum() int32 {
	if m.Summed {
		return m.BodyCRC
	}
	return CRC(m.Body)
}

func hostLengths(sysFlag int32) (born, store int) {
	born, store = hostV4, hostV4
	if sysFlag&FlagBornHostV6 != 0 {
		born = hostV6
	}
	if sysFlag&FlagStoreHostV6 != 0 {
		store = hostV6
	}
	return born, store
}

func topicLength(magic uint32) int {
	if magic == MagicV2 {
		return 2
	}
	return 1
}

func decodeHost(b []byte) netip.AddrPort {
	port := uint16(binary.BigEndian.Uint32(b[len(b)-4:]))
	if len(b) == hostV4 {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b)), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(b)), port)
}

func appendHost(dst []byte, host netip.AddrPort) []byte {
	addr := host.Addr().Unmap()
	switch {
	case addr.Is4():
		b := addr.As4()
		dst = append(dst, b[:]...)
	case addr.Is6():
		b := addr.As16()
		dst = append(dst, b[:]...)
	default: // no address known
		dst = append(dst, 0, 0, 0, 0)
	}
	return binary.BigEndian.AppendUint32(dst, uint32(host.Port()))
}

func isV6(host netip.AddrPort) bool { return host.Addr().Is6() && !host.Addr().Is4In6() }

// Encoding says how records are written.
type Encoding struct {
	// LongTopics: write version 2 when the topic needs it (autoMessageVersionOnTopicLen).
	LongTopics bool
	// PropertyCRC: end each record with the property that holds its sum
	// (enabledAppendPropCRC), to be filled in by SealCRC.
	PropertyCRC bool
}

// ErrTopicLength: the topic does not fit the length field of the version.
var ErrTopicLength = errors.New("message: topic too long")

// ErrPropertiesLength: the properties do not fit their length field.
var ErrPropertiesLength = errors.New("message: properties too long")

// AppendRecord writes the record of a message. Queue offset, physical offset and
// store timestamp are 0, for Patch to fill in once they are known.
func (e Encoding) AppendRecord(dst []byte, m *Message) ([]byte, error) {
	magic, topicField, topicMax := uint32(MagicV1), 1, 127
	if e.LongTopics && len(m.Topic) > topicMax {
		magic, topicField, topicMax = MagicV2, 2, 32767
	}
	if len(m.Topic) > topicMax {
		return dst, fmt.Errorf("%w: %d bytes, at most %d", ErrTopicLength, len(m.Topic), topicMax)
	}
	props, propsLen := m.Properties, len(m.Properties)
	separator := false
	if e.PropertyCRC {
		props = DeleteProperty(props, PropertyCRC32)
		separator = len(props) > 0 && props[len(props)-1] != valueEnd
		propsLen = len(props) + crcTail
		if separator {
			propsLen++
		}
	}
	if propsLen > PropertiesMax {
		return dst, fmt.Errorf("%w: %d bytes, at most %d", ErrPropertiesLength, propsLen, PropertiesMax)
	}
	sysFlag := m.SysFlag &^ (FlagBornHostV6 | FlagStoreHostV6)
	if isV6(m.BornHost) {
		sysFlag |= FlagBornHostV6
	}
	if isV6(m.StoreHost) {
		sysFlag |= FlagStoreHostV6
	}
	born, store := hostLengths(sysFlag)
	size := fixedLength + born + store + len(m.Body) + topicField + len(m.Topic) + propsLen

	be := binary.BigEndian
	dst = be.AppendUint32(dst, uint32(size))
	dst = be.AppendUint32(dst, magic)
	dst = be.AppendUint32(dst, uint32(m.sum()))
	dst = be.AppendUint32(dst, uint32(m.QueueID))
	dst = be.AppendUint32(dst, uint32(m.Flag))
	dst = be.AppendUint64(dst, 0)
	dst = be.AppendUint64(dst, 0)
	dst = be.AppendUint32(dst, uint32(sysFlag))
	dst = be.AppendUint64(dst, uint64(m.BornTimestamp))
	dst = appendHost(dst, m.BornHost)
	dst = be.AppendUint64(dst, 0)
	dst = appendHost(dst, m.StoreHost)
	dst = be.AppendUint32(dst, uint32(m.ReconsumeTimes))
	dst = be.AppendUint64(dst, uint64(m.PreparedTransactionOffset))
	dst = be.AppendUint32(dst, uint32(len(m.Body)))
	dst = append(dst, m.Body...)
	if topicField == 2 {
		dst = append(dst, byte(len(m.Topic)>>8))
	}
	dst = append(dst, byte(len(m.Topic)))
	dst = append(dst, m.Topic...)
	dst = be.AppendUint16(dst, uint16(propsLen))
	dst = append(dst, props...)
	if e.PropertyCRC {
		if separator {
			dst = append(dst, valueEnd)
		}
		dst = append(dst, make([]byte, crcTail)...)
	}
	return dst, nil
}

// Patch fills in what is known only under the append lock. storeAt is where the
// store timestamp is: StoreTimestampAt of the record.
func Patch(rec []byte, storeAt int, queueOffset, phyOffset, storeTimestamp int64) {
	be := binary.BigEndian
	be.PutUint64(rec[offQueueOffset:], uint64(queueOffset))
	be.PutUint64(rec[offPhyOffset:], uint64(phyOffset))
	be.PutUint64(rec[storeAt:], uint64(storeTimestamp))
}

// StoreTimestampAt is where a record's store timestamp is.
func StoreTimestampAt(rec []byte) int {
	born, _ := hostLengths(int32(binary.BigEndian.Uint32(rec[offSysFlag:])))
	return offBornHost + born
}

// The property that holds the sum of the whole record is its last 20 bytes:
//
//	__CRC32# 0x01 d d d d d d d d d d 0x02
//
// d: the decimal digits of the CRC of everything before, the last digit first,
// padded with '0' at the end (Java's CommitLog writes them so).
const (
	crcDigits = 10
	crcTail   = len(PropertyCRC32) + 1 + crcDigits + 1
)

// SealCRC writes the property of a record whose offsets are in place.
func SealCRC(rec []byte) {
	tail := rec[len(rec)-crcTail:]
	crc := uint32(CRC(rec[:len(rec)-crcTail]))
	n := copy(tail, PropertyCRC32)
	tail[n] = nameEnd
	for i := range crcDigits {
		tail[n+1+i] = '0' + byte(crc%10)
		crc /= 10
	}
	tail[crcTail-1] = valueEnd
}

// CheckPropertyCRC compares a record with its last property; one without it fails.
func CheckPropertyCRC(rec []byte) error {
	if len(rec) < MinSize+crcTail {
		return fmt.Errorf("%w: no %s property", ErrCorrupt, PropertyCRC32)
	}
	tail := rec[len(rec)-crcTail:]
	if !bytes.HasPrefix(tail, []byte(PropertyCRC32+"\x01")) || tail[crcTail-1] != valueEnd {
		return fmt.Errorf("%w: no %s property", ErrCorrupt, PropertyCRC32)
	}
	var want uint64
	for i := crcTail - 2; i > len(PropertyCRC32); i-- {
		if tail[i] < '0' || tail[i] > '9' {
			return fmt.Errorf("%w: %s is no number", ErrCorrupt, PropertyCRC32)
		}
		want = want*10 + uint64(tail[i]-'0')
	}
	if crc := uint32(CRC(rec[:len(rec)-crcTail])); uint64(crc) != want {
		return fmt.Errorf("%w: record CRC %d, found %d", ErrCorrupt, want, crc)
	}
	return nil
}

// propertiesAt is where in a whole record the length of the properties is.
func propertiesAt(rec []byte) int {
	born, store := hostLengths(int32(binary.BigEndian.Uint32(rec[offSysFlag:])))
	at := offBornHost + born + 8 + store + 12
	at += 4 + int(binary.BigEndian.Uint32(rec[at:]))
	if topicLength(binary.BigEndian.Uint32(rec[4:])) == 2 {
		return at + 2 + int(binary.BigEndian.Uint16(rec[at:]))
	}
	return at + 1 + int(rec[at])
}

// putLengths makes the lengths in a record agree with properties that are shorter by cut.
func putLengths(rec []byte, propsAt, cut int) {
	be := binary.BigEndian
	be.PutUint32(rec, uint32(len(rec)))
	be.PutUint16(rec[propsAt:], be.Uint16(rec[propsAt:])-uint16(cut))
}
