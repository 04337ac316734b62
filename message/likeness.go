package message

import (
	"bytes"
	"encoding/binary"

	"github.com/skylarkmq/skylark/internal/patience"
)

// Likenesses finds property strings that look like one before: the same names and separators at the same places, and values that
// differ only where they may. A producer's messages differ in their ids and keys; what was found out about the first one is true
// of all others, and to compare costs a fifth of looking through the pairs.
//
//	kept   UNIQ_KEY.7F0000010001.KEYS.order-17.WAIT.true.
//	free   .........############......########...........
//
// Free bytes may be anything but the two separators. The zero value is ready; it is for one goroutine.
type Likenesses[T any] struct {
	slots [likenessMost]likenessSlot[T] // by length
	kept  int
}

type likenessSlot[T any] struct {
	of       *likeness[T]
	patience patience.Patience
}

type likeness[T any] struct {
	props, free []byte // 0xFF where another one may differ
	known       T
}

const (
	likenessMost   = 512 // longer strings look like none
	likenessesMost = 64  // then all are forgotten: who sends so many, of 100 KB in all
)

// Find is what was kept for a string like this one, nil when there was none.
func (l *Likenesses[T]) Find(props []byte) *T {
	if slot := l.slot(props); slot != nil && slot.of != nil && slot.of.is(props) {
		slot.patience.Hit()
		return &slot.of.known
	}
	return nil
}

// Missed is told of a string that Find did not know, and says whether it should be kept.
func (l *Likenesses[T]) Missed(props []byte) bool {
	slot := l.slot(props)
	return slot != nil && slot.patience.Miss()
}

// Keep keeps what is known of a string that Missed has been told of, as of all that differ only in values of names that are free.
func (l *Likenesses[T]) Keep(props []byte, free func(name []byte) bool, known T) {
	slot := l.slot(props)
	if slot.of == nil {
		if l.kept == likenessesMost {
			*l = Likenesses[T]{}
		}
		l.kept++
	}
	one := &likeness[T]{props: bytes.Clone(props), free: make([]byte, len(props)), known: known}
	for p := PairsOf(props); p.Next(); {
		if free(p.Name) {
			may := p.At(props).Of(one.free)
			for i := range may {
				may[i] = 0xFF
			}
		}
	}
	slot.of = one
}

func (l *Likenesses[T]) slot(props []byte) *likenessSlot[T] {
	if len(props) < 8 || len(props) >= likenessMost {
		return nil
	}
	return &l.slots[len(props)]
}

// is compares eight bytes at a step; the last step overlaps the one before it.
func (o *likeness[T]) is(props []byte) bool {
	kept := o.props[:len(props)]
	for i := 0; i+8 <= len(props) && i+8 <= len(kept); i += 8 {
		if w := binary.LittleEndian.Uint64(props[i:]); w != binary.LittleEndian.Uint64(kept[i:]) && !o.mayBe(w, i) {
			return false
		}
	}
	last := len(props) - 8
	w := binary.LittleEndian.Uint64(props[last:])
	return w == binary.LittleEndian.Uint64(kept[last:]) || o.mayBe(w, last)
}

// mayBe looks at eight bytes that differ.
func (o *likeness[T]) mayBe(w uint64, i int) bool {
	const threes = 0x0303030303030303
	free := binary.LittleEndian.Uint64(o.free[i:])
	v := w | ^free // a byte below three is a separator, or nothing that a property has
	return (w^binary.LittleEndian.Uint64(o.props[i:]))&^free|(v-threes)&^v&highBits == 0
}
