package protocol

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"unicode/utf8"
)

// maxDepth bounds the nesting of members that are skipped.
const maxDepth = 32

// decodeJSON reads the JSON form. Members come in any order, unknown ones are skipped, numbers may be quoted: what fastjson takes from
// the SDKs in use is taken here.
func decodeJSON(b []byte, c *Command) error {
	p := jsonScanner{b: b, f: &c.Fields}
	if err := p.open('{'); err != nil {
		return err
	}
	for first := true; ; first = false {
		key, more, err := p.member(first)
		if err != nil {
			return err
		}
		if !more {
			break
		}
		switch string(key) {
		case "code":
			c.Code, err = p.number()
		case "flag":
			c.Flag, err = p.number()
		case "version":
			c.Version, err = p.number()
		case "opaque":
			c.Opaque, err = p.number()
		case "language":
			c.Language, err = p.language()
		case "remark":
			c.Remark, err = p.remark()
		case "extFields":
			err = p.extFields()
		default:
			err = p.skip()
		}
		if err != nil {
			return err
		}
	}
	if p.space(); p.i != len(b) {
		return p.fail("the end")
	}
	return nil
}

// jsonScanner walks the header text once. Strings without escapes are handed out where they lie, others are resolved into f's scratch memory.
type jsonScanner struct {
	b []byte
	i int
	f *Fields
}

func (p *jsonScanner) fail(expected string) error {
	if p.i >= len(p.b) {
		return fmt.Errorf("%w: JSON ends at byte %d, expected %s", ErrHeader, p.i, expected)
	}
	return fmt.Errorf("%w: JSON has %q at byte %d, expected %s", ErrHeader, p.b[p.i], p.i, expected)
}

func (p *jsonScanner) space() {
	for p.i < len(p.b) && p.b[p.i] <= ' ' {
		p.i++
	}
}

func (p *jsonScanner) open(c byte) error {
	if p.space(); p.i >= len(p.b) || p.b[p.i] != c {
		return p.fail("an object")
	}
	p.i++
	return nil
}

// member moves to the next member's value and returns its name; more is false at the closing brace.
func (p *jsonScanner) member(first bool) (key []byte, more bool, err error) {
	if b, i := p.b, p.i; !first && i+1 < len(b) && b[i] == ',' && b[i+1] == '"' { // as encoders write it
		end, wide := stringEnd(b, i+2)
		if end+2 < len(b) && !wide && b[end] == '"' && b[end+1] == ':' && b[end+2] > ' ' {
			p.i = end + 2
			return b[i+2 : end : end], true, nil
		}
	}
	if p.space(); p.i < len(p.b) && p.b[p.i] == '}' {
		p.i++
		return nil, false, nil
	}
	if !first {
		if p.i >= len(p.b) || p.b[p.i] != ',' {
			return nil, false, p.fail("a comma")
		}
		p.i++
		p.space()
	}
	if key, err = p.text(); err != nil {
		return nil, false, err
	}
	if p.space(); p.i >= len(p.b) || p.b[p.i] != ':' {
		return nil, false, p.fail("a colon")
	}
	p.i++
	p.space()
	return key, true, nil
}

// extFields reads the custom header. A second extFields member replaces the first.
func (p *jsonScanner) extFields() error {
	if p.i < len(p.b) && p.b[p.i] == 'n' {
		return p.skip()
	}
	if err := p.open('{'); err != nil {
		return err
	}
	p.f.list = p.f.list[:0]
	n, err := p.plainFields()
	if err != nil {
		return err
	}
	for ; ; n++ {
		key, more, err := p.member(n == 0)
		if err != nil || !more {
			return err
		}
		if n == maxFields {
			return fmt.Errorf("%w: more than %d ext fields", ErrHeader, maxFields)
		}
		value, null, err := p.value()
		if err != nil {
			return err
		}
		if null {
			p.f.drop(key)
			continue
		}
		p.f.list = append(p.f.list, Field{Key: key, Value: value})
	}
}

// plainFields reads the fields at the start that look as every encoder in use writes them, `"name":"value",` without blanks. It stops
// before the first that does not, with p.i where member expects it, and returns how many fields it read.
func (p *jsonScanner) plainFields() (n int, err error) {
	b, i, list := p.b, p.i, p.f.list
	for n < maxFields && i+4 < len(b) && b[i] == '"' {
		key, wide := i+2, b[i+1] >= utf8.RuneSelf // the letters of SEND_MESSAGE_V2
		if b[key] != '"' || b[i+1] == '\\' {
			key, wide = stringEnd(b, i+1)
		}
		if key+3 >= len(b) || wide || b[key] != '"' || b[key+1] != ':' || b[key+2] != '"' {
			break
		}
		start := key + 3
		end, wide := stringEnd(b, start)
		if end >= len(b) || wide {
			break
		}
		value := b[start:end:end]
		if b[end] == '\\' {
			p.i = key + 2
			if value, err = p.escaped(start, end, false); err != nil {
				return n, err
			}
			end = p.i - 1
		}
		list = append(list, Field{Key: b[i+1 : key : key], Value: value})
		n++
		p.i = end + 1
		if p.i >= len(b) || b[p.i] != ',' {
			break
		}
		i = end + 2
	}
	p.f.list = list
	return n, nil
}

