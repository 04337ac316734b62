package mapped

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
)

// ErrFault is what a fault on a mapping becomes.
var ErrFault = errors.New("mapped: fault")

// Guard turns a fault on a mapping (the file was truncated under us, the disk
// cannot give or take a page) into an error, instead of the end of the process:
//
//	defer mapped.Guard(&err)()
//
// Everything that loads from or stores to a mapping runs under one.
func Guard(err *error) func() {
	before := debug.SetPanicOnFault(true)
	return func() {
		debug.SetPanicOnFault(before)
		if r := recover(); r != nil {
			*err = FaultError(r)
		}
	}
}

// FaultError is the error for what recover() returned when it was a fault of a
// mapping; any other panic goes on.
func FaultError(r any) error {
	fault, ok := r.(interface {
		runtime.Error
		Addr() uintptr
	})
	if !ok {
		panic(r)
	}
	return fmt.Errorf("%w at %#x: %w", ErrFault, fault.Addr(), fault)
}
