package protocol

import (
	"encoding/binary"
	"math"
	"strconv"
)

// FieldWriter writes ext fields in the serialization of the frame. It is passed and returned by value, like a slice to append, so that
// header types with an EncodeFields of their own cost no allocation.
type FieldWriter struct {
	dst    []byte
	binary bool
	more   bool // a field was written: JSON needs a comma before the next
}

// FieldEncoder is a header that writes its own fields; others are written by their tags.
type FieldEncoder interface {
	EncodeFields(w FieldWriter) FieldWriter
}

// command writes the fields of c, then its header.
func (w FieldWriter) command(c *Command) FieldWriter {
	for i := range c.Fields.Len() {
		w = w.field(c.Fields.At(i))
	}
	switch h := c.Header.(type) {
	case nil:
		return w
	case FieldEncoder:
		return h.EncodeFields(w)
	default:
		return w.header(h)
	}
}

func (w FieldWriter) field(f Field) FieldWriter {
	if w.binary {
		if len(f.Key) > math.MaxInt16 {
			return w // its length has 16 bits: such a name cannot be sent
		}
		w.dst = binary.BigEndian.AppendUint16(w.dst, uint16(len(f.Key)))
		w.dst = append(w.dst, f.Key...)
		w.dst = binary.BigEndian.AppendUint32(w.dst, uint32(len(f.Value)))
		w.dst = append(w.dst, f.Value...)
		return w
	}
	if w.more {
		w.dst = append(w.dst, ',')
	}
	w.more = true
	w.dst = append(w.dst, '"')
	w.dst = appendEscaped(w.dst, f.Key)
	w.dst = append(w.dst, `":"`...)
	w.dst = appendEscaped(w.dst, f.Value)
	w.dst = append(w.dst, '"')
	return w
}

// begin writes a name known to be plain ASCII, up to where its value starts.
func (w FieldWriter) begin(name string) FieldWriter {
	if w.binary {
		w.dst = binary.BigEndian.AppendUint16(w.dst, uint16(len(name)))
		w.dst = append(w.dst, name...)
		w.dst = append(w.dst, 0, 0, 0, 0)
		return w
	}
	if w.more {
		w.dst = append(w.dst, ',')
	}
	w.more = true
	w.dst = append(w.dst, '"')
	w.dst = append(w.dst, name...)
	w.dst = append(w.dst, `":"`...)
	return w
}

// end closes the value that started at byte start of dst.
func (w FieldWriter) end(start int) FieldWriter {
	if w.binary {
		binary.BigEndian.PutUint32(w.dst[start-4:], uint32(len(w.dst)-start))
		return w
	}
	w.dst = append(w.dst, '"')
	return w
}

// String writes a text value.
func (w FieldWriter) String(name, v string) FieldWriter {
	w = w.begin(name)
	start := len(w.dst)
	if w.binary {
		w.dst = append(w.dst, v...)
	} else {
		w.dst = appendEscaped(w.dst, v)
	}
	return w.end(start)
}

// Bytes writes a text value.
func (w FieldWriter) Bytes(name string, v []byte) FieldWriter {
	w = w.begin(name)
	start := len(w.dst)
	if w.binary {
		w.dst = append(w.dst, v...)
	} else {
		w.dst = appendEscaped(w.dst, v)
	}
	return w.end(start)
}

// Int writes a number in decimal.
func (w FieldWriter) Int(name string, v int64) FieldWriter {
	w = w.begin(name)
	start := len(w.dst)
	w.dst = strconv.AppendInt(w.dst, v, 10)
	return w.end(start)
}

// Bool writes "true" or "false".
func (w FieldWriter) Bool(name string, v bool) FieldWriter {
	w = w.begin(name)
	start := len(w.dst)
	w.dst = strconv.AppendBool(w.dst, v)
	return w.end(start)
}

// Float writes a double; 5 is written 5.0 as Java does.
func (w FieldWriter) Float(name string, v float64) FieldWriter {
	w = w.begin(name)
	start := len(w.dst)
	w.dst = strconv.AppendFloat(w.dst, v, 'f', -1, 64)
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		w.dst = append(w.dst, ".0"...)
	}
	return w.end(start)
}