// value is a member's value as text, whatever its JSON type.
func (p *jsonScanner) value() (text []byte, null bool, err error) {
	if p.i < len(p.b) && p.b[p.i] == '"' {
		text, err = p.text()
		return text, false, err
	}
	start := p.i
	if err := p.skip(); err != nil {
		return nil, false, err
	}
	text = p.b[start:p.i:p.i]
	return text, string(text) == "null", nil
}

// number is an int32, bare or quoted; null leaves 0.
func (p *jsonScanner) number() (int32, error) {
	start := p.i
	i, neg, n := p.i, false, int64(0)
	if i < len(p.b) && p.b[i] == '-' {
		neg = true
		i++
	}
	for digits := i; i < len(p.b) && p.b[i]-'0' <= 9 && i-digits <= 10; i++ {
		n = n*10 + int64(p.b[i]-'0')
	}
	if i > start && i < len(p.b) && (p.b[i] == ',' || p.b[i] == '}') && p.b[i-1] != '-' {
		if neg {
			n = -n
		}
		if n == int64(int32(n)) {
			p.i = i
			return int32(n), nil
		}
	}
	text, null, err := p.value()
	if err != nil || null {
		return 0, err
	}
	v, err := strconv.ParseInt(string(text), 10, 32)
	if err != nil {
		p.i = start
		return 0, p.fail("a 32 bit number")
	}
	return int32(v), nil
}

func (p *jsonScanner) remark() (string, error) {
	text, null, err := p.value()
	if null {
		return "", err
	}
	return string(text), err
}

func (p *jsonScanner) language() (Language, error) {
	text, null, err := p.value()
	if err != nil {
		return Other, err
	}
	if null {
		return Other, nil
	}
	return languageByName(text), nil
}

// text reads a quoted string.
func (p *jsonScanner) text() ([]byte, error) {
	if p.i >= len(p.b) || p.b[p.i] != '"' {
		return nil, p.fail("a quoted string")
	}
	start := p.i + 1
	end, wide := stringEnd(p.b, start)
	if end == len(p.b) {
		p.i = end
		return nil, p.fail("a closing quote")
	}
	if p.b[end] == '\\' {
		return p.escaped(start, end, wide)
	}
	p.i = end + 1
	text := p.b[start:end:end]
	if wide && !utf8.Valid(text) {
		from := len(p.f.scratch)
		p.f.scratch = appendRepaired(p.f.scratch, text)
		text = p.f.kept(from)
	}
	return text, nil
}

// escaped resolves a string whose first backslash is at end. No escape is shorter than what it stands for, so room for the rest of the
// header is room for every string in it, and the copy may run eight bytes at a step.
func (p *jsonScanner) escaped(start, end int, wide bool) ([]byte, error) {
	from := len(p.f.scratch)
	p.f.scratch = slices.Grow(p.f.scratch, len(p.b)-start+8)
	out := p.f.scratch[from:cap(p.f.scratch)]
	o := copy(out, p.b[start:end])
	b, i, seen := p.b, end, uint64(0)
	for {
		if i+8 <= len(b) && o+8 <= len(out) {
			w := binary.LittleEndian.Uint64(b[i:])
			binary.LittleEndian.PutUint64(out[o:], w)
			found := quoteOrSlash(w)
			if found == 0 {
				seen |= w
				i, o = i+8, o+8
				continue
			}
			n := bits.TrailingZeros64(found) >> 3
			seen |= w & (1<<(8*n) - 1)
			i, o = i+n, o+n
		} else if i < len(b) && b[i] != '"' && b[i] != '\\' {
			seen |= uint64(b[i])
			out[o] = b[i]
			i, o = i+1, o+1
			continue
		}
		if i >= len(b) || b[i] == '"' {
			break
		}
		if i+6 <= len(b) && string(b[i:i+4]) == `\u00` && hexValue[b[i+4]] < 8 && hexValue[b[i+5]] < 16 { // the separators of properties
			out[o] = hexValue[b[i+4]]<<4 | hexValue[b[i+5]]
			i, o = i+6, o+1
			continue
		}
		p.i = i
		tail, err := p.escape(out[:o])
		if err != nil {
			return nil, err
		}
		i, o = p.i, len(tail)
	}
	if p.i = i; i >= len(b) {
		return nil, p.fail("a closing quote")
	}
	p.i++
	p.f.scratch = p.f.scratch[:from+o]
	text := p.f.kept(from)
	if (wide || seen&highBits != 0) && !utf8.Valid(text) {
		from = len(p.f.scratch)
		p.f.scratch = appendRepaired(p.f.scratch, text)
		text = p.f.kept(from)
	}
	return text, nil
}

