package filter

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// parseLong is Integer.valueOf and Long.valueOf: a sign, digits of any script, no
// blanks, within bounds.
func parseLong(s []byte, least, most int64) (int64, bool) {
	negative := false
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		negative, s = s[0] == '-', s[1:]
	}
	if len(s) == 0 {
		return 0, false
	}
	limit := uint64(most)
	if negative {
		limit = uint64(-(least + 1)) + 1
	}
	var n uint64
	for len(s) > 0 {
		d, size := uint64(s[0]-'0'), 1
		if s[0] >= utf8.RuneSelf {
			d, size = digitOf(s)
		}
		s = s[size:]
		if d > 9 || n > (limit-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	if negative {
		return -int64(n), true
	}
	return int64(n), true
}

// digitOf is the decimal digit a text begins with, in any script; 10 for none.
// Beyond the basic plane Java does not look.
func digitOf(s []byte) (digit uint64, size int) {
	r, size := utf8.DecodeRune(s)
	if r > 0xFFFF {
		return 10, size
	}
	for _, block := range unicode.Nd.R16 {
		if r >= rune(block.Lo) && r <= rune(block.Hi) {
			return uint64(r-rune(block.Lo)) % 10, size // blocks begin with a zero
		}
	}
	return 10, size
}

// parseDouble is Double.valueOf: blanks and control characters around it, NaN and
// Infinity, decimal and hexadecimal floats, and a suffix f or d.
func parseDouble(s []byte) (float64, bool) {
	s = bytes.TrimFunc(s, func(r rune) bool { return r <= ' ' })
	if f, ok := parseShort(s); ok {
		return f, true
	}
	unsigned, negative := s, false
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		negative, unsigned = s[0] == '-', s[1:]
	}
	switch string(unsigned) {
	case "NaN":
		return math.NaN(), true
	case "Infinity":
		if negative {
			return math.Inf(-1), true
		}
		return math.Inf(1), true
	}
	n := floatLength(unsigned)
	if n == 0 || len(unsigned)-n > 1 || len(unsigned)-n == 1 && strings.IndexByte("fFdD", unsigned[n]) < 0 {
		return 0, false
	}
	// A number too large is Infinity, one too small 0, for both: no error.
	f, err := strconv.ParseFloat(string(s[:len(s)-len(unsigned)+n]), 64)
	if err != nil && !math.IsInf(f, 0) && f != 0 {
		return 0, false
	}
	return f, true
}

// parseShort reads what most numbers are, exactly and without allocating.
func parseShort(s []byte) (float64, bool) {
	const exact = 15 // digits that a Double holds
	if len(s) == 0 || len(s) > exact {
		return 0, false
	}
	n, scale, dot := 0.0, 1.0, false
	for i, c := range s {
		switch {
		case isDigit(c):
			n = n*10 + float64(c-'0')
			if dot {
				scale *= 10
			}
		case c == '.' && !dot && i > 0 && i+1 < len(s):
			dot = true
		default:
			return 0, false
		}
	}
	return n / scale, true
}

// floatLength is how long the float is that a text without a sign begins with; 0
// when it begins with none.
func floatLength(s []byte) int {
	isMantissa, exponent, at := isDigit, byte('e'), 0
	hex := len(s) > 1 && s[0] == '0' && s[1]|0x20 == 'x'
	if hex {
		at, exponent = 2, 'p'
		isMantissa = func(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }
	}
	digits := 0
	for dot := false; at < len(s); at++ {
		switch {
		case isMantissa(s[at]):
			digits++
			continue
		case s[at] == '.' && !dot:
			dot = true
			continue
		}
		break
	}
	if digits == 0 {
		return 0
	}
	if at == len(s) || s[at]|0x20 != exponent {
		if hex {
			return 0 // an exponent is not optional there
		}
		return at
	}
	from := at + 1
	if from < len(s) && (s[from] == '+' || s[from] == '-') {
		from++
	}
	end := from
	for end < len(s) && isDigit(s[end]) {
		end++
	}
	if end == from {
		if hex {
			return 0
		}
		return at
	}
	return end
}

func formatLong(n int64) string { return strconv.FormatInt(n, 10) }

// formatDouble is Double.toString.
func formatDouble(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case f == 0:
		if math.Signbit(f) {
			return "-0.0"
		}
		return "0.0"
	}
	if a := math.Abs(f); a >= 1e-3 && a < 1e7 {
		s := strconv.FormatFloat(f, 'f', -1, 64)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	n, err := strconv.Atoi(exponent)
	if err != nil {
		return mantissa
	}
	return mantissa + "E" + strconv.Itoa(n)
}
