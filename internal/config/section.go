// Package config holds settings: small structs beside the code that reads them, bound from one flat list of names as the Java
// broker binds its configuration beans.
//
//	type Config struct {
//		// FileReservedTime: hours a commit log file is kept.
//		FileReservedTime int `conf:"fileReservedTime,hot"`
//	}
//	cfg := config.NewSection(Config{FileReservedTime: 72})
//	all := config.NewSet(cfg, other)
//	all.Apply(fileContents, false)
//	cfg.Get().FileReservedTime
//
// A Section hands out immutable snapshots, swapped whole. A Set walks several sections with the same names and values: a name
// that two sections know reaches both.
package config

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A Section is the settings of one package. T is a struct; fields tagged `conf:"name"` are settings and have one of the types int,
// int64, float64, bool, string, or one that implements encoding.TextUnmarshaler. Untagged fields are left alone, embedded structs
// count as written out. Options after the name:
//
//	hot       the value may change while the process runs
//	secret    the value is never shown
//	ms, s, h  a time in that unit: one beyond what a time.Duration can be counts as the longest that it can, 292 years, as it may in
//	          Java, which counts longs of milliseconds; it is shown as it was set
//	min=N     a smaller number is refused (ErrTooSmall): no sense can be made of it
type Section[T any] struct {
	effective atomic.Pointer[T]
	mu        sync.Mutex
	shown     T // what was asked for; differs from effective where a setting that is not hot was changed at run time
	settings  []setting
}

// A Bindable is a *Section[T] of any T.
type Bindable interface {
	apply(name, value string) (changed bool)
	known(yield func(s *setting, value string))
	check(name, value string) error
	publish(runtime bool)
}

type setting struct {
	name        string
	hot, secret bool
	unit        time.Duration // of a time, else 0
	min         int64         // when bounded
	bounded     bool
	index       []int
}

// NewSection makes a section whose settings have the given values. It panics when T is no settings struct: that is a mistake in
// the program, and shows at its first start.
func NewSection[T any](defaults T) *Section[T] {
	s := &Section[T]{shown: defaults, settings: settingsOf(reflect.TypeFor[T]())}
	first := defaults
	s.store(&first)
	return s
}

// Get returns the settings in effect. Nobody may change what it points to.
func (s *Section[T]) Get() *T { return s.effective.Load() }

// Change lets the program itself decide a setting (a master's brokerId is 0 whatever the file says), hot or not.
func (s *Section[T]) Change(f func(*T)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.shown)
	s.effect(f)
}

// Limit lets the program hold to less than what is set, as long as it runs: that is neither shown nor stored.
func (s *Section[T]) Limit(f func(*T)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.effect(f)
}

// effect needs mu.
func (s *Section[T]) effect(f func(*T)) {
	next := *s.effective.Load()
	f(&next)
	s.store(&next)
}

// store puts settings into effect, their times held to what can be computed with.
func (s *Section[T]) store(next *T) {
	v := reflect.ValueOf(next).Elem()
	for _, st := range s.settings {
		if st.unit > 0 {
			most, field := int64(math.MaxInt64/st.unit), v.FieldByIndex(st.index)
			field.SetInt(min(max(field.Int(), -most), most))
		}
	}
	s.effective.Store(next)
}

// check refuses a number that is less than its setting can be.
func (s *Section[T]) check(name, value string) error {
	for _, st := range s.settings {
		if n, ok := parseInt(value, reflect.Int64); ok && st.bounded && st.name == name && n < st.min {
			return fmt.Errorf("%w: %s is %d, at least %d", ErrTooSmall, name, n, st.min)
		}
	}
	return nil
}

func (s *Section[T]) apply(name, value string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := false
	for i := range s.settings {
		if s.settings[i].name == name {
			field := reflect.ValueOf(&s.shown).Elem().FieldByIndex(s.settings[i].index)
			changed = assign(field, value) || changed
		}
	}
	return changed
}

// publish makes a new snapshot of what is shown; at run time only of what is hot.
func (s *Section[T]) publish(runtime bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.shown
	if runtime {
		next = *s.effective.Load()
		from, to := reflect.ValueOf(&s.shown).Elem(), reflect.ValueOf(&next).Elem()
		for _, st := range s.settings {
			if st.hot {
				to.FieldByIndex(st.index).Set(from.FieldByIndex(st.index))
			}
		}
	}
	s.store(&next)
}

func (s *Section[T]) known(yield func(*setting, string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := reflect.ValueOf(&s.shown).Elem()
	for i := range s.settings {
		yield(&s.settings[i], text(v.FieldByIndex(s.settings[i].index)))
	}
}

var textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

func settingsOf(t reflect.Type) []setting {
	if t.Kind() != reflect.Struct {
		panic(fmt.Sprintf("config: %v is not a struct", t))
	}
	var out []setting
	for i := range t.NumField() {
		f := t.Field(i)
		_, tagged := f.Tag.Lookup("conf")
		switch {
		case f.Anonymous && !tagged && f.Type.Kind() == reflect.Struct:
			for _, s := range settingsOf(f.Type) {
				s.index = append([]int{i}, s.index...)
				out = append(out, s)
			}
		case tagged:
			out = append(out, settingOf(t, f))
		}
	}
	return out
}

func settingOf(t reflect.Type, f reflect.StructField) setting {
	name, options, _ := strings.Cut(f.Tag.Get("conf"), ",")
	s := setting{name: name, index: f.Index}
	for o := range strings.SplitSeq(options, ",") {
		if !s.option(o) {
			panic(fmt.Sprintf("config: %v.%s: unknown option %q", t, f.Name, o))
		}
	}
	if number := f.Type.Kind() == reflect.Int || f.Type.Kind() == reflect.Int64; name == "" || !f.IsExported() || !bindable(f.Type) || (s.unit > 0 || s.bounded) && !number {
		panic(fmt.Sprintf("config: %v.%s of type %v cannot be a setting", t, f.Name, f.Type))
	}
	return s
}

// option takes one option of a tag, and says whether there is such a one.
func (s *setting) option(o string) bool {
	switch o {
	case "":
	case "hot":
		s.hot = true
	case "secret":
		s.secret = true
	case "ms":
		s.unit = time.Millisecond
	case "s":
		s.unit = time.Second
	case "h":
		s.unit = time.Hour
	default:
		least, is := strings.CutPrefix(o, "min=")
		n, err := strconv.ParseInt(least, 10, 64)
		s.min, s.bounded = n, true
		return is && err == nil
	}
	return true
}

func bindable(t reflect.Type) bool {
	if reflect.PointerTo(t).Implements(textUnmarshaler) {
		return true
	}
	switch t.Kind() {
	case reflect.Int, reflect.Int64, reflect.Float64, reflect.Bool, reflect.String:
		return t.PkgPath() == "" // a named type without UnmarshalText is a mistake: nothing would check its values
	}
	return false
}

// text writes a value as Java's Object.toString does.
func text(v reflect.Value) string {
	if m, ok := v.Addr().Interface().(encoding.TextMarshaler); ok {
		b, err := m.MarshalText()
		if err != nil {
			return ""
		}
		return string(b)
	}
	switch v.Kind() {
	case reflect.Int, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10)
	case reflect.Float64:
		s := strconv.FormatFloat(v.Float(), 'f', -1, 64)
		if !strings.ContainsAny(s, ".IN") {
			s += ".0"
		}
		return s
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.String:
		return v.String()
	}
	return fmt.Sprint(v.Interface())
}
