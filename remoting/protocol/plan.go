package protocol

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"sync"
)

// Header structs describe their ext fields with tags, read once per type into a plan:
//
//	ConsumerGroup string `ext:"consumerGroup,required"`
//	Committed     bool   `ext:"committed,default=true"`
//	QueueId       *int32 `ext:"queueId"`                  // nil when absent
//
// Members are string, []byte, bool, int32, int64, float64, or pointers to these where an absent value differs from zero.

// FieldDecoder is a header that reads its own fields.
type FieldDecoder interface {
	DecodeFields(f *Fields) error
}

// MissingFieldError is a required ext field that was not sent. Its text is Java's, clients and tests look for it.
type MissingFieldError struct{ Name string }

func (e *MissingFieldError) Error() string {
	return "the custom field <" + e.Name + "> is null"
}

// NumberError is an ext field whose text is not a number of its type. The text begins as that of Java's NumberFormatException.
type NumberError struct{ Name, Value string }

func (e *NumberError) Error() string {
	return fmt.Sprintf("For input string: %q, the custom field <%s> is not a number", e.Value, e.Name)
}

// NewNumberError keeps the start of a value that a header could not read.
func NewNumberError(name string, value []byte) error {
	return &NumberError{Name: name, Value: string(value[:min(len(value), 64)])}
}

type planKind uint8

const (
	planString planKind = iota
	planBytes
	planBool
	planInt
	planFloat
)

// planField is one member: where it is in the struct, how it is called on the wire, what stands in when it is absent.
type planField struct {
	name     string
	index    int
	kind     planKind
	bits     int
	pointer  bool
	required bool
	fallback reflect.Value // invalid when the zero value stands in
}

var plans sync.Map // reflect.Type of the struct → []planField

func planOf(t reflect.Type) []planField {
	if p, ok := plans.Load(t); ok {
		return p.([]planField)
	}
	plan := make([]planField, 0, t.NumField())
	for i := range t.NumField() {
		if tag, ok := t.Field(i).Tag.Lookup("ext"); ok {
			plan = append(plan, newPlanField(t, i, tag))
		}
	}
	p, _ := plans.LoadOrStore(t, plan)
	return p.([]planField)
}

// newPlanField panics on a member that cannot be a header field: that is a mistake in our own source, found by the first test that uses the type.
func newPlanField(t reflect.Type, i int, tag string) planField {
	field := t.Field(i)
	options := strings.Split(tag, ",")
	p := planField{name: options[0], index: i}
	typ := field.Type
	if typ.Kind() == reflect.Pointer {
		p.pointer = true
		typ = typ.Elem()
	}
	switch typ.Kind() {
	case reflect.String:
		p.kind = planString
	case reflect.Bool:
		p.kind = planBool
	case reflect.Int32, reflect.Int64:
		p.kind, p.bits = planInt, typ.Bits()
	case reflect.Float64:
		p.kind = planFloat
	case reflect.Slice:
		p.kind = planBytes
	default:
		panic(fmt.Sprintf("header %s: member %s of type %s cannot be an ext field", t, field.Name, field.Type))
	}
	for _, option := range options[1:] {
		if option == "required" {
			p.required = true
			continue
		}
		text, ok := strings.CutPrefix(option, "default=")
		fallback := reflect.New(typ).Elem()
		if !ok || p.pointer || p.parse(fallback, []byte(text)) != nil {
			panic(fmt.Sprintf("header %s: member %s has an ext tag that means nothing: %q", t, field.Name, tag))
		}
		p.fallback = fallback
	}
	return p
}

// DecodeHeader fills the struct that h points to. Every tagged member is written, so h may be used again.
func DecodeHeader(f *Fields, h any) error {
	if d, ok := h.(FieldDecoder); ok {
		return d.DecodeFields(f)
	}
	v := reflect.ValueOf(h).Elem()
	plan := planOf(v.Type())
	for i := range plan {
		p := &plan[i]
		if err := p.decode(f, v.Field(p.index)); err != nil {
			return err
		}
	}
	return nil
}

func (p *planField) decode(f *Fields, v reflect.Value) error {
	value, ok := f.Get(p.name)
	switch {
	case ok:
		if p.pointer {
			v.Set(reflect.New(v.Type().Elem()))
			v = v.Elem()
		}
		return p.parse(v, value)
	case p.required:
		return &MissingFieldError{Name: p.name}
	case p.fallback.IsValid():
		v.Set(p.fallback)
	default:
		v.SetZero()
	}
	return nil
}

// parse reads the text as Java's parse methods do: a Boolean is true for "true" in any case, and false otherwise.
func (p *planField) parse(v reflect.Value, text []byte) error {
	//exhaustive:enforce
	switch p.kind {
	case planString:
		v.SetString(string(text))
	case planBytes:
		v.SetBytes(text)
	case planBool:
		v.SetBool(ParseBool(text))
	case planInt:
		n, ok := ParseInt(text, p.bits)
		if !ok {
			return NewNumberError(p.name, text)
		}
		v.SetInt(n)
	case planFloat:
		n, err := strconv.ParseFloat(string(text), 64)
		if err != nil {
			return NewNumberError(p.name, text)
		}
		v.SetFloat(n)
	}
	return nil
}

// header writes the tagged members of the struct that h points to: what is absent in Java (nil, and "" unless required) is left out.
func (w FieldWriter) header(h any) FieldWriter {
	v := reflect.ValueOf(h)
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return w
		}
		v = v.Elem()
	}
	plan := planOf(v.Type())
	for i := range plan {
		w = plan[i].encode(w, v.Field(plan[i].index))
	}
	return w
}

func (p *planField) encode(w FieldWriter, v reflect.Value) FieldWriter {
	if p.pointer {
		if v.IsNil() {
			return w
		}
		v = v.Elem()
	}
	//exhaustive:enforce
	switch p.kind {
	case planString:
		if s := v.String(); s != "" || p.required || p.pointer {
			return w.String(p.name, s)
		}
	case planBytes:
		if b := v.Bytes(); len(b) > 0 || p.required {
			return w.Bytes(p.name, b)
		}
	case planBool:
		return w.Bool(p.name, v.Bool())
	case planInt:
		return w.Int(p.name, v.Int())
	case planFloat:
		return w.Float(p.name, v.Float())
	}
	return w
}

// ParseBool is Boolean.parseBoolean.
func ParseBool(text []byte) bool {
	return len(text) == 4 && text[0]|0x20 == 't' && text[1]|0x20 == 'r' && text[2]|0x20 == 'u' && text[3]|0x20 == 'e'
}

// ParseInt is Integer.parseInt or Long.parseLong: an optional sign, then decimal digits only.
func ParseInt(text []byte, bits int) (int64, bool) {
	neg := false
	digits := text
	if len(digits) > 0 && (digits[0] == '-' || digits[0] == '+') {
		neg = digits[0] == '-'
		digits = digits[1:]
	}
	if len(digits) == 0 || len(digits) > 19 {
		return parseLongInt(text, bits)
	}
	var n uint64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	limit := uint64(math.MaxInt64) >> (64 - bits)
	if neg {
		return -int64(n), n <= limit+1
	}
	return int64(n), n <= limit
}

// parseLongInt reads what has more digits than an int64: only leading zeros can save it.
func parseLongInt(text []byte, bits int) (int64, bool) {
	for _, c := range text {
		if c == '_' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(string(text), 10, bits)
	return n, err == nil
}
