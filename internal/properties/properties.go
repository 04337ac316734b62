// Package properties reads and writes Java .properties texts: broker.conf, namesrv.conf and the bodies of the configuration
// requests.
//
// The bytes are ISO-8859-1, as java.util.Properties defines: a UTF-8 text beyond ASCII reads as Java reads it, one character a byte,
// and other characters are written \uXXXX.
package properties

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Map holds properties in the order of their first appearance.
type Map struct {
	keys   []string
	values map[string]string
}

// Get returns the value of a key.
func (m *Map) Get(key string) (string, bool) {
	v, ok := m.values[key]
	return v, ok
}

// Set adds or replaces a value.
func (m *Map) Set(key, value string) {
	if m.values == nil {
		m.values = make(map[string]string)
	}
	if _, ok := m.values[key]; !ok {
		m.keys = append(m.keys, key)
	}
	m.values[key] = value
}

// Keys lists the keys in the order of their first appearance.
func (m *Map) Keys() []string { return slices.Clone(m.keys) }

// Values returns all pairs, as config.Set.Apply takes them.
func (m *Map) Values() map[string]string {
	out := make(map[string]string, len(m.values))
	for k, v := range m.values {
		out[k] = v
	}
	return out
}

// Parse reads a text. The only thing that can be wrong is a malformed \uXXXX.
func Parse(text []byte) (*Map, error) {
	m := new(Map)
	p := parser{text: text, line: 1}
	for p.skipToKey() {
		key, err := p.word(true)
		if err != nil {
			return nil, err
		}
		p.skipSeparator()
		value, err := p.word(false)
		if err != nil {
			return nil, err
		}
		m.Set(key, value)
	}
	return m, nil
}

type parser struct {
	text []byte
	pos  int
	line int
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\f' }
func isEOL(c byte) bool   { return c == '\n' || c == '\r' }

// skipToKey passes blank lines and comments. Continuation does not exist in comments.
func (p *parser) skipToKey() bool {
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; {
		case isEOL(c):
			p.newline()
		case isBlank(c):
			p.pos++
		case c == '\\' && p.continues():
			p.pos++
			p.newline()
		case c == '#' || c == '!':
			for p.pos < len(p.text) && !isEOL(p.text[p.pos]) {
				p.pos++
			}
		default:
			return true
		}
	}
	return false
}

// newline passes one line end: LF, CR or CRLF.
func (p *parser) newline() {
	if p.text[p.pos] == '\r' && p.pos+1 < len(p.text) && p.text[p.pos+1] == '\n' {
		p.pos++
	}
	p.pos++
	p.line++
}

// continues reports whether the backslash at pos joins this line to the next.
func (p *parser) continues() bool {
	return p.pos+1 < len(p.text) && isEOL(p.text[p.pos+1])
}

func (p *parser) skipBlanks() {
	for p.pos < len(p.text) {
		switch {
		case isBlank(p.text[p.pos]):
			p.pos++
		case p.text[p.pos] == '\\' && p.continues():
			p.pos++
			p.newline()
		default:
			return
		}
	}
}

// skipSeparator passes blanks, at most one '=' or ':', and blanks again.
func (p *parser) skipSeparator() {
	p.skipBlanks()
	if p.pos < len(p.text) && (p.text[p.pos] == '=' || p.text[p.pos] == ':') {
		p.pos++
		p.skipBlanks()
	}
}

// word reads a key (which ends at a separator) or a value (which ends with the line, keeping blanks at its end as Java does).
func (p *parser) word(key bool) (string, error) {
	var b strings.Builder
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		switch {
		case isEOL(c), key && (isBlank(c) || c == '=' || c == ':'):
			return b.String(), nil
		case c == '\\':
			if err := p.escape(&b); err != nil {
				return "", err
			}
		default:
			b.WriteRune(rune(c)) // ISO-8859-1
			p.pos++
		}
	}
	return b.String(), nil
}

func (p *parser) escape(b *strings.Builder) error {
	if p.continues() {
		p.pos++
		p.newline()
		for p.pos < len(p.text) && isBlank(p.text[p.pos]) {
			p.pos++
		}
		return nil
	}
	p.pos++
	if p.pos == len(p.text) {
		return nil // a backslash at the very end vanishes
	}
	c := p.text[p.pos]
	p.pos++
	switch c {
	case 'u':
		r, err := p.unicode()
		if err != nil {
			return err
		}
		b.WriteRune(r)
	case 't':
		b.WriteByte('\t')
	case 'n':
		b.WriteByte('\n')
	case 'r':
		b.WriteByte('\r')
	case 'f':
		b.WriteByte('\f')
	default:
		b.WriteRune(rune(c))
	}
	return nil
}

// unicode reads the four digits after \u, and a second \uXXXX when the two are one character beyond the 16-bit plane.
func (p *parser) unicode() (rune, error) {
	high, ok := hex4(p.text[p.pos:])
	if !ok {
		return 0, fmt.Errorf(`line %d: malformed \uxxxx encoding`, p.line)
	}
	p.pos += 4
	if high < 0xd800 || high > 0xdbff {
		return high, nil // WriteRune makes U+FFFD of a lone low half
	}
	rest := p.text[p.pos:]
	if len(rest) >= 6 && rest[0] == '\\' && rest[1] == 'u' {
		if low, ok := hex4(rest[2:]); ok && low >= 0xdc00 && low <= 0xdfff {
			p.pos += 6
			return (high-0xd800)<<10 + (low - 0xdc00) + 0x10000, nil
		}
	}
	return utf8.RuneError, nil
}

func hex4(s []byte) (rune, bool) {
	if len(s) < 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(string(s[:4]), 16, 16)
	return rune(n), err == nil
}
