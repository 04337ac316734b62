package protocol

import (
	"bytes"
	"encoding/binary"
	"sync/atomic"

	"github.com/skylarkmq/skylark/internal/patience"
)

// The headers that a client sends one after the other differ in a few bytes: the opaque number, a time, an id, a queue. A Decoder keeps
// the layout of headers it has read, and reads the next one that differs only where values lie by comparing it, eight bytes at a step,
// in place of scanning it: its fields then lie where those of the first one lay.
//
//	kept     {"code":310,"extFields":{"a":"group","g":"1764452567000","i":"UNIQ_KEY\u00017F00…\u0002"},"flag":0,…,"opaque":41,…}
//	free      .............................#####.....#############.....########......######............................##
//
// Free bytes may be anything that ends no value and needs no decoding, ASCII without quote and backslash, or digits in opaque. All others must
// be equal, so both headers fall into the same tokens, and what one says the other says but for the free bytes.
type shape struct {
	serialize SerializeType
	command   Command // what it says besides opaque, fields and body
	head      []byte
	free      []byte // 0xFF where a header may differ
	quotes    uint64 // all ones where free bytes must be no quotes: in JSON

	opaque, opaqueEnd int // its digits, in JSON
	fields            []shapeField
	pieces            []piece
	text              int // bytes that the pieces make

	from  int      // where comparing begins
	words []uint32 // which fields lie in the eight bytes of each step
	once  bool     // no name comes twice
	model Model
}

// shapeField is one ext field. Its value lies in the header, or in the text that pieces make.
type shapeField struct {
	key        []byte // in shape.head
	value, end int
	made       bool
}

// piece is what an escape ends in a value: so many bytes of the header, and what the escape stands for.
type piece struct {
	from, n int
	last    byte
}

const (
	shapeMax    = 1024 // longer headers, and those with more fields, are read as they come
	shapeFields = 32
	shapesMost  = 128 // that a decoder keeps
	beyond      = 8   // how far a piece may be written behind its end
)

// Decoder decodes frames as DecodeFrame does, faster where headers look like ones before. It is for one goroutine; commands it has decoded may
// be used as long as their frames, and by others. The zero value is ready, nil is DecodeFrame. It takes up to 600 KiB, mostly below fifty.
type Decoder struct {
	lengths [2]*[shapeMax + 1]shapeSlot // by serialization and length of the header
	shapes  int
}

type shapeSlot struct {
	shape    *shape
	patience patience.Patience
}

// Decode reads a frame, given without its 4 length bytes, into c, see DecodeFrame.
func (d *Decoder) Decode(frame []byte, c *Command) error {
	head, err := begin(frame, c)
	if err != nil {
		return err
	}
	slot := d.slot(head, c.Serialize)
	if slot == nil {
		return decodeHead(head, c)
	}
	if slot.shape != nil && slot.shape.read(head, c) {
		slot.patience.Hit()
		return nil
	}
	if err := decodeHead(head, c); err != nil {
		return err
	}
	if slot.patience.Miss() {
		d.learn(slot, head, c)
	}
	return nil
}

// slot is where a header's shape would be; nil for those that have none.
func (d *Decoder) slot(head []byte, s SerializeType) *shapeSlot {
	if d == nil || len(head) > shapeMax || len(head) < binaryFixed+8 || s > RocketMQ {
		return nil
	}
	if d.lengths[s] == nil {
		d.lengths[s] = new([shapeMax + 1]shapeSlot)
	}
	return &d.lengths[s][len(head)]
}

// learn keeps the shape of a header that was read the long way.
func (d *Decoder) learn(slot *shapeSlot, head []byte, c *Command) {
	learned := learn(head, c)
	switch {
	case learned == nil:
		return
	case slot.shape == nil && d.shapes == shapesMost: // whoever sends such: the next ones are learned soon
		*d = Decoder{}
		return
	case slot.shape == nil:
		d.shapes++
	}
	slot.shape = learned
}

