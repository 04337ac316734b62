package remoting

import (
	"encoding/binary"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

func askFor(n uint32, opaque int32) []byte {
	return request(code.GetAllTopicConfig, opaque, string(binary.BigEndian.AppendUint32(nil, n)))
}

// flood asks for n answers of size bytes and does not read them; the server may close on the way.
func (w *wire) flood(n int, size uint32) {
	for i := range n {
		if _, err := w.Write(askFor(size, int32(i))); err != nil {
			return
		}
	}
}

func TestSlowReaderIsClosed(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config) { c.MaxPendingBytesPerConnection = 2 << 20 })
	w := r.dial(t)
	w.flood(256, 256<<10) // 64 MiB: no socket buffer takes it
	await(t, "the slow reader is closed", func() bool { s := r.srv.Stats(); return s.SlowClosed == 1 && s.Connections == 0 })
	if n := r.srv.Stats().PendingBytes; n != 0 {
		t.Errorf("%d bytes still in the books", n)
	}
	r.alive(t)
}

// oweHeld answers held requests of one that reads nothing. All are asked before the first is answered: the server reads nothing more from
// one that owes it much.
func (r *rig) oweHeld(w *wire) {
	const asked = 100
	var held []Held
	for i := range int32(asked) {
		w.send(request(code.PullMessage, i, ""))
		held = append(held, <-r.held)
	}
	cmd := protocol.NewResponse(code.Success, "")
	cmd.Body = make([]byte, 512<<10)
	for _, h := range held { // 50 MiB: no socket buffer takes it
		if err := h.Reply(cmd); err != nil {
			break
		}
	}
}

func TestSlowReaderOfHeldAnswersIsClosed(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config) { c.MaxPendingBytesPerConnection = 1 << 20 })
	w := r.dial(t)
	r.oweHeld(w)
	await(t, "the slow reader is closed", func() bool { s := r.srv.Stats(); return s.SlowClosed >= 1 && s.Connections == 0 })
	r.alive(t)
}

func TestTheOneThatOwesMostIsClosed(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config) { c.MaxPendingBytes, c.PausePendingBytesPerConnection = 32<<20, 64<<20 })
	small, big := r.dial(t), r.dial(t)
	small.flood(32, 256<<10) // 8 MiB, some of which the sockets take
	await(t, "the small one is served", func() bool { return r.srv.Stats().Requests == 32 })
	big.flood(512, 256<<10)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%+v", r.srv.Stats())
		}
	})
	await(t, "one is closed", func() bool { s := r.srv.Stats(); return s.SlowClosed == 1 && s.Connections == 1 })
	for i := range 32 {
		small.expect(int32(i), code.Success, "")
	}
	await(t, "the books are even", func() bool {
		for _, l := range r.srv.allLoops() {
			l.refreshSoon() // as the ticker does each second
		}
		return r.srv.Stats().PendingBytes == 0
	})
}

// A large answer to a client that reads arrives whole, in order with what follows.
func TestLargeAnswerToAReader(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	w := r.dial(t)
	for i := range 6 {
		w.send(askFor(4<<20, int32(i)))
	}
	for i := range 6 {
		if got := w.expect(int32(i), code.Success, ""); len(got.Body) != 4<<20 {
			t.Fatalf("answer %d has %d bytes", i, len(got.Body))
		}
	}
}

// Who fills the bound of unfinished frames has to wait there: who comes later and goes on is not closed for it.
func TestPartialFramesAreBounded(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(time.UnixMilli(1_700_000_000_000))
	r := serve(t, func(c *Config) { c.MaxPartialBytes, c.Clock = 1<<20, now })
	start := append(frameOf(900_000, 0, 10, nil), make([]byte, 600_000)...)
	stuck := r.dial(t)
	_, _ = stuck.Write(start)
	await(t, "the first part is there", func() bool { return r.srv.Stats().PartialBytes == int64(len(start)) })
	now.Advance(time.Second)
	good := r.dial(t)
	whole := request(code.HeartBeat, 7, strings.Repeat("x", 600_000))
	_, _ = good.Write(whole[:500_000])
	await(t, "the first is closed", func() bool {
		s := r.srv.Stats()
		return s.BadFrames == 1 && s.Connections == 1 && s.PartialBytes == 500_000
	})
	_, _ = good.Write(whole[500_000:])
	good.expect(7, code.Success, "")
	await(t, "nothing held", func() bool { return r.srv.Stats().PartialBytes == 0 })
	r.srv.mu.Lock()
	defer r.srv.mu.Unlock()
	if r.srv.leaving != 0 {
		t.Errorf("%d bytes still to leave", r.srv.leaving)
	}
}

// One that fills it all by itself goes.
func TestPartialFrameBeyondTheBound(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config) { c.MaxPartialBytes = 1 << 20 })
	w := r.dial(t)
	_, _ = w.Write(append(frameOf(9_000_000, 0, 10, nil), make([]byte, 2_000_000)...)) // may be reset on the way
	await(t, "it is closed", func() bool { s := r.srv.Stats(); return s.BadFrames == 1 && s.Connections == 0 && s.PartialBytes == 0 })
	r.alive(t)
}

// What TLS connections owe counts, and they are closed for it: not the plain ones that lag a little.
func TestTLSThatOwesMostIsClosed(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config) { c.MaxPendingBytes, c.PausePendingBytesPerConnection = 32<<20, 1<<30 })
	small := r.dial(t)
	small.flood(32, 256<<10) // 8 MiB, some of which the sockets take
	await(t, "the small one is served", func() bool { return r.srv.Stats().Requests == 32 })
	big, err := r.dialTLS(t, anyCert)
	if err != nil {
		t.Fatal(err)
	}
	r.oweHeld(big)
	await(t, "one is closed", func() bool { s := r.srv.Stats(); return s.SlowClosed == 1 && s.Connections == 1 })
	for i := range 32 {
		small.expect(int32(i), code.Success, "")
	}
	await(t, "the books are even", func() bool {
		for _, l := range r.srv.allLoops() {
			l.refreshSoon() // as the ticker does each second
		}
		return r.srv.Stats().PendingBytes == 0
	})
}

