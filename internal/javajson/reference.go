package javajson

import (
	"reflect"
	"strconv"
	"strings"
)

// references bounds what following `{"$ref":"$.a.b"}` may cost. fastjson 1 writes such a marker where an object occurs a second time
// in one tree; old clients send them. All references of a document together may read again as many bytes as the document has, and one
// inside a referenced value is not followed: a small text cannot be made to unfold into a large value. Walking to them is bounded too.
type references struct {
	read int // bytes that may still be read a second time
	walk int // bytes that may still be walked over on the way to them
}

func newReferences(length int) *references { return &references{read: length, walk: 8*length + 64<<10} }

// reference takes an object that is a reference and nothing else. Anything else is left where it stands.
func (d *decoder) reference() (target string, ok bool) {
	s := d.scanner
	s.pos++ // the brace
	if s.peek() != '"' {
		return "", false
	}
	name, err := s.quoted()
	if err != nil || string(name) != "$ref" || s.expect(':') != nil || s.peek() != '"' {
		return "", false
	}
	path, err := s.quoted()
	if err != nil || s.expect('}') != nil {
		return "", false
	}
	d.pos = s.pos
	return string(path), true
}

// follow reads the value that a path from the root leads to. A path that leads nowhere, or cannot be afforded, leaves v as it is:
// what is missing then was sent before.
func (d *decoder) follow(path string, v reflect.Value) error {
	if d.refs == nil || (path != "$" && !strings.HasPrefix(path, "$.") && !strings.HasPrefix(path, "$[")) {
		return nil
	}
	if d.refs.walk -= d.pos; d.refs.walk < 0 {
		return nil
	}
	text := locate(d.data[:d.pos], path[1:])
	if d.refs.read -= len(text); text == nil || d.refs.read < 0 {
		return nil
	}
	inner := decoder{scanner: scanner{data: text, depth: d.depth}, room: d.room}
	return inner.value(v)
}

// locate walks `.name` and `[3]` steps from the root and returns the text of the value there, nil if there is none. The value must
// have ended within data: a reference to something around itself has no end.
func locate(data []byte, path string) []byte {
	s := scanner{data: data}
	for path != "" {
		step := path[1:]
		end := len(step)
		if i := strings.IndexAny(step, ".["); i >= 0 {
			end = i
		}
		var found bool
		if path[0] == '[' {
			index, err := strconv.Atoi(strings.TrimSuffix(step[:end], "]"))
			found = err == nil && s.enterList(index)
		} else {
			found = s.enterObject(step[:end])
		}
		if !found {
			return nil
		}
		path = step[end:]
	}
	text, err := s.skip()
	if err != nil {
		return nil
	}
	return text
}

// enterObject moves to the value of a member; false when there is none.
func (s *scanner) enterObject(name string) bool {
	if s.expect('{') != nil {
		return false
	}
	for {
		for s.peek() == ',' {
			s.pos++
		}
		key, err := s.name()
		if err != nil || s.expect(':') != nil {
			return false
		}
		if string(key) == name {
			return true
		}
		if _, err := s.skip(); err != nil {
			return false
		}
	}
}

func (s *scanner) enterList(index int) bool {
	if s.expect('[') != nil || index < 0 {
		return false
	}
	for {
		for s.peek() == ',' {
			s.pos++
		}
		if index == 0 {
			return s.peek() != ']'
		}
		if _, err := s.skip(); err != nil {
			return false
		}
		index--
	}
}
