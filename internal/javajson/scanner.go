package javajson

import (
	"bytes"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A scanner walks over the text. It never looks back further than the value at hand and allocates only for strings with escapes.
type scanner struct {
	data  []byte
	pos   int
	depth int
}

// peek passes blanks and comments and returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; c {
		case ' ', '\t', '\n', '\r', '\f', '\b':
			s.pos++
		case '/':
			if !s.comment() {
				return c
			}
		default:
			return c
		}
	}
	return 0
}

func (s *scanner) comment() bool {
	var end string
	switch string(s.data[s.pos:min(s.pos+2, len(s.data))]) {
	case "//":
		end = "\n"
	case "/*":
		end = "*/"
	default:
		return false
	}
	s.pos += 2
	if i := bytes.Index(s.data[s.pos:], []byte(end)); i >= 0 {
		s.pos += i + len(end)
	} else {
		s.pos = len(s.data)
	}
	return true
}

func (s *scanner) errorAt(at int, what string) error { return fmt.Errorf("at byte %d: %s", at, what) }

func (s *scanner) unexpected(want string) error {
	if s.pos >= len(s.data) {
		return s.errorAt(s.pos, "want "+want+", found the end")
	}
	return s.errorAt(s.pos, fmt.Sprintf("want %s, found %q", want, s.data[s.pos:min(s.pos+1, len(s.data))]))
}

func (s *scanner) mismatch(v reflect.Value, found string) error {
	return s.errorAt(s.pos, fmt.Sprintf("want %v, found %s", v.Type(), found))
}

func (s *scanner) expect(c byte) error {
	if s.peek() != c {
		return s.unexpected(string(rune(c)))
	}
	s.pos++
	return nil
}

// literal takes a word if it stands here and ends here.
func (s *scanner) literal(word string) bool {
	end := s.pos + len(word)
	if end > len(s.data) || string(s.data[s.pos:end]) != word || end < len(s.data) && isWord(s.data[end]) {
		return false
	}
	s.pos = end
	return true
}

