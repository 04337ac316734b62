package config

import (
	"encoding"
	"math"
	"reflect"
	"strconv"
	"strings"
)

// assign sets a field from text by the rules of MixAll.properties2Object, and reports whether its value changed:
//
//   - numbers as Integer.parseInt and Long.parseLong read them: no blanks around, no fractions, 32 bits for int; a bad one is
//     silently ignored and the old value stays
//   - only "true" in any case is true, everything else false
//   - strings lose the blanks around them
func assign(field reflect.Value, value string) bool {
	if u, ok := field.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return assignText(field, u, value)
	}
	switch field.Kind() {
	case reflect.Int, reflect.Int64:
		n, ok := parseInt(value, field.Kind())
		if !ok || n == field.Int() {
			return false
		}
		field.SetInt(n)
	case reflect.Float64:
		f, ok := parseDouble(value)
		if !ok || f == field.Float() {
			return false
		}
		field.SetFloat(f)
	case reflect.Bool:
		b := strings.EqualFold(value, "true")
		if b == field.Bool() {
			return false
		}
		field.SetBool(b)
	case reflect.String:
		s := strings.TrimFunc(value, func(r rune) bool { return r <= ' ' }) // String.trim
		if s == field.String() {
			return false
		}
		field.SetString(s)
	}
	return true
}

// assignText lets the type read the text; on an error its old value is put back, whatever it wrote before it noticed.
func assignText(field reflect.Value, u encoding.TextUnmarshaler, value string) bool {
	old := reflect.New(field.Type()).Elem()
	old.Set(field)
	before := text(field)
	if u.UnmarshalText([]byte(strings.TrimSpace(value))) != nil {
		field.Set(old)
		return false
	}
	return text(field) != before
}

func parseInt(s string, kind reflect.Kind) (int64, bool) {
	bits := 64
	if kind == reflect.Int {
		bits = 32 // Java's int
	}
	n, err := strconv.ParseInt(s, 10, bits)
	return n, err == nil
}

// parseDouble is Double.parseDouble: blanks around are allowed, a type suffix too. NaN is not: no setting means anything by it.
func parseDouble(s string) (float64, bool) {
	s = strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
	if s != "" && strings.ContainsRune("dDfF", rune(s[len(s)-1])) && !strings.HasPrefix(s, "0x") {
		s = s[:len(s)-1]
	}
	if strings.ContainsAny(s, "_") {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
}
