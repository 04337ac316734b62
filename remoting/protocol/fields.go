package protocol

import (
	"bytes"
	"strconv"
)

const (
	// maxFields bounds the ext fields of one frame, null ones included. Java clients send about 20; the bound keeps a frame of 16 MiB from
	// growing a list of millions, and the backward look-ups cheap for any sender.
	maxFields = 1024
	// keepFields and keepScratch are what a command keeps from one frame to the next.
	keepFields  = 128
	keepScratch = 64 << 10
)

// Field is one ext field. Both slices point into the frame, or into the scratch memory of its Fields.
type Field struct{ Key, Value []byte }

// Fields are the ext fields of a command in the order of the wire, without a map and without allocation when used again.
//
// Java senders may write a name twice (the custom header first, then what hooks added): the last one counts, so look-ups
// go backwards. A member that is null in JSON, or empty in binary, is absent, as it is in Java.
type Fields struct {
	list    []Field
	scratch []byte // values that are not verbatim in the frame: escapes resolved, or set by us

	// What was read by a shape is not listed before somebody changes it.
	shape   *shape
	head    []byte
	changed uint32
}

// Reset empties the list and keeps its memory, within reason.
func (f *Fields) Reset() {
	if cap(f.list) > keepFields || cap(f.scratch) > keepScratch {
		*f = Fields{}
	}
	f.list = f.list[:0]
	f.scratch = f.scratch[:0]
	f.shape, f.head = nil, nil
}

// unfold lists what was read by a shape, for whoever changes the list.
func (f *Fields) unfold() {
	if f.shape == nil {
		return
	}
	for i := range f.Len() {
		f.list = append(f.list, f.At(i))
	}
	f.shape, f.head = nil, nil
}

// Len counts the fields, duplicates included.
func (f *Fields) Len() int {
	if f.shape != nil {
		return len(f.shape.fields)
	}
	return len(f.list)
}

// At is the field at place i of the wire order.
func (f *Fields) At(i int) Field {
	if f.shape != nil {
		return f.shape.field(f, i)
	}
	return f.list[i]
}

// Get finds a value by name.
func (f *Fields) Get(name string) ([]byte, bool) {
	if i := f.find(name); i >= 0 {
		return f.At(i).Value, true
	}
	return nil, false
}

// String is the value as a string, "" when absent.
func (f *Fields) String(name string) string {
	v, _ := f.Get(name)
	return string(v)
}

func (f *Fields) find(name string) int {
	if f.shape != nil {
		return f.shape.find(name)
	}
	for i := len(f.list) - 1; i >= 0; i-- {
		if string(f.list[i].Key) == name {
			return i
		}
	}
	return -1
}

// Set replaces the value of a name, or adds it at the end.
func (f *Fields) Set(name, value string) {
	f.put(name, f.keepString(value))
}

// SetInt sets a number in decimal.
func (f *Fields) SetInt(name string, v int64) {
	start := len(f.scratch)
	f.scratch = strconv.AppendInt(f.scratch, v, 10)
	f.put(name, f.kept(start))
}

// SetBool sets "true" or "false".
func (f *Fields) SetBool(name string, v bool) {
	f.Set(name, strconv.FormatBool(v))
}

func (f *Fields) put(name string, value []byte) {
	f.unfold()
	if i := f.find(name); i >= 0 {
		f.list[i].Value = value
		return
	}
	f.list = append(f.list, Field{Key: f.keepString(name), Value: value})
}

// Add appends a field as it is; the slices are borrowed.
func (f *Fields) Add(key, value []byte) {
	f.unfold()
	f.list = append(f.list, Field{Key: key, Value: value})
}

// Delete removes every field of that name.
func (f *Fields) Delete(name string) {
	f.unfold()
	kept := f.list[:0]
	for _, field := range f.list {
		if string(field.Key) != name {
			kept = append(kept, field)
		}
	}
	f.list = kept
}

// Compact removes all but the last field of each name, for callers that walk the list (signatures, relayed requests).
func (f *Fields) Compact() {
	f.unfold()
	last := make(map[string]int, len(f.list))
	for i, field := range f.list {
		last[string(field.Key)] = i
	}
	if len(last) == len(f.list) {
		return
	}
	kept := f.list[:0]
	for i, field := range f.list {
		if last[string(field.Key)] == i {
			kept = append(kept, field)
		}
	}
	f.list = kept
}

// Equal compares as maps: same names, same effective values, order and overridden duplicates aside.
func (f *Fields) Equal(o *Fields) bool {
	return f.within(o) && o.within(f)
}

func (f *Fields) within(o *Fields) bool {
	for i := range f.Len() {
		field := f.At(i)
		mine, _ := f.Get(string(field.Key))
		if theirs, ok := o.Get(string(field.Key)); !ok || !bytes.Equal(mine, theirs) {
			return false
		}
	}
	return true
}

// keepString copies s into the scratch memory. Growing it moves only what comes later: earlier values keep the old array.
func (f *Fields) keepString(s string) []byte {
	start := len(f.scratch)
	f.scratch = append(f.scratch, s...)
	return f.kept(start)
}

func (f *Fields) kept(start int) []byte {
	return f.scratch[start:len(f.scratch):len(f.scratch)]
}
