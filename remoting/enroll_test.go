package remoting

import (
	"testing"
	"time"

	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// TestBusyLoopTakesNewcomersIn: many come while a loop is busy, which is not waiting for the disk: all of them get onto it, in a few rounds.
func TestBusyLoopTakesNewcomersIn(t *testing.T) {
	t.Parallel()
	const clients = 3 * newcomers
	r := serve(t, nil)
	r.alive(t) // the loop is there
	await(t, "nobody is there", func() bool { return r.srv.Stats().Connections == 0 })
	before := r.srv.Stats().Accepted
	l := r.srv.allLoops()[0]
	began := make(chan struct{})
	_ = l.el.Execute(t.Context(), task(func() {
		close(began)
		time.Sleep(200 * time.Millisecond) // its work
	}))
	<-began
	var all []*wire
	for range clients {
		all = append(all, r.dial(t))
	}
	await(t, "all are accepted", func() bool { return r.srv.Stats().Accepted == before+clients })
	for i, w := range all {
		w.send(request(code.HeartBeat, int32(i), ""))
	}
	for i, w := range all {
		w.expect(int32(i), code.Success, "")
	}
	onLoop := 0
	r.srv.Conns(func(c *Conn) bool {
		if _, ok := c.transport().(*plain); ok {
			onLoop++
		}
		return true
	})
	if onLoop != clients {
		t.Errorf("%d of %d connections are on the loop", onLoop, clients)
	}
}

// TestRescuedNewcomer: a connection that has gone to a loop which then hangs is served without it, and once.
func TestRescuedNewcomer(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	hung := r.dial(t)
	hung.send(request(code.SendMessage, 1, "disk"))
	<-r.entered
	w := r.dial(t)
	w.send(request(code.HeartBeat, 2, ""))
	w.expect(2, code.Success, "")
	r.release <- struct{}{}
	hung.expect(1, code.Success, "")
	await(t, "the loop is back", func() bool { return r.srv.relieved.Load() == 0 })
	w.send(request(code.HeartBeat, 3, ""))
	w.expect(3, code.Success, "")
	if n := r.srv.Stats().Connections; n != 2 {
		t.Errorf("%d connections", n)
	}
	_, _ = w.Close(), hung.Close()
	await(t, "both have gone", func() bool { return r.srv.Stats().Connections == 0 })
}