func isWord(c byte) bool {
	return c == '_' || c == '$' || c == '-' || c == '+' || c == '.' || c >= utf8.RuneSelf ||
		c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// items reads an object or a list, calling each at the start of every item. Stray commas are passed, as fastjson passes them.
func (s *scanner) items(open, closing byte, each func() error) error {
	if err := s.expect(open); err != nil {
		return err
	}
	if s.depth++; s.depth > MaxDepth {
		return fmt.Errorf("at byte %d: %w", s.pos, ErrDepth)
	}
	for first := true; ; first = false {
		comma := first
		for s.peek() == ',' {
			s.pos++
			comma = true
		}
		if s.peek() == closing {
			s.pos++
			s.depth--
			return nil
		}
		if !comma {
			return s.unexpected("',' or '" + string(rune(closing)) + "'")
		}
		if err := each(); err != nil {
			return err
		}
	}
}

// word takes a bare word: a number, a literal, an unquoted name. It points into the text.
func (s *scanner) word() []byte {
	start := s.pos
	for s.pos < len(s.data) && isWord(s.data[s.pos]) {
		s.pos++
	}
	return s.data[start:s.pos]
}

// name reads what stands before a colon: a quoted string (unescaped), a bare word, or the text of a bare object or list.
func (s *scanner) name() ([]byte, error) {
	switch c := s.peek(); c {
	case '"', '\'':
		return s.quoted()
	case '{', '[':
		return s.skip()
	}
	if w := s.word(); len(w) > 0 {
		return w, nil
	}
	return nil, s.unexpected("a name")
}

// scalarText reads a string, number or literal.
func (s *scanner) scalarText() (text string, quoted bool, err error) {
	switch s.peek() {
	case '"', '\'':
		b, err := s.quoted()
		return validUTF8(b), true, err
	case '{', '[':
		return "", false, s.unexpected("a plain value")
	}
	at := s.pos
	w := s.word()
	if string(w) == "true" || string(w) == "false" || string(w) == "null" || isNumber(w) {
		return string(trimSuffixLetter(w)), false, nil
	}
	s.pos = at
	return "", false, s.unexpected("a value")
}

// isNumber: an optional sign, digits, a fraction, an exponent, and the type letter that Java may add (`5L`).
func isNumber(w []byte) bool {
	w = trimSuffixLetter(w)
	i, digits := 0, 0
	if i < len(w) && (w[i] == '-' || w[i] == '+') {
		i++
	}
	count := func() {
		for i < len(w) && w[i] >= '0' && w[i] <= '9' {
			i++
			digits++
		}
	}
	count()
	if i < len(w) && w[i] == '.' {
		i++
		count()
	}
	if digits == 0 {
		return false
	}
	if i < len(w) && (w[i] == 'e' || w[i] == 'E') {
		i++
		if i < len(w) && (w[i] == '-' || w[i] == '+') {
			i++
		}
		digits = 0
		count()
	}
	return digits > 0 && i == len(w)
}

func trimSuffixLetter(w []byte) []byte {
	if n := len(w) - 1; n > 0 && strings.IndexByte("LSBFD", w[n]) >= 0 {
		return w[:n]
	}
	return w
}

// quoted reads a string in either kind of quotes. Without escapes the result points into the text.
func (s *scanner) quoted() ([]byte, error) {
	at, quote := s.pos, s.data[s.pos]
	s.pos++
	start := s.pos
	for ; s.pos < len(s.data); s.pos++ {
		switch s.data[s.pos] {
		case quote:
			s.pos++
			return s.data[start : s.pos-1], nil
		case '\\':
			return s.unescape(append([]byte(nil), s.data[start:s.pos]...), quote, at)
		}
	}
	return nil, s.errorAt(at, "a string does not end")
}

// unescape goes on where quoted found the first backslash; out holds what came before.
func (s *scanner) unescape(out []byte, quote byte, at int) ([]byte, error) {
	for s.pos < len(s.data) {
		c := s.data[s.pos]
		s.pos++
		switch {
		case c == quote:
			return out, nil
		case c != '\\':
			out = append(out, c)
			continue
		case s.pos == len(s.data):
			return nil, s.errorAt(at, "a string does not end")
		}
		c = s.data[s.pos]
		s.pos++
		switch c {
		case 'u', 'x':
			r, err := s.hex(c)
			if err != nil {
				return nil, err
			}
			out = utf8.AppendRune(out, r)
		default:
			plain, ok := escapes[c]
			if !ok {
				return nil, s.errorAt(s.pos-1, fmt.Sprintf("unknown escape \\%c", c))
			}
			out = append(out, plain)
		}
	}
	return nil, s.errorAt(at, "a string does not end")
}

// escapes beyond JSON's are fastjson 1's.
var escapes = map[byte]byte{
	'"': '"', '\'': '\'', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'F': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v',
	'0': 0, '1': 1, '2': 2, '3': 3, '4': 4, '5': 5, '6': 6, '7': 7,
}

// hex reads the digits of \uXXXX (with its second half where it is one of a pair) or of \xXX.
func (s *scanner) hex(kind byte) (rune, error) {
	n := 4
	if kind == 'x' {
		n = 2
	}
	r, ok := hexDigits(s.data[s.pos:], n)
	if !ok {
		return 0, s.errorAt(s.pos, fmt.Sprintf("want %d hexadecimal digits", n))
	}
	s.pos += n
	if rest := s.data[s.pos:]; utf16.IsSurrogate(r) && len(rest) >= 6 && rest[0] == '\\' && rest[1] == 'u' {
		if low, ok := hexDigits(rest[2:], 4); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				s.pos += 6
				return pair, nil
			}
		}
	}
	return r, nil // AppendRune makes U+FFFD of a lone half
}

func hexDigits(b []byte, n int) (rune, bool) {
	if len(b) < n {
		return 0, false
	}
	r, err := strconv.ParseUint(string(b[:n]), 16, 16)
	return rune(r), err == nil
}

// skip passes a value and returns its text.
func (s *scanner) skip() ([]byte, error) {
	var err error
	c := s.peek()
	start := s.pos
	switch c {
	case '{':
		err = s.items('{', '}', func() error {
			if _, err := s.name(); err != nil {
				return err
			}
			if err := s.expect(':'); err != nil {
				return err
			}
			_, err := s.skip()
			return err
		})
	case '[':
		err = s.items('[', ']', func() error {
			_, err := s.skip()
			return err
		})
	default:
		_, _, err = s.scalarText()
	}
	return s.data[start:s.pos], err
}

func validUTF8(b []byte) string {
	return strings.ToValidUTF8(string(b), "�")
}
