package message

import "bytes"

// A property string is `name 0x01 value 0x02`, repeated. 4.x brokers leave the
// last 0x02 away. Pairs without 0x01, with an empty name or an empty value are
// dropped when read, as the Java parser drops them; of a name that comes twice
// the last one counts.
const (
	nameEnd  = 1
	valueEnd = 2
)

// PropertiesMax is how long a property string may be: its length is an i16.
const PropertiesMax = 32767

// Pairs walks a property string without allocating:
//
//	for p := message.PairsOf(props); p.Next(); { use(p.Name, p.Value) }
type Pairs struct {
	rest        []byte
	Name, Value []byte
}

// PairsOf is a walk that has not begun.
func PairsOf(props []byte) Pairs { return Pairs{rest: props} }

// Next goes to the next pair; false at the end.
func (p *Pairs) Next() bool {
	for len(p.rest) > 0 {
		pair := p.rest
		if end := bytes.IndexByte(pair, valueEnd); end >= 0 {
			pair, p.rest = pair[:end], pair[end+1:]
		} else {
			p.rest = nil
		}
		if sep := bytes.IndexByte(pair, nameEnd); sep > 0 && sep+1 < len(pair) {
			p.Name, p.Value = pair[:sep], pair[sep+1:]
			return true
		}
	}
	return false
}

// At is where the value of the pair lies in props, the property string, of at most PropertiesMax bytes.
func (p *Pairs) At(props []byte) Span {
	from := p.at(props)
	return Span{uint16(from), uint16(from + len(p.Value))}
}

func (p *Pairs) at(props []byte) int {
	to := len(props) - len(p.rest)
	if props[to-1] == valueEnd {
		to--
	}
	return to - len(p.Value)
}

// Span is where a value lies in a property string; the zero value is none.
type Span struct{ From, To uint16 }

// Of is the value, nil for none.
func (s Span) Of(props []byte) []byte {
	if s.To == 0 {
		return nil
	}
	return props[s.From:s.To:s.To]
}

// PairRun copies pairs of a walk, neighbours together.
type PairRun struct {
	props    []byte
	from, to int // kept and not copied yet
}

// RunOf is for a walk through a property string.
func RunOf(props []byte) PairRun { return PairRun{props: props} }

// Keep takes the pair that a walk is at into the copy, and tells where in it its value will be.
func (r *PairRun) Keep(dst []byte, p *Pairs) (_ []byte, value int) {
	end := len(r.props) - len(p.rest)
	value = p.at(r.props)
	if start := value - 1 - len(p.Name); start != r.to {
		dst = append(dst, r.props[r.from:r.to]...)
		r.from = start
	}
	r.to = end
	return dst, len(dst) + value - r.from
}

// End copies the last ones. A pair that lacks its end (4.x) gets it.
func (r *PairRun) End(dst []byte) []byte {
	if r.to == r.from {
		return dst
	}
	return ClosePairs(append(dst, r.props[r.from:r.to]...))
}

// ClosePairs ends the last pair of a property string that has one, where it lacks that.
func ClosePairs(props []byte) []byte {
	if props[len(props)-1] != valueEnd {
		return append(props, valueEnd)
	}
	return props
}

// EachProperty calls fn for each pair in the order of the string, until it
// answers false.
func EachProperty(props []byte, fn func(name, value []byte) bool) {
	for p := PairsOf(props); p.Next(); {
		if !fn(p.Name, p.Value) {
			return
		}
	}
}

// Property is the value of a name.
func Property(props []byte, name string) (value []byte, ok bool) {
	for p := PairsOf(props); p.Next(); {
		if string(p.Name) == name {
			value, ok = p.Value, true
		}
	}
	return value, ok
}

// AppendProperty adds a pair at the end of a property string. A last pair that
// lacks its end (4.x) gets it first.
func AppendProperty(dst []byte, name, value string) []byte {
	if len(dst) > 0 && dst[len(dst)-1] != valueEnd {
		dst = append(dst, valueEnd)
	}
	dst = append(dst, name...)
	dst = append(dst, nameEnd)
	dst = append(dst, value...)
	return append(dst, valueEnd)
}

// AppendWithoutProperty copies a property string without the pairs of one name;
// everything else stays byte for byte.
func AppendWithoutProperty(dst, props []byte, name string) []byte {
	for len(props) > 0 {
		pair := props
		if end := bytes.IndexByte(props, valueEnd); end >= 0 {
			pair = props[:end+1]
		}
		props = props[len(pair):]
		if !namedPair(pair, name) {
			dst = append(dst, pair...)
		}
	}
	return dst
}

// DeleteProperty is the property string without the pairs of one name: the same
// slice when there are none, else a new one.
func DeleteProperty(props []byte, name string) []byte {
	if !hasPair(props, name) {
		return props
	}
	return AppendWithoutProperty(make([]byte, 0, len(props)), props, name)
}

// hasPair looks for the bytes of a pair, read back or dropped.
func hasPair(props []byte, name string) bool {
	for len(props) > 0 {
		if namedPair(props, name) {
			return true
		}
		end := bytes.IndexByte(props, valueEnd)
		if end < 0 {
			return false
		}
		props = props[end+1:]
	}
	return false
}

func namedPair(pair []byte, name string) bool {
	return len(pair) > len(name) && pair[len(name)] == nameEnd && string(pair[:len(name)]) == name
}
