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
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return hashRunes(h, string(s[i:]))
		}
		h = 31*h + int32(s[i])
	}
	return h
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
