package javajson

import (
	"bytes"
	"cmp"
	"encoding"
	"encoding/base64"
	"fmt"
	"reflect"
	"slices"
	"strconv"
)

// Marshal writes v as fastjson writes a body.
func Marshal(v any) ([]byte, error) { return marshal(v, encoder{}) }

// MarshalStrict writes real JSON: integer keys quoted, everything beyond ASCII as \uXXXX. Only keys that are objects stay bare: no
// Java reader takes them otherwise.
func MarshalStrict(v any) ([]byte, error) { return marshal(v, encoder{strict: true}) }

// MarshalPretty writes v as the Java broker writes its files: a member a line, indented by tabs, no blank after the colon.
func MarshalPretty(v any) ([]byte, error) { return marshal(v, encoder{pretty: true}) }

// maxMarshalDepth catches a value that contains itself.
const maxMarshalDepth = 100

type encoder struct {
	buf    []byte
	strict bool
	pretty bool
	depth  int // of Go values, pointers counted
	level  int // of brackets
}

func marshal(v any, e encoder) ([]byte, error) {
	if err := e.value(reflect.ValueOf(v)); err != nil {
		return nil, fmt.Errorf("javajson: writing %T: %w", v, err)
	}
	return e.buf, nil
}

// isNull: what Java would hold as null. Empty lists and maps are not.
func isNull(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Interface:
		return v.IsNil()
	case reflect.Slice:
		return v.IsNil() && v.Type().Elem().Kind() == reflect.Uint8 // a Java byte[], or a Raw that was never set
	}
	return false
}

func (e *encoder) value(v reflect.Value) error {
	if isNull(v) {
		e.buf = append(e.buf, "null"...)
		return nil
	}
	if v.Type() == rawType {
		e.buf = append(e.buf, v.Bytes()...)
		return nil
	}
	if v.CanInterface() {
		if m, ok := v.Interface().(encoding.TextMarshaler); ok {
			return e.text(m)
		}
	}
	switch v.Kind() {
	case reflect.Bool:
		e.buf = strconv.AppendBool(e.buf, v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		e.buf = strconv.AppendInt(e.buf, v.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		e.buf = strconv.AppendUint(e.buf, v.Uint(), 10)
	case reflect.Float32:
		e.buf = appendDouble(e.buf, v.Float(), 32)
	case reflect.Float64:
		e.buf = appendDouble(e.buf, v.Float(), 64)
	case reflect.String:
		e.string(v.String())
	case reflect.Pointer, reflect.Interface:
		return e.nested(v.Elem(), (*encoder).value)
	case reflect.Struct:
		return e.nested(v, (*encoder).object)
	case reflect.Map:
		return e.nested(v, (*encoder).mapping)
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			e.buf = append(e.buf, '"')
			e.buf = base64.StdEncoding.AppendEncode(e.buf, v.Bytes())
			e.buf = append(e.buf, '"')
			return nil
		}
		return e.nested(v, (*encoder).list)
	default:
		return fmt.Errorf("type %v has no JSON form", v.Type())
	}
	return nil
}

func (e *encoder) nested(v reflect.Value, write func(*encoder, reflect.Value) error) error {
	if e.depth == maxMarshalDepth {
		return fmt.Errorf("%w: %v", ErrDepth, v.Type())
	}
	e.depth++
	defer func() { e.depth-- }()
	return write(e, v)
}

func (e *encoder) text(m encoding.TextMarshaler) error {
	t, err := m.MarshalText()
	if err != nil {
		return err
	}
	e.string(string(t))
	return nil
}

func (e *encoder) open(bracket byte) {
	e.buf = append(e.buf, bracket)
	e.level++
}

// item starts the n-th item of an object or list; in pretty mode each stands on its own line.
func (e *encoder) item(n int) {
	if n > 0 {
		e.buf = append(e.buf, ',')
	}
	e.line(e.level)
}

// end closes an object or list of n items. An empty object of a file is still two lines long: fastjson2 opens the first before it
// knows.
func (e *encoder) end(n int, bracket byte) {
	if n == 0 && bracket == '}' {
		e.line(e.level)
	}
	e.level--
	if n > 0 || bracket == '}' {
		e.line(e.level)
	}
	e.buf = append(e.buf, bracket)
}

func (e *encoder) line(level int) {
	if !e.pretty {
		return
	}
	e.buf = append(e.buf, '\n')
	for range level {
		e.buf = append(e.buf, '\t')
	}
}

func (e *encoder) object(v reflect.Value) error {
	n := 0
	e.open('{')
	for _, m := range planOf(v.Type()).members {
		f, ok := memberOf(v, m.index)
		if !ok || isNull(f) || m.omitEmpty && isEmpty(f) {
			continue
		}
		e.item(n)
		n++
		e.string(m.name)
		e.buf = append(e.buf, ':')
		if err := e.value(f); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	e.end(n, '}')
	return nil
}

// memberOf follows an index through embedded structs; through a nil embedded pointer there is nothing to find.
func memberOf(v reflect.Value, index []int) (reflect.Value, bool) {
	if len(index) == 1 {
		return v.Field(index[0]), true
	}
	f, err := v.FieldByIndexErr(index)
	return f, err == nil
}

func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.String, reflect.Array:
		return v.Len() == 0
	}
	return v.IsZero()
}

type entry struct {
	text  []byte // the key as it is written
	num   int64
	value reflect.Value
}

func (e *encoder) mapping(v reflect.Value) error {
	entries := make([]entry, 0, v.Len())
	for it := v.MapRange(); it.Next(); {
		if isNull(it.Value()) {
			continue
		}
		key, err := e.key(it.Key())
		if err != nil {
			return err
		}
		key.value = it.Value()
		entries = append(entries, key)
	}
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.num, b.num), bytes.Compare(a.text, b.text))
	})
	e.open('{')
	for i, en := range entries {
		e.item(i)
		e.buf = append(e.buf, en.text...)
		e.buf = append(e.buf, ':')
		if err := e.value(en.value); err != nil {
			return fmt.Errorf("%s: %w", en.text, err)
		}
	}
	e.end(len(entries), '}')
	return nil
}

// list writes a slice or array. In files the int[] of a bean stands on one line, lists of anything else do not.
func (e *encoder) list(v reflect.Value) error {
	if k := v.Type().Elem().Kind(); e.pretty && (k == reflect.Int || k == reflect.Int32) {
		e.pretty = false
		defer func() { e.pretty = true }()
	}
	e.open('[')
	for i := range v.Len() {
		e.item(i)
		if err := e.value(v.Index(i)); err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
	}
	e.end(v.Len(), ']')
	return nil
}

func (e *encoder) key(k reflect.Value) (entry, error) {
	for k.Kind() == reflect.Interface || k.Kind() == reflect.Pointer {
		if k.IsNil() {
			return entry{}, fmt.Errorf("a map key is null")
		}
		k = k.Elem()
	}
	sub := encoder{strict: e.strict, depth: e.depth} // never pretty: a bare object key stays on its line
	if err := sub.value(k); err != nil {
		return entry{}, err
	}
	en := entry{text: sub.buf}
	if k.CanInt() {
		en.num = k.Int()
	}
	quoted := len(en.text) > 0 && en.text[0] == '"'
	bare := k.Kind() == reflect.Struct || !e.strict
	if !quoted && !bare {
		en.text = append(append([]byte{'"'}, en.text...), '"')
	}
	return en, nil
}
