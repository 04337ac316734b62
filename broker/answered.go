package broker

import (
	"github.com/skylarkmq/skylark/broker/admin"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// Answered lists the requests that a broker answers, for the documentation and for the test that walks all codes.
func Answered() []code.Request {
	var out []code.Request
	for _, r := range routes {
		out = append(out, r.Code)
	}
	for _, r := range admin.Routes() {
		out = append(out, r.Code)
	}
	return out
}
