package message

import (
	"math"
	"unicode/utf16"
	"unicode/utf8"
)

// HashCode is Java's String.hashCode of a UTF-8 text: over UTF-16 code units.
func HashCode[T ~string | ~[]byte](s T) int32 { return HashOn(0, s) }

// HashOn goes on from the hash of a text with a text that follows it.
func HashOn[T ~string | ~[]byte](h int32, s T) int32 {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		w := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		if w&highBits != 0 {
			break
		}
		h = hashEight(h, w)
	}
	for ; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return hashRunes(h, string(s[i:]))
		}
		h = 31*h + int32(s[i])
	}
	return h
}

const highBits = 0x8080808080808080

// hashEight goes on with eight ASCII characters, the first in the lowest byte: neighbours are put together, then pairs, so that there
// are three multiplications in a row and not eight. No sum outgrows its part of the word: 31*127+127 has 12 bits, 961 times as much 22.
func hashEight(h int32, w uint64) int32 {
	const p2, p4, p8 = 31 * 31, 31 * 31 * 31 * 31, 31 * 31 * 31 * 31 * 31 * 31 * 31 * 31
	const bytes, pairs = 0x00FF00FF00FF00FF, 0x0000FFFF0000FFFF
	w = w&bytes*31 + w>>8&bytes
	w = w&pairs*p2 + w>>16&pairs
	return int32(uint32(h)*(p8&0xFFFFFFFF) + uint32(w)*p4 + uint32(w>>32))
}

func hashRunes(h int32, s string) int32 {
	for _, r := range s {
		if r < 0x10000 {
			h = 31*h + r
			continue
		}
		high, low := utf16.EncodeRune(r)
		h = 31*(31*h+high) + low
	}
	return h
}

// TagsCode is what a consume queue holds for a tag: its hash, sign-extended; 0
// for none.
func TagsCode(tags []byte) int64 { return int64(HashCode(tags)) }

// IndexHash is the hash of an index key: its absolute value, 0 for the one value
// that has none.
func IndexHash(h int32) int32 {
	if h == math.MinInt32 {
		return 0
	}
	if h < 0 {
		return -h
	}
	return h
}
