package message

import (
	"encoding/binary"
	"fmt"
)

// BatchElement is one message of a batch as the client wrote it.
type BatchElement struct {
	Flag             int32
	Body, Properties []byte
}

// EachBatchElement walks the body of a batch request:
//
//	0           4       8      12      16
//	+-----------+-------+-------+-------+----------+------+-----------+-------+
//	| totalSize | magic | crc   | flag  | bodyLen  | body | propsLen  | props |
//	+-----------+-------+-------+-------+----------+------+-----------+-------+
//	  i32         0       0       i32     i32               i16
//
// It stops at the first error of fn. The Java broker does not compare totalSize
// with the rest; we refuse what does not add up.
func EachBatchElement(body []byte, fn func(e BatchElement) error) error {
	for pos := 0; pos < len(body); {
		e, size, err := batchElement(body[pos:])
		if err != nil {
			return fmt.Errorf("message: batch element at %d of %d: %w", pos, len(body), err)
		}
		if err := fn(e); err != nil {
			return err
		}
		pos += size
	}
	return nil
}

func batchElement(rest []byte) (e BatchElement, size int, err error) {
	const head, tail = 20, 2
	if len(rest) < head+tail {
		return e, 0, fmt.Errorf("%w: %d bytes, want at least %d", ErrCorrupt, len(rest), head+tail)
	}
	total := int64(int32(binary.BigEndian.Uint32(rest)))
	bodyLen := int64(int32(binary.BigEndian.Uint32(rest[16:])))
	if bodyLen < 0 || head+bodyLen+tail > int64(len(rest)) {
		return e, 0, fmt.Errorf("%w: body of %d bytes in %d", ErrCorrupt, bodyLen, len(rest))
	}
	bodyEnd := head + bodyLen
	propsLen := int64(int16(binary.BigEndian.Uint16(rest[bodyEnd:])))
	end := bodyEnd + tail + propsLen
	if propsLen < 0 || end > int64(len(rest)) || end != total {
		return e, 0, fmt.Errorf("%w: %d bytes of properties, total size %d, found %d", ErrCorrupt, propsLen, total, end)
	}
	e.Flag = int32(binary.BigEndian.Uint32(rest[12:]))
	e.Body = rest[head:bodyEnd:bodyEnd]
	e.Properties = rest[bodyEnd+tail : end : end]
	return e, int(end), nil
}

// AppendBatchElement writes one message of a batch.
func AppendBatchElement(dst []byte, e BatchElement) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(22+len(e.Body)+len(e.Properties)))
	dst = append(dst, 0, 0, 0, 0, 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, uint32(e.Flag))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(e.Body)))
	dst = append(dst, e.Body...)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(e.Properties)))
	return append(dst, e.Properties...)
}
