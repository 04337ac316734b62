package remoting

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

func replyTo(h Held) []byte {
	cmd := protocol.NewResponse(code.Success, "")
	dress(cmd, h.Opaque, h.Serialize)
	return protocol.AppendFrame(nil, cmd)
}

func TestHeldRepliesFromManyGoroutines(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	w := r.dial(t)
	const n = 500
	var all []byte
	for i := range n {
		all = append(all, request(code.PullMessage, int32(i), "")...)
	}
	w.send(all)
	var wg sync.WaitGroup
	for range n {
		h := <-r.held
		wg.Go(func() {
			if err := h.Reply(protocol.NewResponse(code.PullNotFound, "")); err != nil {
				t.Errorf("reply: %v", err)
			}
		})
	}
	seen := make(map[int32]bool)
	for range n {
		seen[w.reply().Opaque] = true
	}
	if len(seen) != n {
		t.Errorf("%d different answers of %d", len(seen), n)
	}
	wg.Wait()
	r.srv.Conns(func(c *Conn) bool {
		if c.InFlight() != 0 {
			t.Errorf("%d in flight", c.InFlight())
		}
		return true
	})
}

// Answers that are queued before the loop looks leave in one write: the loop is kept busy meanwhile.
func TestHeldRepliesCoalesce(t *testing.T) {
	t.Parallel()
	r := &rig{lab: newLab()}
	r.srv = NewServer(oneLoop(), zerologNop())
	Mount(r.srv, r.lab, r.routes())
	entered, leave := make(chan struct{}), make(chan struct{})
	Mount(r.srv, r.lab, []Route[*lab]{HandleRaw(code.GetBrokerConfig, Inline, func(_ *lab, _ *Request) (*protocol.Command, error) {
		close(entered)
		<-leave
		return nil, nil
	})})
	r.run(t)
	w, other := r.dial(t), r.dial(t)
	for i := range 50 {
		w.send(request(code.PullMessage, int32(i), ""))
	}
	held := make([]Held, 50)
	for i := range held {
		held[i] = <-r.held
	}
	other.send(oneWay(code.GetBrokerConfig, 0, ""))
	<-entered
	for _, h := range held {
		if err := h.Reply(protocol.NewResponse(code.PullNotFound, "")); err != nil {
			t.Fatal(err)
		}
	}
	c := held[0].Conn
	c.mu.Lock()
	queued := len(c.pending)
	c.mu.Unlock()
	close(leave)
	want := 50 * len(replyTo(held[0]))
	if queued < want {
		t.Errorf("%d bytes wait in one queue, want at least %d", queued, want)
	}
	for i := range 50 {
		w.expect(int32(i), code.PullNotFound, "")
	}
}

func TestLanesHoldAndInlineHandlersMove(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	w := r.dial(t)
	w.send(request(code.GetMinOffset, 1, "")) // held by a lane's handler
	h := <-r.held
	if n := h.Conn.InFlight(); n != 1 {
		t.Errorf("%d in flight", n)
	}
	w.send(request(code.GetMaxOffset, 2, "cold")) // moved to a lane by an inline handler
	if got := w.expect(2, code.Success, ""); string(got.Body) != "cold" {
		t.Errorf("body %q", got.Body)
	}
	if err := h.Reply(protocol.NewResponse(code.PullNotFound, "")); err != nil {
		t.Fatal(err)
	}
	w.expect(1, code.PullNotFound, "")
	await(t, "nothing in flight", func() bool { return h.Conn.InFlight() == 0 && r.srv.Stats().LaneBytes == 0 })
}

func TestReplyAfterClose(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	w := r.dial(t)
	w.send(request(code.PullMessage, 1, ""))
	h := <-r.held
	_ = w.Close()
	await(t, "the server notices", h.Conn.Closed)
	if err := h.Reply(protocol.NewResponse(code.PullNotFound, "")); !errors.Is(err, ErrClosed) {
		t.Errorf("reply: %v", err)
	}
	h.Conn.Close() // harmless
	r.stop()
	if err := h.ReplyFrame(replyTo(h)); !errors.Is(err, ErrClosed) { // after the loops have gone
		t.Errorf("reply: %v", err)
	}
	h.Conn.Close()
}

func TestCallAndSendToTheClient(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	w := r.dial(t)
	w.send(request(code.GetConsumerRunningInfo, 1, "")) // on a lane: asks us before it answers
	ask, err := w.next()
	if err != nil || ask.IsResponse() || ask.Request() != code.GetConsumerRunningInfo || string(ask.Body) != "ping" {
		t.Fatalf("%+v, %v", ask, err)
	}
	stray := protocol.NewResponse(code.Success, "")
	stray.Opaque = ask.Opaque + 100
	answer := protocol.NewResponse(code.Success, "")
	answer.Opaque, answer.Body = ask.Opaque, []byte("pong")
	w.send(protocol.AppendFrame(protocol.AppendFrame(nil, stray), answer))
	if got := w.expect(1, code.Success, ""); string(got.Body) != "pong" {
		t.Errorf("body %q", got.Body)
	}
	if n := r.srv.Stats().StrayAnswers; n != 1 {
		t.Errorf("%d stray answers", n)
	}
	r.srv.Conns(func(c *Conn) bool {
		if err := c.Send(protocol.NewRequest(code.NotifyConsumerIDsChanged, nil, nil)); err != nil {
			t.Errorf("send: %v", err)
		}
		return true
	})
	note, err := w.next()
	if err != nil || !note.IsOneWay() || note.Request() != code.NotifyConsumerIDsChanged {
		t.Fatalf("%+v, %v", note, err)
	}
}

