// Package testport finds ports for tests that start a whole server as a process, and so cannot ask for port 0.
package testport

import (
	"testing"

	"github.com/skylarkmq/skylark/internal/freeport"
)

// Broker returns a port that is free, as are those that a broker listens on besides. Somebody else may take them before the server
// does; then the test fails, and says why.
func Broker(t testing.TB) int {
	t.Helper()
	port, err := freeport.Broker()
	if err != nil {
		t.Fatal(err)
	}
	return port
}
