package remoting

import (
	"runtime"
	"sync"
	"testing"

	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// TestIdleConnectionsAreCheap opens connections that have spoken once: what stays must be small, client's half included.
func TestIdleConnectionsAreCheap(t *testing.T) {
	if testing.Short() {
		t.Skip("opens 2,000 connections")
	}
	r := serve(t, nil)
	r.alive(t)
	const n = 2000
	before := heapAndStacks()
	socks := make([]*wire, n)
	var wg sync.WaitGroup
	for k := range 4 {
		wg.Go(func() {
			for i := k; i < n; i += 4 {
				w := r.dial(t)
				w.send(request(code.HeartBeat, int32(i), ""))
				w.expect(int32(i), code.Success, "")
				w.r = nil // the test's own buffer
				socks[i] = w
			}
		})
	}
	wg.Wait()
	// What a connection costs in this process: a Conn, gnet's half, and the test's net.Conn.
	per := (heapAndStacks() - before) / n
	t.Logf("%d bytes a connection, both ends", per)
	if per > 6<<10 {
		t.Errorf("%d bytes a connection", per)
	}
	if g := runtime.NumGoroutine(); g > 200 {
		t.Errorf("%d goroutines for %d idle connections", g, n)
	}
	for _, w := range socks {
		_ = w.Close()
	}
	await(t, "all gone", func() bool { return r.srv.Stats().Connections == 0 })
}

func heapAndStacks() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapInuse + m.StackInuse)
}