func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config) { c.MaxConnections = 2 })
	a, b := r.dial(t), r.dial(t)
	for i, w := range []*wire{a, b} {
		w.send(request(code.HeartBeat, int32(i), ""))
		w.expect(int32(i), code.Success, "")
	}
	r.dial(t).expectClosed()
	_ = a.Close()
	await(t, "room for another", func() bool { return r.srv.Stats().Connections == 1 })
	r.alive(t)
	if n := r.srv.Stats().OverConnections; n != 1 {
		t.Errorf("%d refused", n)
	}
}

func TestCannotListenTwice(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	srv := NewServer(DefaultConfig(), zerologNop())
	if _, err := srv.Listen(ln.Addr().String()); err == nil {
		t.Error("no error for an address in use")
	}
	if _, err := srv.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	srv.Close()
	if err := srv.Run(t.Context()); !errors.Is(err, ErrStopped) {
		t.Errorf("Run after Close: %v", err)
	}
}

// A client that asks for far more than the budget at once, and reads slowly, gets everything in order.
func TestRequestsWaitForTheReader(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config) { c.PausePendingBytesPerConnection, c.MaxPendingBytesPerConnection = 1<<20, 16<<20 })
	w := r.dial(t)
	const n = 400 // of 128 KiB: 50 MiB
	w.send(ask(code.GetAllTopicConfig, n, 128<<10))
	await(t, "requests wait", func() bool { return r.srv.pausedConns.Load() == 1 })
	r.alive(t) // others are served meanwhile
	w.send(request(code.ViewMessageByID, n, "last"))
	for i := range n {
		if got := w.expect(int32(i), code.Success, ""); len(got.Body) != 128<<10 {
			t.Fatalf("answer %d has %d bytes", i, len(got.Body))
		}
	}
	w.expect(n, code.Success, "")
	await(t, "the books are even", func() bool {
		s := r.srv.Stats()
		return s.PartialBytes == 0 && r.srv.pausedConns.Load() == 0
	})
	if s := r.srv.Stats(); s.SlowClosed != 0 {
		t.Errorf("%d closed", s.SlowClosed)
	}
}

// The same when the answers come from a lane, as those of cold reads do.
func TestLanesWaitForTheReader(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config) { c.PausePendingBytesPerConnection, c.MaxPendingBytesPerConnection = 1<<20, 16<<20 })
	w, other := r.dial(t), r.dial(t)
	const n = 400
	w.send(ask(code.GetAllConsumerOffset, n, 128<<10))
	await(t, "jobs are put back", func() bool { return r.srv.lanes.all[Pull].passed.Load() > 0 })
	other.send(ask(code.GetAllConsumerOffset, 10, 10))
	for range 10 {
		other.reply()
	}
	seen := make(map[int32]bool)
	for range n {
		seen[w.reply().Opaque] = true
	}
	if s := r.srv.Stats(); len(seen) != n || s.SlowClosed != 0 {
		t.Errorf("%d of %d answers, %d closed", len(seen), n, s.SlowClosed)
	}
}

func TestPausedPeerThatNeverReads(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(time.UnixMilli(1_700_000_000_000))
	r := serve(t, func(c *Config) { c.PausePendingBytesPerConnection, c.Clock = 1<<20, now })
	w := r.dial(t)
	w.flood(200, 256<<10)
	await(t, "requests wait", func() bool { return r.srv.pausedConns.Load() == 1 })
	await(t, "nobody reads for a minute", func() bool {
		now.Advance(2 * time.Second)
		s := r.srv.Stats()
		return s.SlowClosed == 1 && s.Connections == 0 && s.PartialBytes == 0 && r.srv.pausedConns.Load() == 0
	})
}

func TestPausedPeerThatAsksOn(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config) { c.PausePendingBytesPerConnection = 1 << 20 })
	w := r.dial(t)
	w.flood(200, 256<<10)
	big := request(code.HeartBeat, 1, string(make([]byte, 1<<20)))
	for range 64 {
		if _, err := w.Write(big); err != nil {
			break
		}
	}
	await(t, "its requests are too many", func() bool { s := r.srv.Stats(); return s.SlowClosed == 1 && s.Connections == 0 })
}

// A handler may hold a lock of its role while it replies, and the close that its reply brings about calls a hook that takes it.
func TestCloseWithinATurnDoesNotDeadlock(t *testing.T) {
	t.Parallel()
	cfg := oneLoop()
	cfg.MaxPendingBytesPerConnection = 2 << 20
	r := &rig{lab: newLab(), srv: NewServer(cfg, zerologNop())}
	Mount(r.srv, r.lab, r.routes())
	var registry sync.Mutex
	closed := make(chan struct{})
	r.srv.OnClose(func(*Conn) {
		registry.Lock()
		defer registry.Unlock()
		close(closed)
	})
	Mount(r.srv, r.lab, []Route[*lab]{HandleRaw(code.GetBrokerConfig, Inline, func(_ *lab, req *Request) (*protocol.Command, error) {
		registry.Lock()
		defer registry.Unlock()
		cmd := protocol.NewResponse(code.Success, "")
		cmd.Body = make([]byte, 1<<20)
		for range 64 {
			req.AppendReply(cmd)
		}
		return nil, nil
	})})
	r.run(t)
	r.dial(t).send(request(code.GetBrokerConfig, 1, ""))
	<-closed
}