// read fills c when the header has this shape. c has been reset, and holds body and serialization.
func (s *shape) read(head []byte, c *Command) bool {
	if len(head) != len(s.head) || c.Serialize != s.serialize {
		return false
	}
	opaque := int32(0)
	if s.serialize == RocketMQ {
		if !bytes.Equal(head[:5], s.head[:5]) || !bytes.Equal(head[9:binaryFixed], s.head[9:binaryFixed]) {
			return false
		}
		opaque = int32(binary.BigEndian.Uint32(head[5:]))
	} else {
		n := int64(0)
		for _, digit := range head[s.opaque:s.opaqueEnd] {
			if digit -= '0'; digit > 9 {
				return false
			}
			n = n*10 + int64(digit)
		}
		if opaque = int32(n); int64(opaque) != n {
			return false
		}
	}
	changed, ok := s.matches(head)
	if !ok {
		return false
	}
	f := &c.Fields
	c.Code, c.Language, c.Version, c.Flag, c.Opaque = s.command.Code, s.command.Language, s.command.Version, s.command.Flag, opaque
	f.shape, f.head, f.changed = s, head, changed
	if s.text > 0 {
		f.scratch = s.resolve(head, f.scratch)
	}
	return true
}

// matches compares, and tells which fields may differ from the model's; the last step overlaps the one before it.
func (s *shape) matches(head []byte) (changed uint32, ok bool) {
	kept, words := s.head[:len(head)], s.words
	step := 0
	for i := s.from; i+8 <= len(head) && i+8 <= len(kept); i += 8 {
		if w := binary.LittleEndian.Uint64(head[i:]); w != binary.LittleEndian.Uint64(kept[i:]) {
			if !s.mayBe(w, i) {
				return 0, false
			}
			changed |= words[step]
		}
		step++
	}
	last := len(head) - 8
	if w := binary.LittleEndian.Uint64(head[last:]); w != binary.LittleEndian.Uint64(kept[last:]) {
		if !s.mayBe(w, last) {
			return 0, false
		}
		changed |= words[step]
	}
	return changed, true
}

// mayBe looks at eight bytes that differ.
func (s *shape) mayBe(w uint64, i int) bool {
	free := binary.LittleEndian.Uint64(s.free[i:])
	v := w & free
	return (w^binary.LittleEndian.Uint64(s.head[i:]))&^free|quoteOrSlash(v)&s.quotes|v&highBits == 0
}

// resolve makes the text of the values with escapes. It copies eight bytes at a step: what is written beyond a piece is overwritten by the next.
func (s *shape) resolve(head, dst []byte) []byte {
	if cap(dst) < s.text+beyond {
		dst = make([]byte, 0, 2*(s.text+beyond))
	}
	out := dst[:s.text+beyond]
	o := 0
	for i := range s.pieces {
		p := &s.pieces[i]
		from := head[p.from:]
		for at := 0; at < p.n; at += 8 {
			binary.LittleEndian.PutUint64(out[o+at:], binary.LittleEndian.Uint64(from[at:]))
		}
		o += p.n
		out[o] = p.last
		o++
	}
	return out[:s.text]
}

// field is one of a header with this shape.
func (s *shape) field(f *Fields, i int) Field {
	sf := &s.fields[i]
	from := f.head
	if sf.made {
		from = f.scratch
	}
	return Field{Key: sf.key, Value: from[sf.value:sf.end:sf.end]}
}

func (s *shape) find(name string) int {
	for i := len(s.fields) - 1; i >= 0; i-- {
		if string(s.fields[i].key) == name {
			return i
		}
	}
	return -1
}

// Model is the header that a shape was learned from. Typed headers keep there what they made of its fields, and read of those that look like it only
// what may differ.
type Model struct {
	Fields Fields
	known  atomic.Pointer[any]
}

// Known is what was kept; nil at first. It is shared by goroutines and must not change.
func (m *Model) Known() any {
	if known := m.known.Load(); known != nil {
		return *known
	}
	return nil
}

// Keep keeps what was made of the fields. Their bytes do not change.
func (m *Model) Keep(known any) { m.known.Store(&known) }

// Model is the header that these fields look like; nil when there is none. Fields other than those that changed names by their places have the model's
// values.
func (f *Fields) Model() (m *Model, changed uint32) {
	if f.shape == nil || !f.shape.once {
		return nil, 0
	}
	return &f.shape.model, f.changed
}
