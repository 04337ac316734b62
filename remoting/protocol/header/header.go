// Package header has a struct for the custom header of every request and answer, one file a request.
//
// A type is called as Java's class without RequestHeader (answers: …Response), its members as Java's with an upper-case first letter; the
// ext tags carry name, whether it is required, and its default. Members that may be absent with a meaning are pointers.
// SendMessage and PullMessage read themselves by hand: they are on the path of every message.
package header

import "github.com/skylarkmq/skylark/remoting/protocol"

// Decode fills the struct that h points to from the ext fields of a command.
// A required field that is missing gives *protocol.MissingFieldError with Java's text, a bad number *protocol.NumberError.
func Decode(f *protocol.Fields, h any) error {
	return protocol.DecodeHeader(f, h)
}
