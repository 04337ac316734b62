package load

import (
	"context"
	"net"
	"strconv"
	"time"
)

// Deaf opens connections that ask for messages and never read an answer. It returns when ctx ends, with the number of those that the
// server has closed by then.
func Deaf(ctx context.Context, o Options) (closed int, err error) {
	o = o.withDefaults()
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	for i := range o.Conns {
		c, err := net.Dial("tcp", o.Addr)
		if err != nil {
			return 0, err
		}
		conns = append(conns, c)
		if tcp, ok := c.(*net.TCPConn); ok {
			if err := tcp.SetReadBuffer(4 << 10); err != nil {
				return 0, err
			}
		}
		var out []byte
		for n := range o.InFlight {
			out = pullFrame(out, &o, "Deaf"+strconv.Itoa(i), int32(n), n%o.Queues, 0, false)
		}
		// A server that takes no more requests from it is as right as one that closes it.
		if err := c.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
			return 0, err
		}
		_, _ = c.Write(out)
	}
	<-ctx.Done()
	for _, c := range conns {
		_ = c.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
		if _, err := c.Write([]byte{0}); err != nil && !isTimeout(err) {
			closed++
		}
	}
	return closed, nil
}

func isTimeout(err error) bool {
	timeout, ok := err.(net.Error) //nolint:errorlint // as package net returns it
	return ok && timeout.Timeout()
}
