package message

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/skylarkmq/skylark/internal/patience"
)

func isFree(name []byte) bool { return string(name) != "fixed" }

// TestLikenesses: what differs in free values only is like what was kept; nothing else is.
func TestLikenesses(t *testing.T) {
	t.Parallel()
	kept := []byte("UNIQ_KEY\x010123456789ABCDEF\x02fixed\x01true\x02KEYS\x01order-17\x02")
	var l Likenesses[int]
	if l.Find(kept) != nil || l.Missed(kept) || !l.Missed(kept) {
		t.Fatal("known, or not learned at the second time")
	}
	l.Keep(kept, isFree, 7)
	if got := l.Find(kept); got == nil || *got != 7 {
		t.Fatal("not known")
	}
	free := func(i int) bool {
		uniq, keys := bytes.IndexByte(kept, 1), bytes.LastIndexByte(kept, 1)
		return i > uniq && i <= uniq+16 || i > keys && i < len(kept)-1
	}
	for i := range kept {
		for _, b := range []byte{0, 1, 2, 3, ' ', 'z', 0x7F, 0x80, 0xFF} {
			other := bytes.Clone(kept)
			other[i] = b
			if want := b == kept[i] || free(i) && b > 2; (l.Find(other) != nil) != want {
				t.Errorf("%d changed to %#x: %v, want %v", i, b, !want, want)
			}
		}
	}
	for _, other := range [][]byte{nil, kept[1:], append(bytes.Clone(kept), 'x'), bytes.Repeat([]byte("x"), 4096)} {
		if l.Find(other) != nil {
			t.Errorf("%q is like it", other)
		}
	}
}

// TestLikenessesThatTakeTurns: strings of one length that are not like each other are learned ever more seldom.
func TestLikenessesThatTakeTurns(t *testing.T) {
	t.Parallel()
	two := [][]byte{[]byte("fixed\x01no-one\x02"), []byte("fixed\x01no-two\x02")}
	var l Likenesses[int]
	learned := 0
	for n := range 10_000 {
		if props := two[n%2]; l.Find(props) == nil && l.Missed(props) {
			l.Keep(props, isFree, n)
			learned++
		}
	}
	if learned > 15 {
		t.Errorf("learned %d times", learned)
	}
}

// FuzzFactsReader: what is read by likeness is what is read pair by pair.
func FuzzFactsReader(f *testing.F) {
	f.Add([]byte("UNIQ_KEY\x0101\x02KEYS\x01k\x02TAGS\x01t"), uint16(9), byte('x'))
	f.Add([]byte("KEYS\x01a\x02DELAY\x013\x02KEYS\x01b\x02INNER_NUM\x0112\x02INNER_MULTI_DISPATCH\x01q,r\x02INNER_MULTI_QUEUE_OFFSET\x011\x02"), uint16(5), byte(1))
	f.Fuzz(func(t *testing.T, props []byte, at uint16, b byte) {
		var r FactsReader
		for range patience.First {
			r.Read(props)
		}
		if len(props) > 0 {
			props[int(at)%len(props)] = b
		}
		var want Facts
		want.Read(props)
		if got := r.Read(props); !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: %+v, want %+v", props, got, want)
		}
	})
}

func FuzzLikeness(f *testing.F) {
	f.Add([]byte("UNIQ_KEY\x0101\x02KEYS\x01k\x02"), []byte("UNIQ_KEY\x0102\x02KEYS\x01j\x02"))
	f.Add([]byte("a\x01b\x02fixed\x01c"), []byte("a\x01b\x01fixed\x01c"))
	f.Fuzz(func(t *testing.T, kept, other []byte) {
		var l Likenesses[int]
		if l.slot(kept) == nil {
			return
		}
		l.Keep(kept, isFree, 1)
		if l.Find(other) == nil {
			return
		}
		a, b := PairsOf(kept), PairsOf(other)
		for a.Next() {
			if !b.Next() || !bytes.Equal(a.Name, b.Name) || len(a.Value) != len(b.Value) || !isFree(a.Name) && !bytes.Equal(a.Value, b.Value) {
				t.Fatalf("%q is not like %q", other, kept)
			}
		}
		if b.Next() {
			t.Fatalf("%q has more pairs than %q", other, kept)
		}
	})
}
