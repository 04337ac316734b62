package harness

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// Ports are taken below the range the kernel gives to outgoing connections, so that none of those can sit on one.
const (
	firstPort = 12000
	lastPort  = 30000
)

var (
	portsMu sync.Mutex
	taken   = map[int]bool{} // handed out by this process and perhaps not listened on yet
)

// FreePort returns a port for a name server.
func FreePort(t testing.TB) int {
	return freePorts(t, 0)
}

// FreeBrokerPort returns a port for a broker; those for its VIP listener (-2) and for replication (+1) are free as well.
func FreeBrokerPort(t testing.TB) int {
	return freePorts(t, -2, 0, 1)
}

func freePorts(t testing.TB, offsets ...int) int {
	t.Helper()
	portsMu.Lock()
	defer portsMu.Unlock()
next:
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		for _, o := range offsets {
			if taken[port+o] || !canListen(port+o) {
				continue next
			}
		}
		for _, o := range offsets {
			taken[port+o] = true
		}
		return port
	}
	t.Fatal("no free ports found")
	return 0
}

func canListen(port int) bool {
	// All addresses: the Java broker's replication listener binds them all.
	l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
	if err != nil {
		return false
	}
	l.Close()
	return true
}
