package remoting

import (
	"errors"
	"fmt"

	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// Error is an answer that a handler gives by returning it: a response code and the remark that users know.
type Error struct {
	Code   code.Response
	Remark string
}

func (e *Error) Error() string { return e.Code.String() + ": " + e.Remark }

// Fail answers the request with a code and a remark.
func Fail(c code.Response, remark string) error { return &Error{Code: c, Remark: remark} }

// Failf is Fail with a format.
func Failf(c code.Response, format string, args ...any) error {
	return &Error{Code: c, Remark: fmt.Sprintf(format, args...)}
}

// What callers of Conn and Client branch on.
var (
	ErrClosed   = errors.New("remoting: connection closed")
	ErrStopped  = errors.New("remoting: stopped")
	ErrTooMany  = errors.New("remoting: too many calls waiting on the connection")
	ErrSlowPeer = errors.New("remoting: peer does not read, connection closed")
)

// errNotSent marks a call whose request certainly never left: it may be tried again on another connection.
var errNotSent = errors.New("request not sent")

func notSent(err error) error { return fmt.Errorf("%w: %w", errNotSent, err) }

// failure turns what a handler returned into its answer; reported says that the error is not the client's and must be logged.
func failure(err error) (cmd *protocol.Command, reported bool) {
	var e *Error
	if errors.As(err, &e) {
		return protocol.NewResponse(e.Code, e.Remark), false
	}
	return protocol.NewResponse(code.SystemError, err.Error()), true
}
