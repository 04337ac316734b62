package protocol

import (
	"bytes"
	"encoding/binary"
)

// learn makes a shape of a header that was read into c; nil when it is no ordinary request: one as encoders write it, without blanks,
// all ASCII, every ext field a string, its only escapes those of control characters.
func learn(head []byte, c *Command) *shape {
	if c.IsResponse() || c.Remark != "" || c.Fields.Len() == 0 || c.Fields.Len() > shapeFields {
		return nil
	}
	s := &shape{serialize: c.Serialize, head: bytes.Clone(head), free: make([]byte, len(head))}
	s.command = Command{Code: c.Code, Language: c.Language, Version: c.Version, Flag: c.Flag}
	l := learner{s: s, b: s.head}
	known := false
	if c.Serialize == RocketMQ {
		s.from = binaryFixed
		known = l.binary()
	} else {
		s.quotes = ^uint64(0)
		known = l.json()
	}
	if !known || len(s.fields) != c.Fields.Len() {
		return nil
	}
	l.place()
	// What reading by this shape gives must be what was read: a look at the rules above, not at luck.
	again := Command{Serialize: c.Serialize}
	if !s.read(s.head, &again) || again.Opaque != c.Opaque || !sameFields(&again.Fields, &c.Fields) {
		return nil
	}
	s.model.Fields = again.Fields
	return s
}

// place notes which fields lie where, the steps of matches in mind.
func (l *learner) place() {
	s := l.s
	s.once = true
	for i := s.from; i+8 <= len(l.b); i += 8 {
		s.words = append(s.words, l.fieldsIn(i, i+8))
	}
	s.words = append(s.words, l.fieldsIn(len(l.b)-8, len(l.b)))
	for i := range s.fields {
		s.once = s.once && s.find(string(s.fields[i].key)) == i
	}
}

func (l *learner) fieldsIn(from, to int) (fields uint32) {
	for i, span := range l.spans {
		if span[0] < to && span[1] > from {
			fields |= 1 << i
		}
	}
	return fields
}

func sameFields(a, b *Fields) bool {
	for i := range b.Len() {
		x, y := a.At(i), b.At(i)
		if !bytes.Equal(x.Key, y.Key) || !bytes.Equal(x.Value, y.Value) {
			return false
		}
	}
	return true
}

// learner walks a header that is known to be well formed and gives up at the first thing it does not expect.
type learner struct {
	s     *shape
	b     []byte
	i     int
	spans [][2]int // where the values of the fields lie in the header
}

// take moves behind a text that is next.
func (l *learner) take(text string) bool {
	if !bytes.HasPrefix(l.b[l.i:], []byte(text)) {
		return false
	}
	l.i += len(text)
	return true
}

// string moves behind a quoted string without escapes.
func (l *learner) string() (text []byte, ok bool) {
	if !l.take(`"`) {
		return nil, false
	}
	end, wide := stringEnd(l.b, l.i)
	if wide || end == len(l.b) || l.b[end] != '"' {
		return nil, false
	}
	text = l.b[l.i:end:end]
	l.i = end + 1
	return text, true
}

// json walks the members of the header.
func (l *learner) json() bool {
	if !l.take("{") {
		return false
	}
	opaques, extFields := 0, 0
	for {
		name, ok := l.string()
		if !ok || !l.take(":") {
			return false
		}
		switch string(name) {
		case "opaque":
			opaques++
			ok = l.digits()
		case "extFields":
			extFields++
			ok = l.members()
		default:
			ok = l.constant()
		}
		if !ok {
			return false
		}
		if l.take("}") {
			return l.i == len(l.b) && opaques == 1 && extFields == 1
		}
		if !l.take(",") {
			return false
		}
	}
}

// digits are the opaque number.
func (l *learner) digits() bool {
	l.s.opaque = l.i
	for l.i < len(l.b) && l.b[l.i]-'0' <= 9 {
		l.s.free[l.i] = 0xFF
		l.i++
	}
	l.s.opaqueEnd = l.i
	n := l.i - l.s.opaque
	return n > 0 && n <= 10
}

// constant is a member that all headers of the shape have in common.
func (l *learner) constant() bool {
	if l.b[l.i] == '"' {
		_, ok := l.string()
		return ok
	}
	for from := l.i; l.i < len(l.b); l.i++ {
		switch c := l.b[l.i]; {
		case c == ',' || c == '}':
			return l.i > from
		case c == '"' || c == '{' || c == '[' || c <= ' ' || c >= 0x80:
			return false
		}
	}
	return false
}

// members are the ext fields.
func (l *learner) members() bool {
	if !l.take("{") {
		return false
	}
	for {
		key, ok := l.string()
		if !ok || !l.take(`:"`) || !l.value(key) {
			return false
		}
		if l.take("}") {
			return true
		}
		if !l.take(",") {
			return false
		}
	}
}

// value is that of an ext field: everything in it but its escapes is free.
func (l *learner) value(key []byte) bool {
	s, start, made := l.s, l.i, 0
	first := len(s.pieces)
	for from := l.i; ; from = l.i {
		end, wide := stringEnd(l.b, from)
		if wide || end == len(l.b) {
			return false
		}
		for at := from; at < end; at++ {
			s.free[at] = 0xFF
		}
		l.i = end + 1
		p := piece{from: from, n: end - from}
		if l.b[end] == '"' {
			l.spans = append(l.spans, [2]int{start, end})
			if len(s.pieces) == first {
				s.fields = append(s.fields, shapeField{key: key, value: start, end: end})
				return true
			}
			made += p.n
			s.fields = append(s.fields, shapeField{key: key, value: s.text, end: s.text + made, made: true})
			s.text += made + 1
			return l.add(p)
		}
		if end+6 > len(l.b) || !l.take("u00") || hexValue[l.b[end+4]] > 7 || hexValue[l.b[end+5]] > 15 {
			return false
		}
		l.i = end + 6
		p.last = hexValue[l.b[end+4]]<<4 | hexValue[l.b[end+5]]
		made += p.n + 1
		if !l.add(p) {
			return false
		}
	}
}

// add takes a piece that may be copied in whole steps.
func (l *learner) add(p piece) bool {
	l.s.pieces = append(l.s.pieces, p)
	return p.from+(p.n+7)&^7 <= len(l.b)
}

// binary walks the entries, which have been checked: see decodeBinary. Values are free, lengths and names are not. What follows the entries, and
// nobody reads, makes it no ordinary header.
func (l *learner) binary() bool {
	const entries = binaryFixed + 8
	if int64(binary.BigEndian.Uint32(l.b[entries-4:])) != int64(len(l.b)-entries) {
		return false
	}
	for i := entries; i < len(l.b); {
		key := i + 2
		value := key + int(binary.BigEndian.Uint16(l.b[i:])) + 4
		i = value + int(binary.BigEndian.Uint32(l.b[value-4:]))
		if i > len(l.b) || key == value-4 || i == value || !isASCII(l.b[key:i]) {
			return false
		}
		for at := value; at < i; at++ {
			l.s.free[at] = 0xFF
		}
		l.spans = append(l.spans, [2]int{value, i})
		l.s.fields = append(l.s.fields, shapeField{key: l.b[key : value-4 : value-4], value: value, end: i})
	}
	return true
}
