// Package freeport finds ports for servers that are started as processes, and so cannot ask for port 0.
package freeport

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

// The range lies below the ports that the system gives to connections and to listeners on port 0, or those of other tests and the
// thousands of a benchmark would take a port between here and the server's start.
const lowest, highest = 12_000, 32_000

var (
	mu    sync.Mutex
	given = map[int]bool{} // by this process, with their neighbours: their servers may not listen yet
)

// Broker returns a port whose neighbours are free as well: a broker also listens on port-2 and port+1.
func Broker() (int, error) {
	mu.Lock()
	defer mu.Unlock()
	for range 200 {
		port := lowest + rand.IntN(highest-lowest)
		if free(port-2) && free(port) && free(port+1) {
			for p := port - 2; p <= port+1; p++ {
				given[p] = true
			}
			return port, nil
		}
	}
	return 0, errors.New("no four free ports in a row between 12000 and 32000")
}

func free(port int) bool {
	if given[port] {
		return false
	}
	l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
	if err != nil {
		return false
	}
	return l.Close() == nil
}
