package protocol

import "unicode/utf8"

// appendRepaired copies b and replaces what is not UTF-8 by U+FFFD as Java's decoder does: one for each maximal prefix of a sequence that
// could have become a character.
func appendRepaired(dst, b []byte) []byte {
	for len(b) > 0 {
		_, n := utf8.DecodeRune(b)
		if n == 1 && b[0] >= utf8.RuneSelf {
			dst = append(dst, "\uFFFD"...)
			b = b[malformed(b):]
			continue
		}
		dst = append(dst, b[:n]...)
		b = b[n:]
	}
	return dst
}

// malformed is the length of the broken sequence at the start of b, at least 1.
func malformed(b []byte) int {
	lead, lo, hi, want := b[0], byte(0x80), byte(0xBF), 0
	switch {
	case lead >= 0xC2 && lead <= 0xDF:
		want = 2
	case lead >= 0xE0 && lead <= 0xEF:
		want = 3
		if lead == 0xE0 {
			lo = 0xA0 // below: overlong
		}
	case lead >= 0xF0 && lead <= 0xF4:
		want = 4
		switch lead {
		case 0xF0:
			lo = 0x90 // below: overlong
		case 0xF4:
			hi = 0x8F // above: beyond U+10FFFF
		}
	}
	n := 1
	for n < want && n < len(b) && b[n] >= lo && b[n] <= hi {
		lo, hi = 0x80, 0xBF
		n++
	}
	return n
}