// escape resolves the escape at p.i and moves behind it.
func (p *jsonScanner) escape(out []byte) ([]byte, error) {
	if p.i+1 >= len(p.b) {
		return nil, p.fail("an escape")
	}
	c := p.b[p.i+1]
	if c == 'u' {
		r, ok := p.hex4(p.i + 2)
		if !ok {
			return nil, p.fail("four hex digits")
		}
		p.i += 6
		return p.rune(out, r), nil
	}
	plain := [...]byte{'"': '"', '\\': '\\', '/': '/', '\'': '\'', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v'}
	if int(c) >= len(plain) || plain[c] == 0 {
		return nil, p.fail("a known escape")
	}
	p.i += 2
	return append(out, plain[c]), nil
}

// rune appends the character whose first \u escape was r. Half a surrogate pair becomes '?', which is how a Java string holding one is written out again.
func (p *jsonScanner) rune(out []byte, r rune) []byte {
	if r < 0xD800 || r > 0xDFFF {
		return utf8.AppendRune(out, r)
	}
	if r < 0xDC00 && p.i+1 < len(p.b) && p.b[p.i] == '\\' && p.b[p.i+1] == 'u' {
		if low, ok := p.hex4(p.i + 2); ok && low >= 0xDC00 && low <= 0xDFFF {
			p.i += 6
			return utf8.AppendRune(out, (r-0xD800)<<10|(low-0xDC00)+0x10000)
		}
	}
	return append(out, '?')
}

func (p *jsonScanner) hex4(i int) (rune, bool) {
	if i+4 > len(p.b) {
		return 0, false
	}
	var r rune
	for _, c := range p.b[i : i+4] {
		v := hexValue[c]
		if v > 15 {
			return 0, false
		}
		r = r<<4 | rune(v)
	}
	return r, true
}

// hexValue is the value of a hex digit, 255 for any other byte.
var hexValue = func() (table [256]byte) {
	for i := range table {
		table[i] = 255
	}
	for i := range byte(10) {
		table['0'+i] = i
	}
	for i := range byte(6) {
		table['a'+i], table['A'+i] = 10+i, 10+i
	}
	return table
}()

// skip moves behind the value at p.i. Containers are only balanced, not checked: nobody reads them.
func (p *jsonScanner) skip() error {
	var nest [maxDepth]byte
	depth := 0
	for {
		p.space()
		if p.i >= len(p.b) {
			return p.fail("a value")
		}
		switch c := p.b[p.i]; c {
		case '{', '[':
			if depth == maxDepth {
				return p.fail("less nesting")
			}
			nest[depth] = c + 2 // the closing one in ASCII
			depth++
			p.i++
		case '}', ']':
			if depth == 0 || nest[depth-1] != c {
				return p.fail("a value")
			}
			depth--
			p.i++
		case ',', ':':
			if depth == 0 {
				return p.fail("a value")
			}
			p.i++
			continue
		case '"':
			if err := p.skipText(); err != nil {
				return err
			}
		default:
			if err := p.literal(); err != nil {
				return err
			}
		}
		if depth == 0 {
			return nil
		}
	}
}

func (p *jsonScanner) skipText() error {
	p.i++
	for {
		p.i, _ = stringEnd(p.b, p.i)
		if p.i >= len(p.b) {
			return p.fail("a closing quote")
		}
		if p.b[p.i] == '"' {
			p.i++
			return nil
		}
		p.i = min(p.i+2, len(p.b)) // a backslash and what it escapes
	}
}

// literal moves behind a number, true, false or null.
func (p *jsonScanner) literal() error {
	start := p.i
	for p.i < len(p.b) {
		c := p.b[p.i]
		if c <= ' ' || c == ',' || c == '}' || c == ']' || c == ':' {
			break
		}
		p.i++
	}
	switch token := p.b[start:p.i]; {
	case string(token) == "null", string(token) == "true", string(token) == "false":
		return nil
	case len(token) > 0 && isNumber(token):
		return nil
	}
	p.i = start
	return p.fail("a value")
}

func isNumber(token []byte) bool {
	for _, c := range token {
		if (c < '0' || c > '9') && c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E' {
			return false
		}
	}
	return true
}

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// quoteOrSlash marks the bytes of a word that are a quote or a backslash: XOR makes those zero, and a zero byte minus 1 borrows its high
// bit. The lowest mark is always true; those above it may be false.
func quoteOrSlash(w uint64) uint64 {
	quote, slash := w^('"'*lowBits), w^('\\'*lowBits)
	return ((quote-lowBits)&^quote | (slash-lowBits)&^slash) & highBits
}

// stringEnd finds the first quote or backslash from i on, eight bytes at a step. wide tells of non-ASCII bytes before it.
func stringEnd(b []byte, i int) (end int, wide bool) {
	var seen uint64
	for i+8 <= len(b) {
		w := binary.LittleEndian.Uint64(b[i:])
		if found := quoteOrSlash(w); found != 0 {
			n := bits.TrailingZeros64(found) >> 3
			seen |= w & (1<<(8*n) - 1)
			return i + n, seen&highBits != 0
		}
		seen |= w
		i += 8
	}
	for ; i < len(b) && b[i] != '"' && b[i] != '\\'; i++ {
		seen |= uint64(b[i])
	}
	return i, seen&highBits != 0
}
