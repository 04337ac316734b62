// Package code names every request and response code of RocketMQ 5.5.0.
//
// A code is a plain number on the wire; Request and Response keep the two number spaces apart,
// because 200 asks for a subscription group in one and commits a transaction in the other.
// String gives the name that the original uses in logs, metrics and documentation.
package code

import (
	"maps"
	"slices"
	"strconv"
)

// Request says what the sender wants.
type Request int32

// Response says how it went.
type Response int32

// String is the constant's name in the original, or the bare number for a code nobody defined.
func (r Request) String() string {
	if name, ok := requestNames[r]; ok {
		return name
	}
	return strconv.Itoa(int(r))
}

// Known tells whether the original defines the code, with or without a handler for it.
func (r Request) Known() bool {
	_, ok := requestNames[r]
	return ok
}

// String is the constant's name in the original, or the bare number for a code nobody defined.
func (r Response) String() string {
	if name, ok := responseNames[r]; ok {
		return name
	}
	return strconv.Itoa(int(r))
}

// All lists every request code in ascending order.
func All() []Request {
	return slices.Sorted(maps.Keys(requestNames))
}

// AllResponses lists every response code in ascending order.
func AllResponses() []Response {
	return slices.Sorted(maps.Keys(responseNames))
}
