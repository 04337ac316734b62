package javajson

import (
	"cmp"
	"encoding"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

var (
	rawType         = reflect.TypeFor[Raw]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// A plan is what a struct type looks like as an object, found out once.
type plan struct {
	members []member // sorted by name, the order in which they are written
	byName  map[string]int
}

type member struct {
	name      string
	index     []int
	omitEmpty bool
}

var plans sync.Map // reflect.Type → *plan

func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	p := &plan{members: membersOf(t, 0)}
	slices.SortStableFunc(p.members, func(a, b member) int {
		// Of two members of one name the outer struct's comes first, and the other is dropped.
		return cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(len(a.index), len(b.index)))
	})
	p.members = slices.CompactFunc(p.members, func(a, b member) bool { return a.name == b.name })
	p.byName = make(map[string]int, len(p.members))
	for i, m := range p.members {
		p.byName[m.name] = i
	}
	stored, _ := plans.LoadOrStore(t, p)
	return stored.(*plan)
}

func membersOf(t reflect.Type, depth int) []member {
	var out []member
	for i := range t.NumField() {
		f := t.Field(i)
		tag, tagged := f.Tag.Lookup("json")
		name, options, _ := strings.Cut(tag, ",")
		if tag == "-" {
			continue
		}
		if f.Anonymous && !tagged {
			inner := f.Type
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			if inner.Kind() == reflect.Struct && depth < 8 { // a struct that embeds a pointer to itself ends somewhere
				for _, m := range membersOf(inner, depth+1) {
					m.index = append([]int{i}, m.index...)
					out = append(out, m)
				}
				continue
			}
		}
		if !f.IsExported() {
			continue
		}
		if name == "" {
			r, n := utf8.DecodeRuneInString(f.Name)
			name = string(unicode.ToLower(r)) + f.Name[n:]
		}
		out = append(out, member{name: name, index: f.Index, omitEmpty: hasOption(options, "omitempty")})
	}
	return out
}

func hasOption(options, want string) bool {
	for o := range strings.SplitSeq(options, ",") {
		if o == want {
			return true
		}
	}
	return false
}

// find returns the member of that name, or one whose name differs in case only, as fastjson 1 takes it.
func (p *plan) find(name []byte) *member {
	if i, ok := p.byName[string(name)]; ok {
		return &p.members[i]
	}
	for i := range p.members {
		if m := &p.members[i]; len(m.name) == len(name) && strings.EqualFold(m.name, string(name)) {
			return m
		}
	}
	return nil
}
