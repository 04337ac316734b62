package filter

import (
	"cmp"
	"math"
	"strings"
)

// kind is the Java type of a value.
type kind uint8

const (
	kindNull kind = iota
	kindBool
	kindInt // Integer
	kindLong
	kindDouble
	kindString
)

// value is what an expression comes to for a message. Strings are borrowed from
// the message or the expression.
type value struct {
	kind kind
	bits uint64 // a Boolean, an Integer, a Long, or a Double's bits
	text []byte
}

var null = value{}

func boolean(b bool) value {
	if b {
		return value{kind: kindBool, bits: 1}
	}
	return value{kind: kindBool}
}

func integer(n int32) value       { return value{kind: kindInt, bits: uint64(int64(n))} }
func long(n int64) value          { return value{kind: kindLong, bits: uint64(n)} }
func double(f float64) value      { return value{kind: kindDouble, bits: math.Float64bits(f)} }
func text(s []byte) value         { return value{kind: kindString, text: s} }
func (v value) isTrue() bool      { return v.kind == kindBool && v.bits == 1 }
func (v value) isFalse() bool     { return v.kind == kindBool && v.bits == 0 }
func (v value) isNumber() bool    { return v.kind >= kindInt && v.kind <= kindDouble }
func (v value) whole() int64      { return int64(v.bits) }
func (v value) fraction() float64 { return math.Float64frombits(v.bits) }
func (v value) equals(w value) bool {
	return v.kind == w.kind && v.bits == w.bits && string(v.text) == string(w.text)
}

// asDouble widens a number.
func (v value) asDouble() float64 {
	if v.kind == kindDouble {
		return v.fraction()
	}
	return float64(v.whole())
}

func (v value) negated() value {
	switch v.kind {
	case kindInt:
		return integer(-int32(v.whole()))
	case kindLong:
		return long(-v.whole())
	case kindDouble:
		return double(-v.fraction())
	}
	return null
}

// String is the value as Java prints it.
func (v value) String() string {
	switch v.kind {
	case kindBool:
		if v.isTrue() {
			return "true"
		}
		return "false"
	case kindInt, kindLong:
		return formatLong(v.whole())
	case kindDouble:
		return formatDouble(v.fraction())
	case kindString:
		return string(v.text)
	}
	return "null"
}

// incomparable is what two values compare to that Java finds merely different.
const incomparable = -1

// compare orders two values that are not null, as ComparisonExpression#__compare
// does: a string is read as the type of the other side. ok is false where Java
// throws, which no message survives.
func compare(l, r value) (order int, ok bool) {
	if l.kind != r.kind {
		switch {
		case l.kind == kindString:
			l, ok = l.as(r.kind)
		case r.kind == kindString && l.kind == kindBool:
			return 0, false // it casts the wrong one of the two
		case r.kind == kindString:
			r, ok = r.as(l.kind)
		case l.kind == kindBool || r.kind == kindBool:
			return incomparable, true
		case l.kind == kindDouble || r.kind == kindDouble:
			return compareDoubles(l.asDouble(), r.asDouble()), true
		default:
			return cmp.Compare(l.whole(), r.whole()), true
		}
		if !ok {
			return 0, false
		}
	}
	switch l.kind {
	case kindDouble:
		return compareDoubles(l.fraction(), r.fraction()), true
	case kindString:
		return strings.Compare(string(l.text), string(r.text)), true
	}
	return cmp.Compare(l.whole(), r.whole()), true
}

// as reads a string as another type.
func (v value) as(k kind) (value, bool) {
	switch k {
	case kindBool:
		return boolean(len(v.text) == 4 && strings.EqualFold(string(v.text), "true")), true
	case kindInt:
		n, ok := parseLong(v.text, math.MinInt32, math.MaxInt32)
		return integer(int32(n)), ok
	case kindLong:
		n, ok := parseLong(v.text, math.MinInt64, math.MaxInt64)
		return long(n), ok
	case kindDouble:
		f, ok := parseDouble(v.text)
		return double(f), ok
	}
	return null, false
}

// compareDoubles is Double.compareTo: -0.0 is less than 0.0, and NaN is the
// greatest and equal to itself.
func compareDoubles(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return cmp.Compare(orderBits(a), orderBits(b))
}

func orderBits(f float64) int64 {
	if math.IsNaN(f) {
		return 0x7ff8000000000000
	}
	return int64(math.Float64bits(f))
}
