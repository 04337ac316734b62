package javajson

import (
	"encoding"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
)

// Unmarshal reads data into what v points to. Members that v does not have are skipped, members that are absent leave v's as they
// are, null leaves plain values and clears pointers, lists and maps. Of equal names the last one wins.
func Unmarshal(data []byte, v any) error {
	p := reflect.ValueOf(v)
	if p.Kind() != reflect.Pointer || p.IsNil() {
		return fmt.Errorf("javajson: reading into %T: want a pointer", v)
	}
	d := decoder{scanner: scanner{data: data}, room: newRoom(len(data))}
	err := d.document(p.Elem())
	if err != nil {
		return fmt.Errorf("javajson: reading %T: %w", v, err)
	}
	return nil
}

type decoder struct {
	scanner
	refs *references // of the whole document; nil inside a reference
	room *room       // of the whole document
}

func (d *decoder) document(v reflect.Value) error {
	d.refs = newReferences(len(d.data))
	if err := d.value(v); err != nil {
		return err
	}
	if d.peek() != 0 || d.pos < len(d.data) {
		return d.unexpected("the end")
	}
	return nil
}

// value reads the next value into v.
func (d *decoder) value(v reflect.Value) error {
	if v.Type() == rawType {
		text, err := d.skip()
		if err == nil {
			v.SetBytes(append(Raw(nil), text...))
		}
		return err
	}
	c := d.peek()
	if c == 'n' && d.literal("null") {
		setNull(v)
		return nil
	}
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			if err := d.take(v.Type().Elem().Size()); err != nil {
				return err
			}
			v.Set(newValue(v.Type().Elem()).Addr())
		}
		return d.value(v.Elem())
	}
	if v.Kind() == reflect.Interface {
		return d.dynamic(v)
	}
	if reflect.PointerTo(v.Type()).Implements(textUnmarshaler) {
		return d.text(v)
	}
	switch c {
	case '{':
		return d.object(v)
	case '[':
		return d.list(v)
	default:
		return d.scalar(v)
	}
}

// newValue makes a settable value of a type, with the defaults it declares.
func newValue(t reflect.Type) reflect.Value {
	v := reflect.New(t)
	if d, ok := v.Interface().(Defaulter); ok {
		d.SetDefaults()
	}
	return v.Elem()
}

func setNull(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Map, reflect.Slice:
		v.SetZero()
	}
}

func (d *decoder) text(v reflect.Value) error {
	at := d.pos
	text, quoted, err := d.scalarText()
	if err != nil {
		return err
	}
	if !quoted && v.CanInt() { // an enum by its number
		return d.setInt(v, text, at)
	}
	if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)); err != nil {
		return d.errorAt(at, err.Error())
	}
	return nil
}

func (d *decoder) object(v reflect.Value) error {
	if target, ok := d.reference(); ok {
		return d.follow(target, v)
	}
	switch v.Kind() {
	case reflect.Struct:
		return d.members(func(key []byte) error {
			m := planOf(v.Type()).find(key)
			if m == nil {
				_, err := d.skip()
				return err
			}
			return d.value(field(v, m.index))
		})
	case reflect.Map:
		return d.mapping(v)
	case reflect.String: // fastjson puts the text of an object into a String member
		text, err := d.skip()
		v.SetString(string(text))
		return err
	}
	return d.mismatch(v, "an object")
}

// field follows an index, making the embedded structs it passes.
func field(v reflect.Value, index []int) reflect.Value {
	for i, x := range index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(newValue(v.Type().Elem()).Addr())
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	return v
}

// members reads `{name:value,…}`, calling each after the colon with the unescaped name.
func (d *decoder) members(each func(key []byte) error) error {
	return d.items('{', '}', func() error {
		key, err := d.name()
		if err != nil {
			return err
		}
		if err := d.expect(':'); err != nil {
			return err
		}
		return each(key)
	})
}

func (d *decoder) mapping(v reflect.Value) error {
	t := v.Type()
	m := reflect.MakeMap(t)
	err := d.items('{', '}', func() error {
		if err := d.take(t.Key().Size() + t.Elem().Size()); err != nil {
			return err
		}
		key := reflect.New(t.Key()).Elem()
		if err := d.key(key); err != nil {
			return err
		}
		if err := d.expect(':'); err != nil {
			return err
		}
		value := newValue(t.Elem())
		if err := d.value(value); err != nil {
			return err
		}
		m.SetMapIndex(key, value)
		return nil
	})
	v.Set(m)
	return err
}

