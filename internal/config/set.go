package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// Bounds on names nobody knows: they are kept and shown, and arrive from configuration requests too.
const (
	maxUnknown     = 1024
	maxNameLength  = 255
	maxValueLength = 64 << 10
)

// ErrTooLarge: a name or value is longer, or the unknown names are more, than a configuration can need.
var ErrTooLarge = errors.New("configuration too large")

// ErrTooSmall: a number is less than its setting can be.
var ErrTooSmall = errors.New("setting out of its bounds")

// A Set is several sections seen as one flat list of names, with the names that none of them knows.
type Set struct {
	sections []Bindable

	mu      sync.Mutex // one Apply at a time
	unknown map[string]string
}

// NewSet joins sections. Where two know the same name the later one's value is listed.
func NewSet(sections ...Bindable) *Set {
	return &Set{sections: sections, unknown: make(map[string]string)}
}

// Apply binds values to names in all sections and returns the names whose listed value changed, sorted. A value that its type
// cannot read is ignored in silence, as in Java. With runtime set only hot settings take effect; the others are listed with their
// new value all the same. On an error nothing was applied.
func (s *Set) Apply(kv map[string]string, runtime bool) (changed []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	unknown, err := s.admit(kv)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(kv)) {
		value, differs := kv[name], false
		if unknown[name] {
			old, had := s.unknown[name]
			differs = !had || old != value
			s.unknown[name] = value
		}
		for _, section := range s.sections {
			differs = section.apply(name, value) || differs
		}
		if differs {
			changed = append(changed, name)
		}
	}
	for _, section := range s.sections {
		section.publish(runtime)
	}
	return changed, nil
}

// admit checks the bounds and tells which names no section knows.
func (s *Set) admit(kv map[string]string) (map[string]bool, error) {
	known := s.names()
	unknown := make(map[string]bool)
	fresh := 0
	for name, value := range kv {
		if len(name) > maxNameLength || len(value) > maxValueLength {
			return nil, fmt.Errorf("%w: setting %.40q: name of %d bytes (at most %d), value of %d (at most %d)",
				ErrTooLarge, name, len(name), maxNameLength, len(value), maxValueLength)
		}
		if known[name] {
			if err := s.check(name, value); err != nil {
				return nil, err
			}
			continue
		}
		unknown[name] = true
		if _, had := s.unknown[name]; !had {
			fresh++
		}
	}
	if total := len(s.unknown) + fresh; total > maxUnknown {
		return nil, fmt.Errorf("%w: %d unknown names, at most %d", ErrTooLarge, total, maxUnknown)
	}
	return unknown, nil
}

func (s *Set) check(name, value string) error {
	for _, section := range s.sections {
		if err := section.check(name, value); err != nil {
			return err
		}
	}
	return nil
}

func (s *Set) names() map[string]bool {
	names := make(map[string]bool)
	for _, section := range s.sections {
		section.known(func(st *setting, _ string) { names[st.name] = true })
	}
	return names
}

// Flat lists every known name with its value and every unknown one that was kept, sorted by name. Secrets read as "******".
func (s *Set) Flat() [][2]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := maps.Clone(s.unknown)
	for _, section := range s.sections {
		section.known(func(st *setting, value string) {
			if st.secret && value != "" {
				value = "******"
			}
			all[st.name] = value
		})
	}
	flat := make([][2]string, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		flat = append(flat, [2]string{name, all[name]})
	}
	return flat
}

// Unknown lists the names that were applied and that no section knows, sorted.
func (s *Set) Unknown() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.unknown))
}
