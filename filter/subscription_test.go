package filter

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBuild(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, expression, kind string
		sub                    string
		tags                   []string
		codes                  []int32
		err                    error
	}{
		{name: "all", expression: "*", sub: "*"},
		{name: "empty is all", expression: "", sub: "*"},
		{name: "one tag", expression: "TagA", sub: "TagA", tags: []string{"TagA"}, codes: []int32{2598919}},
		{name: "several, with blanks", expression: " A || B||A", sub: " A || B||A", tags: []string{"A", "B"}, codes: []int32{65, 66}},
		{name: "an empty piece", expression: "A||||B", sub: "A||||B", tags: []string{"A", "B"}, codes: []int32{65, 66}},
		{name: "blank pieces only", expression: " || ", sub: " || "},
		{name: "separators only", expression: "||||", err: ErrSplit},
		{name: "beyond the basic plane", expression: "\U0001F600", sub: "\U0001F600", tags: []string{"\U0001F600"}, codes: []int32{1772899}},
		{name: "endless", expression: strings.Repeat("a", MaxExpression+1), err: ErrLength},
		{name: "another type", expression: "a > 1", kind: "SQL92", sub: "a > 1"},
		{name: "another type without expression", kind: "SQL92", err: ErrEmpty},
		{name: "tag in small letters is another type", expression: "x", kind: "tag", sub: "x"},
	} {
		s, err := Build("T", row.expression, row.kind, 7)
		if !errors.Is(err, row.err) {
			t.Errorf("%s: %v, want %v", row.name, err, row.err)
			continue
		}
		if err != nil {
			continue
		}
		if s.SubString != row.sub || s.SubVersion != 7 || !cmp.Equal(s.TagsSet, append([]string{}, row.tags...)) ||
			!cmp.Equal(s.CodeSet, append([]int32{}, row.codes...)) {
			t.Errorf("%s: %+v", row.name, s)
		}
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	many := make([]string, 15_000)
	for i := range many {
		many[i] = string(rune('a'+i%26)) + strings.Repeat("x", i%7)
	}
	for _, row := range []struct {
		expression string
		code       int64
		want       bool
	}{
		{"*", 0, true},
		{"*", -5, true},
		{"A", 65, true},
		{"A", 66, false},
		{"A||B", 66, true},
		{"A", 65 | 7<<32, true}, // Java compares the low 32 bits
		{"A", 0, false},
		{strings.Join(many, "||"), 97, true},
		{strings.Join(many, "||"), 65, false},
	} {
		s, err := Build("T", row.expression, "", 1)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.MatchCode(row.code); got != row.want {
			t.Errorf("%.20q matches %d: %v, want %v", row.expression, row.code, got, row.want)
		}
	}
	class := &Subscription{SubString: "x", ClassFilterMode: true}
	if !class.MatchCode(1) {
		t.Error("class filter mode leaves the choice to the consumer")
	}
}

func FuzzBuild(f *testing.F) {
	f.Add("A||B", "TAG")
	f.Add("||||", "")
	f.Fuzz(func(t *testing.T, expression, kind string) {
		s, err := Build("T", expression, kind, 1)
		if err == nil && len(s.TagsSet) != len(s.CodeSet) {
			t.Fatalf("%d tags, %d codes", len(s.TagsSet), len(s.CodeSet))
		}
	})
}

// What an expression takes is counted with the size that a node has.
func TestNodeBytes(t *testing.T) {
	t.Parallel()
	if size := int(reflect.TypeFor[node]().Size()); size != nodeBytes-16 {
		t.Errorf("a node has %d bytes, %d are counted", size, nodeBytes-16)
	}
}