// key reads a map key of any form Java accepts: a bare value, or a string that holds the value.
func (d *decoder) key(k reflect.Value) error {
	at := d.pos
	c := d.peek()
	isStruct := k.Kind() == reflect.Struct && !reflect.PointerTo(k.Type()).Implements(textUnmarshaler)
	if c == '{' && isStruct {
		return d.value(k)
	}
	text, err := d.name()
	if err != nil {
		return err
	}
	if isStruct {
		inner := decoder{scanner: scanner{data: text, depth: d.depth}, room: d.room}
		if err := inner.document(k); err != nil {
			return d.errorAt(at, "a key in quotes: "+err.Error())
		}
		return nil
	}
	if u, ok := k.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := u.UnmarshalText(text); err != nil {
			return d.errorAt(at, err.Error())
		}
		return nil
	}
	switch {
	case k.Kind() == reflect.String:
		k.SetString(validUTF8(text))
	case k.Kind() == reflect.Interface && k.NumMethod() == 0:
		k.Set(reflect.ValueOf(validUTF8(text)))
	case k.CanInt(), k.CanUint():
		return d.setNumber(k, string(text), at)
	default:
		return d.mismatch(k, "a key")
	}
	return nil
}

func (d *decoder) list(v reflect.Value) error {
	switch v.Kind() {
	case reflect.Slice:
		t := v.Type()
		out := reflect.MakeSlice(t, 0, 0)
		err := d.items('[', ']', func() error {
			if err := d.take(t.Elem().Size()); err != nil {
				return err
			}
			item := newValue(t.Elem())
			if err := d.value(item); err != nil {
				return err
			}
			out = reflect.Append(out, item)
			return nil
		})
		v.Set(out)
		return err
	case reflect.Array:
		i := 0
		return d.items('[', ']', func() error {
			if i++; i > v.Len() {
				_, err := d.skip()
				return err
			}
			return d.value(v.Index(i - 1))
		})
	case reflect.Map: // a Set of Java kept as map[K]struct{} here
		if v.Type().Elem().Kind() == reflect.Struct && v.Type().Elem().NumField() == 0 {
			return d.set(v)
		}
	case reflect.String:
		text, err := d.skip()
		v.SetString(string(text))
		return err
	}
	return d.mismatch(v, "a list")
}

func (d *decoder) set(v reflect.Value) error {
	m := reflect.MakeMap(v.Type())
	err := d.items('[', ']', func() error {
		if err := d.take(v.Type().Key().Size()); err != nil {
			return err
		}
		key := reflect.New(v.Type().Key()).Elem()
		if err := d.value(key); err != nil {
			return err
		}
		m.SetMapIndex(key, reflect.Zero(v.Type().Elem()))
		return nil
	})
	v.Set(m)
	return err
}

// scalar reads a string, number or literal into a plain field, converting between them as fastjson does.
func (d *decoder) scalar(v reflect.Value) error {
	at := d.pos
	text, quoted, err := d.scalarText()
	if err != nil {
		return err
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		return d.setBool(v, text, at)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 && quoted {
			return d.setBytes(v, text, at)
		}
		return d.emptyOr(v, text, quoted)
	case reflect.Struct, reflect.Map:
		return d.emptyOr(v, text, quoted)
	default:
		return d.setNumber(v, text, at)
	}
	return nil
}

// emptyOr takes "" as null where an object or list should stand, as fastjson does.
func (d *decoder) emptyOr(v reflect.Value, text string, quoted bool) error {
	if quoted && text == "" {
		setNull(v)
		return nil
	}
	return d.mismatch(v, "a plain value")
}

func (d *decoder) setBool(v reflect.Value, text string, at int) error {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "true", "1", "y":
		v.SetBool(true)
	case "false", "0", "n", "":
		v.SetBool(false)
	default:
		return d.errorAt(at, fmt.Sprintf("%.40q is no boolean", text))
	}
	return nil
}

func (d *decoder) setBytes(v reflect.Value, text string, at int) error {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return d.errorAt(at, err.Error())
	}
	v.SetBytes(b)
	return nil
}

func (d *decoder) setNumber(v reflect.Value, text string, at int) error {
	text = strings.TrimSpace(text)
	switch text {
	case "", "null", "false":
		v.SetZero()
		return nil
	case "true":
		text = "1"
	}
	switch {
	case v.CanInt():
		return d.setInt(v, text, at)
	case v.CanUint():
		n, err := strconv.ParseUint(text, 10, v.Type().Bits())
		if err != nil {
			return d.errorAt(at, fmt.Sprintf("%.40q is no %v", text, v.Type()))
		}
		v.SetUint(n)
	case v.CanFloat():
		f, err := strconv.ParseFloat(text, v.Type().Bits())
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return d.errorAt(at, fmt.Sprintf("%.40q is no number", text))
		}
		v.SetFloat(f)
	default:
		return d.mismatch(v, "a plain value")
	}
	return nil
}

// setInt takes 5, and 5.0 and 5e0 as Java's BigDecimal.longValue does; what does not fit is an error.
func (d *decoder) setInt(v reflect.Value, text string, at int) error {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		f, ferr := strconv.ParseFloat(text, 64)
		if ferr != nil || math.Abs(f) >= 1<<53 {
			return d.errorAt(at, fmt.Sprintf("%.40q is no %v", text, v.Type()))
		}
		n = int64(f)
	}
	if v.OverflowInt(n) {
		return d.errorAt(at, fmt.Sprintf("%.40q overflows %v", text, v.Type()))
	}
	v.SetInt(n)
	return nil
}
