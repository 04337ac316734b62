package nameserv

import "github.com/skylarkmq/skylark/remoting/protocol/code"

// Answered lists the requests that a name server answers, for the documentation and for the test that walks all codes.
func Answered() []code.Request {
	out := make([]code.Request, len(routes))
	for i, r := range routes {
		out[i] = r.Code
	}
	return out
}
