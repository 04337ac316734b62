package protocol

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// The binary header, big-endian:
//
//	0      2    3       5        9      13        17
//	+------+----+-------+--------+------+---------+--------+---------+---------+
//	| code |lang|version| opaque | flag | n int32 | remark | m int32 | entries |   entries: m bytes
//	+------+----+-------+--------+------+---------+--------+---------+---------+
//	entry: keyLen int16, key, valueLen int32, value; a zero length means null
//
// Code and version have 16 bits: the codes above 32767 (POP) cannot be sent this way.
const binaryFixed = 13

// decodeBinary reads the ROCKETMQ form. Every length is checked against what is left before it is used.
func decodeBinary(b []byte, c *Command) error {
	if len(b) < binaryFixed+8 {
		return fmt.Errorf("%w: binary header of %d bytes, expected at least %d", ErrHeader, len(b), binaryFixed+8)
	}
	c.Code = int32(int16(binary.BigEndian.Uint16(b)))
	c.Language = languageByNumber(b[2])
	c.Version = int32(int16(binary.BigEndian.Uint16(b[3:])))
	c.Opaque = int32(binary.BigEndian.Uint32(b[5:]))
	c.Flag = int32(binary.BigEndian.Uint32(b[9:]))
	remark, rest, err := cut32(b[binaryFixed:], "remark")
	if err != nil {
		return err
	}
	if len(remark) > 0 {
		c.Remark = string(c.Fields.sane(remark))
	}
	entries, _, err := cut32(rest, "ext fields")
	if err != nil {
		return err
	}
	return c.Fields.entries(entries)
}

// entries reads the ext map into the list.
func (f *Fields) entries(b []byte) error {
	i := 0
	for n := 0; i < len(b); n++ {
		if n == maxFields {
			return fmt.Errorf("%w: more than %d ext fields", ErrHeader, maxFields)
		}
		if len(b)-i < 2 {
			return fmt.Errorf("%w: a stray byte after the ext fields", ErrHeader)
		}
		keyLen := int(int16(binary.BigEndian.Uint16(b[i:])))
		key := i + 2
		if keyLen < 0 || keyLen+4 > len(b)-key {
			return fmt.Errorf("%w: ext field name of %d bytes, %d are left for it and the value", ErrHeader, keyLen, len(b)-key)
		}
		valueLen := int64(int32(binary.BigEndian.Uint32(b[key+keyLen:])))
		value := key + keyLen + 4
		if valueLen < 0 || valueLen > int64(len(b)-value) {
			return fmt.Errorf("%w: ext field value of %d bytes, %d are left", ErrHeader, valueLen, len(b)-value)
		}
		i = value + int(valueLen)
		if keyLen > 0 { // a null name: Java keeps it where nobody can ask for it
			f.entry(b[key:key+keyLen:key+keyLen], b[value:i:i])
		}
	}
	return nil
}

func (f *Fields) entry(key, value []byte) {
	if len(value) == 0 {
		f.drop(key)
		return
	}
	if !isASCII(key) || !isASCII(value) {
		key, value = f.sane(key), f.sane(value)
	}
	f.list = append(f.list, Field{Key: key, Value: value})
}

// isASCII looks at eight bytes a step, at the last ones twice rather than one by one.
func isASCII(b []byte) bool {
	n := len(b)
	if n < 8 {
		var seen byte
		for _, c := range b {
			seen |= c
		}
		return seen < utf8.RuneSelf
	}
	seen := binary.LittleEndian.Uint64(b[n-8:])
	for i := 0; i+8 < n; i += 8 {
		seen |= binary.LittleEndian.Uint64(b[i:])
	}
	return seen&highBits == 0
}

// cut32 splits a part with an int32 length from b.
func cut32(b []byte, what string) (part, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, fmt.Errorf("%w: %d bytes left for the length of %s", ErrHeader, len(b), what)
	}
	n := int64(int32(binary.BigEndian.Uint32(b)))
	if n < 0 || n > int64(len(b)-4) {
		return nil, nil, fmt.Errorf("%w: %s of %d bytes, %d are left", ErrHeader, what, n, len(b)-4)
	}
	return b[4 : 4+n : 4+n], b[4+n:], nil
}

// sane is b itself when it is UTF-8, else what Java's decoder makes of it.
func (f *Fields) sane(b []byte) []byte {
	if utf8.Valid(b) {
		return b
	}
	start := len(f.scratch)
	f.scratch = appendRepaired(f.scratch, b)
	return f.kept(start)
}

// drop applies a null value: it hides what the same name had before.
func (f *Fields) drop(key []byte) {
	if f.find(string(key)) >= 0 {
		f.Delete(string(key))
	}
}

// appendBinary writes the ROCKETMQ form. The code is cut to its low 16 bits, as Java does.
func appendBinary(dst []byte, c *Command) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(c.Code))
	dst = append(dst, byte(c.Language))
	dst = binary.BigEndian.AppendUint16(dst, uint16(c.Version))
	dst = binary.BigEndian.AppendUint32(dst, uint32(c.Opaque))
	dst = binary.BigEndian.AppendUint32(dst, uint32(c.Flag))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(c.Remark)))
	dst = append(dst, c.Remark...)
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	w := FieldWriter{dst: dst, binary: true}
	w = w.command(c)
	binary.BigEndian.PutUint32(w.dst[start:], uint32(len(w.dst)-start-4))
	return w.dst
}
