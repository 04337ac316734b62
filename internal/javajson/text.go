package javajson

import (
	"bytes"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

const upperHex = "0123456789ABCDEF"

// string writes a quoted string. Bytes that are not UTF-8 become U+FFFD, as they do when Java makes a String of them.
func (e *encoder) string(s string) {
	e.buf = append(e.buf, '"')
	start := 0
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' {
				i++
				continue
			}
			e.buf = append(e.buf, s[start:i]...)
			e.control(c)
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if !e.strict && (r != utf8.RuneError || size > 1) {
			i += size
			continue
		}
		e.buf = append(e.buf, s[start:i]...)
		e.rune(r)
		i += size
		start = i
	}
	e.buf = append(e.buf, s[start:]...)
	e.buf = append(e.buf, '"')
}

func (e *encoder) control(c byte) {
	const short = "\"\\\b\f\n\r\t"
	const letter = "\"\\bfnrt"
	for i := range len(short) {
		if short[i] == c {
			e.buf = append(e.buf, '\\', letter[i])
			return
		}
	}
	e.unit(uint16(c))
}

func (e *encoder) rune(r rune) {
	if !e.strict {
		e.buf = utf8.AppendRune(e.buf, r)
		return
	}
	if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
		e.unit(uint16(high))
		r = low
	}
	e.unit(uint16(r))
}

func (e *encoder) unit(u uint16) {
	e.buf = append(e.buf, '\\', 'u', upperHex[u>>12], upperHex[u>>8&15], upperHex[u>>4&15], upperHex[u&15])
}

// appendDouble writes a number as Double.toString or Float.toString does: always with a fraction, in scientific notation from 1.0E7
// up and below 1.0E-3. fastjson writes null for what is no number.
func appendDouble(dst []byte, f float64, bits int) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(dst, "null"...)
	}
	if abs := math.Abs(f); f == 0 || abs >= 1e-3 && abs < 1e7 {
		start := len(dst)
		dst = strconv.AppendFloat(dst, f, 'f', -1, bits)
		if bytes.IndexByte(dst[start:], '.') < 0 {
			dst = append(dst, ".0"...)
		}
		return dst
	}
	mantissa, exponent, _ := bytes.Cut(strconv.AppendFloat(nil, f, 'e', -1, bits), []byte{'e'})
	dst = append(dst, mantissa...)
	if bytes.IndexByte(mantissa, '.') < 0 {
		dst = append(dst, ".0"...)
	}
	n, _ := strconv.Atoi(string(exponent)) // "+07": AppendFloat wrote it
	return strconv.AppendInt(append(dst, 'E'), int64(n), 10)
}
