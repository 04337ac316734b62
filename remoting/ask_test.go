package remoting

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// TestAsk asks a client over the connection that it opened: every end is told once.
func TestAsk(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	c := newTestClient(t, nil)
	MountClient(c, &struct{}{}, []Route[*struct{}]{
		HandleRaw(code.GetConsumerRunningInfo, Inline, func(_ *struct{}, r *Request) (*protocol.Command, error) {
			if string(r.Body) == "silence" {
				r.Hold()
				return nil, nil
			}
			cmd := protocol.NewResponse(code.Success, "")
			cmd.Body = append([]byte("re: "), r.Body...)
			return cmd, nil
		}),
	})
	if _, err := c.Call(t.Context(), r.addr, protocol.NewRequest(code.HeartBeat, nil, nil)); err != nil {
		t.Fatal(err)
	}
	var conn *Conn
	r.srv.Conns(func(c *Conn) bool { conn = c; return false })
	ends := make(chan answered, 3)
	ask := func(body string, within time.Duration) {
		conn.Ask(protocol.NewRequest(code.GetConsumerRunningInfo, nil, []byte(body)), within, func(reply *protocol.Command, err error) { ends <- answered{reply, err} })
	}
	ask("hello", time.Minute)
	if a := <-ends; a.err != nil || string(a.reply.Body) != "re: hello" {
		t.Errorf("%+v, %v", a.reply, a.err)
	}
	ask("silence", 20*time.Millisecond)
	if a := <-ends; !errors.Is(a.err, context.DeadlineExceeded) {
		t.Errorf("no answer: %v", a.err)
	}
	ask("silence", time.Minute)
	conn.Close()
	if a := <-ends; !errors.Is(a.err, ErrClosed) {
		t.Errorf("the connection ended: %v", a.err)
	}
	await(t, "the connection has ended", conn.Closed)
	ask("too late", time.Minute)
	if a := <-ends; !errors.Is(a.err, ErrClosed) {
		t.Errorf("asked after the end: %v", a.err)
	}
	conn.mu.Lock()
	left := len(conn.calls)
	conn.mu.Unlock()
	if left != 0 || len(ends) != 0 {
		t.Errorf("%d calls left, %d told twice", left, len(ends))
	}

	// A panic in the function costs its work only.
	done := make(chan struct{})
	conn.Ask(protocol.NewRequest(code.GetConsumerRunningInfo, nil, nil), time.Minute, func(*protocol.Command, error) { close(done); panic("in a test") })
	<-done
	if n := r.srv.Stats().Panics; n != 1 {
		t.Errorf("%d panics counted", n)
	}
}
