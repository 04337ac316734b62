package load

import (
	"context"
	"fmt"
	"net"
	"time"
)

// Idle opens connections that say nothing, and tells what they cost the server.
func Idle(ctx context.Context, o Options) (before, after Memory, r Result, err error) {
	before = MemoryOf(o.PID)
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	for range o.Conns {
		c, err := net.Dial("tcp", o.Addr)
		if err != nil {
			return before, after, r, fmt.Errorf("connection %d of %d (two descriptors each, ulimit -n): %w", len(conns)+1, o.Conns, err)
		}
		conns = append(conns, c)
	}
	pauseFor(ctx, max(o.Warm, time.Second))
	w := openWindow(o.PID)
	pauseFor(ctx, o.Measure)
	r = w.close(0)
	return before, MemoryOf(o.PID), r, ctx.Err()
}
