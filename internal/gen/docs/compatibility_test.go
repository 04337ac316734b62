package main

import (
	"testing"

	"github.com/skylarkmq/skylark/broker"
	"github.com/skylarkmq/skylark/nameserv"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// TestEveryCodeHasARowOrAReason walks all request codes.
func TestEveryCodeHasARowOrAReason(t *testing.T) {
	t.Parallel()
	answered := set(append(broker.Answered(), nameserv.Answered()...))
	fits := make(map[string]bool)
	for _, c := range code.All() {
		if answered[c] {
			continue
		}
		why, err := whyAbsent(c.String())
		if err != nil {
			t.Error(err)
		}
		fits[why] = true
	}
	for _, a := range absent {
		if !fits[a.why] {
			t.Errorf("%q is the reason of no code", a.why)
		}
	}
}

// TestNewCodeHasNoReason: no expression is so wide that it would take in what nobody has thought of yet.
func TestNewCodeHasNoReason(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"X", "GET_SOMETHING_NEW", "UPDATE_SOMETHING_NEW", "SKYLARK_NEW", "UNKNOWN"} {
		if why, err := whyAbsent(name); err == nil {
			t.Errorf("%s: %q", name, why)
		}
	}
}
