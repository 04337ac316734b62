// Package testport finds ports for tests that start a whole server as a process, and so cannot ask for port 0.
package testport

import (
	"fmt"
	"net"
	"testing"
)

// Broker returns a port that is free, as is the one two below it: a broker listens on both. Somebody else may take them before the
// server does; then the test fails, and says why.
func Broker(t testing.TB) int {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		below, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port-2))
		_ = l.Close()
		if err == nil {
			_ = below.Close()
			return port
		}
	}
	t.Fatal("no free pair of ports")
	return 0
}