func TestCallEndsWithTheConnection(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	w := r.dial(t)
	w.send(request(code.PullMessage, 1, ""))
	c := (<-r.held).Conn
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.Call(ctx, protocol.NewRequest(code.GetConsumerRunningInfo, nil, nil)); !errors.Is(err, context.Canceled) {
		t.Errorf("call: %v", err)
	}
	done := make(chan error)
	go func() {
		_, err := c.Call(context.Background(), protocol.NewRequest(code.GetConsumerRunningInfo, nil, nil))
		done <- err
	}()
	for range 2 {
		if _, err := w.next(); err != nil {
			t.Fatal(err)
		}
	}
	_ = w.Close()
	if err := <-done; !errors.Is(err, ErrClosed) {
		t.Errorf("call: %v", err)
	}
}

func TestHooksAndValue(t *testing.T) {
	t.Parallel()
	r := &rig{lab: newLab()}
	r.srv = NewServer(oneLoop(), zerologNop())
	Mount(r.srv, r.lab, r.routes())
	opened, closed := make(chan *Conn, 1), make(chan any, 1)
	r.srv.OnOpen(func(c *Conn) { c.SetValue(c.RemoteAddr().String()); opened <- c; panic("hooks may, too") })
	r.srv.OnClose(func(c *Conn) { closed <- c.Value() })
	r.run(t)
	w := r.dial(t)
	c := <-opened
	if c.RemoteAddr().String() != w.LocalAddr().String() || c.LocalAddr().String() != r.addr || c.ID == 0 {
		t.Errorf("%s → %s, id %d", c.RemoteAddr(), c.LocalAddr(), c.ID)
	}
	c.Close()
	if v := <-closed; v != w.LocalAddr().String() {
		t.Errorf("value %v", v)
	}
	w.expectClosed()
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(time.UnixMilli(1_700_000_000_000))
	r := serve(t, func(c *Config) { c.Clock = now })
	quiet, lively := r.dial(t), r.dial(t)
	for _, w := range []*wire{quiet, lively} {
		w.send(request(code.HeartBeat, 1, ""))
		w.expect(1, code.Success, "")
	}
	now.AwaitTimers(1)
	now.Step(time.Hour) // a clock that is set is no silence
	now.Advance(119 * time.Second)
	lively.send(request(code.HeartBeat, 2, ""))
	lively.expect(2, code.Success, "")
	for range 30 { // a tick that nobody takes is dropped, so one long step would be one tick
		now.Advance(time.Second)
	}
	polls := 0
	await(t, "idle close", func() bool {
		// Not so fast that the lively one has been idle for long, too, before the ticker's goroutine has looked.
		if polls++; polls%20 == 0 && r.srv.Stats().IdleClosed == 0 {
			now.Advance(time.Second)
		}
		return r.srv.Stats().IdleClosed == 1
	})
	quiet.expectClosed()
	lively.send(request(code.HeartBeat, 3, ""))
	lively.expect(3, code.Success, "")
}

func TestDrainLetsAnswersLeave(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	w := r.dial(t)
	w.send(request(code.QueryMessage, 1, "x"))
	<-r.entered
	w.send(request(code.PullMessage, 2, ""))
	h := <-r.held
	stopped := make(chan struct{})
	go func() { r.stop(); close(stopped) }()
	await(t, "listener closed", func() bool { return !canDial(r.addr) })
	close(r.release)
	w.expect(1, code.Success, "")
	if err := h.Reply(protocol.NewResponse(code.PullNotFound, "")); err != nil {
		t.Error(err)
	}
	w.expect(2, code.PullNotFound, "")
	<-stopped
	if _, err := w.next(); !errors.Is(err, io.EOF) {
		t.Errorf("after the drain: %v", err)
	}
}

func TestGoAway(t *testing.T) {
	t.Parallel()
	cfg := oneLoop()
	cfg.EnableShutdownGracefully = true
	r := &rig{lab: newLab(), srv: NewServer(cfg, zerologNop())}
	Mount(r.srv, r.lab, r.routes())
	draining := make(chan struct{})
	r.srv.OnDrain(func() { close(draining) })
	r.run(t)
	w := r.dial(t)
	w.send(request(code.HeartBeat, 1, ""))
	w.expect(1, code.Success, "")
	stopped := make(chan struct{})
	go func() { r.stop(); close(stopped) }()
	<-draining
	w.send(request(code.HeartBeat, 2, ""))
	w.expect(2, code.GoAway, "please go away")
	old := protocol.NewRequest(code.HeartBeat, nil, nil)
	old.Opaque, old.Version = 3, 475
	w.send(protocol.AppendFrame(nil, old))
	w.expect(3, code.Success, "")
	_ = w.Close() // the last one that knows GO_AWAY: the wait ends
	<-stopped
}

// A held request that is answered on a lane is counted until it is, whatever becomes of it there.
func TestHeldToLane(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		answer func() (*protocol.Command, error)
		want   code.Response
	}{
		"answered": {func() (*protocol.Command, error) { return protocol.NewResponse(code.PullNotFound, ""), nil }, code.PullNotFound},
		"failed":   {func() (*protocol.Command, error) { return nil, errors.New("told to") }, code.SystemError},
		"panicked": {func() (*protocol.Command, error) { panic("told to") }, code.SystemError},
		"busy":     {nil, code.SystemBusy},
	} {
		r := serve(t, nil)
		w := r.dial(t)
		w.send(request(code.PullMessage, 7, ""))
		h := <-r.held
		if row.answer == nil {
			h.Conn.d.lanes.all[Admin].close()
		}
		h.ToLane(Admin, row.answer)
		if got := w.reply(); got.Opaque != 7 || got.Response() != row.want {
			t.Errorf("%s: %+v, want %d", name, got, row.want)
		}
		await(t, "it is counted no more", func() bool { return h.Conn.InFlight() == 0 })
	}
}
