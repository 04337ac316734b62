package protocol

import (
	"strconv"
	"unicode/utf8"
)

// appendJSON writes the JSON form with members in Java's alphabetical order. extFields is always there, empty or not: Java clients
// use an answer's extFields without asking whether they exist.
func appendJSON(dst []byte, c *Command) []byte {
	dst = append(dst, `{"code":`...)
	dst = strconv.AppendInt(dst, int64(c.Code), 10)
	dst = append(dst, `,"extFields":{`...)
	w := FieldWriter{dst: dst}
	dst = w.command(c).dst
	dst = append(dst, `},"flag":`...)
	dst = strconv.AppendInt(dst, int64(c.Flag), 10)
	dst = append(dst, `,"language":"`...)
	dst = append(dst, c.Language.String()...)
	dst = append(dst, `","opaque":`...)
	dst = strconv.AppendInt(dst, int64(c.Opaque), 10)
	if c.Remark != "" {
		dst = append(dst, `,"remark":"`...)
		dst = appendEscaped(dst, c.Remark)
		dst = append(dst, '"')
	}
	dst = append(dst, `,"serializeTypeCurrentRPC":"JSON","version":`...)
	dst = strconv.AppendInt(dst, int64(c.Version), 10)
	return append(dst, '}')
}

const hexDigits = "0123456789abcdef"

// needsEscape marks the bytes that cannot stand in a JSON string as they are; non-ASCII bytes are looked at more closely.
var needsEscape = func() (table [256]bool) {
	for i := range table {
		table[i] = i < ' ' || i == '"' || i == '\\' || i >= utf8.RuneSelf
	}
	return table
}()

// appendEscaped writes the inside of a JSON string: raw UTF-8, control characters as \u, broken sequences as U+FFFD (fastjson2 refuses them).
func appendEscaped[S string | []byte](dst []byte, s S) []byte {
	done := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !needsEscape[c] {
			continue
		}
		if c >= utf8.RuneSelf {
			dst = append(dst, s[done:i]...)
			return appendWide(dst, []byte(s[i:]))
		}
		dst = append(dst, s[done:i]...)
		dst = appendEscape(dst, c)
		done = i + 1
	}
	return append(dst, s[done:]...)
}

func appendWide(dst, b []byte) []byte {
	if !utf8.Valid(b) {
		b = appendRepaired(nil, b)
	}
	done := 0
	for i, c := range b {
		if needsEscape[c] && c < utf8.RuneSelf {
			dst = append(dst, b[done:i]...)
			dst = appendEscape(dst, c)
			done = i + 1
		}
	}
	return append(dst, b[done:]...)
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}
