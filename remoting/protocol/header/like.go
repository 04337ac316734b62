package header

import (
	"math/bits"

	"github.com/skylarkmq/skylark/remoting/protocol"
)

// reader reads a header of one kind: all of its fields, or one.
type reader[T any] struct {
	all func(*T, *protocol.Fields) error
	one func(*T, protocol.Field) error
}

// model is a header that others look like.
type model[T any] struct {
	by     *reader[T]
	header T
}

// decode reads all fields, or only those in which they may differ from a header that was read before.
func (r *reader[T]) decode(h *T, f *protocol.Fields) error {
	m, changed := f.Model()
	if m == nil {
		return r.all(h, f)
	}
	known, ok := m.Known().(*model[T])
	if !ok || known.by != r {
		known = &model[T]{by: r}
		if err := r.all(&known.header, &m.Fields); err != nil {
			return r.all(h, f)
		}
		m.Keep(known)
	}
	*h = known.header
	for ; changed != 0; changed &= changed - 1 {
		if err := r.one(h, f.At(bits.TrailingZeros32(changed))); err != nil {
			return err
		}
	}
	return nil
}
