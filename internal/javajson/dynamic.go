package javajson

import (
	"reflect"
	"strconv"
)

// dynamic fills an `any`: map[string]any, []any, string, int64, float64, bool.
func (d *decoder) dynamic(v reflect.Value) error {
	if v.NumMethod() != 0 {
		return d.mismatch(v, "a value")
	}
	var out reflect.Value
	switch d.peek() {
	case '{':
		out = reflect.New(reflect.TypeFor[map[string]any]()).Elem()
	case '[':
		out = reflect.New(reflect.TypeFor[[]any]()).Elem()
	default:
		text, quoted, err := d.scalarText()
		if err == nil {
			v.Set(reflect.ValueOf(dynamicScalar(text, quoted)))
		}
		return err
	}
	if err := d.take(containerSize); err != nil {
		return err
	}
	if err := d.value(out); err != nil {
		return err
	}
	v.Set(out)
	return nil
}

func dynamicScalar(text string, quoted bool) any {
	if quoted {
		return text
	}
	switch text {
	case "true":
		return true
	case "false":
		return false
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return text
	}
	return f
}
