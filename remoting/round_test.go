package remoting

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// group is a loop without sockets and several connections on it.
type group struct {
	*loop
	lab    *lab
	conns  []*Conn
	wires  []*memory
	posted int
}

func newGroup(t *testing.T, n int) *group {
	t.Helper()
	s := NewServer(oneLoop(), zerolog.Nop())
	g := &group{lab: newLab(), loop: &loop{s: s}}
	mount(&s.dispatcher, g.lab, g.lab.routes())
	g.turn.init(&s.dispatcher, func(c *Conn, err error) { t.Errorf("connection %d ended: %v", c.ID, err) })
	g.round.l, g.round.post = g.loop, func() bool { g.posted++; return true }
	for i := range n {
		w := new(memory)
		g.wires = append(g.wires, w)
		g.conns = append(g.conns, &Conn{ID: uint64(i), d: &s.dispatcher, t: w, sniffed: true})
	}
	return g
}

// bring is OnTraffic.
func (g *group) bring(t *testing.T, i int, frames ...[]byte) {
	t.Helper()
	g.inTurn.Store(true)
	g.guarded(g.conns[i], slices.Concat(frames...))
	g.endTurn()
}

// answers are the opaques and bodies that a connection got.
func (g *group) answers(t *testing.T, i int) (list []string) {
	t.Helper()
	var cut protocol.Cutter
	err := cut.Feed(g.wires[i].got, func(frame []byte) error {
		var cmd protocol.Command
		if err := protocol.DecodeFrame(frame, &cmd); err != nil {
			return err
		}
		list = append(list, fmt.Sprintf("%d %d %s", cmd.Opaque, cmd.Code, cmd.Body))
		return nil
	})
	if err != nil || cut.Pending() > 0 {
		t.Fatalf("connection %d got half a frame: %v", i, err)
	}
	return list
}

func (g *group) expect(t *testing.T, want ...[]string) {
	t.Helper()
	for i, w := range want {
		if got := g.answers(t, i); !slices.Equal(got, w) {
			t.Errorf("connection %d got %q, want %q", i, got, w)
		}
	}
}

// warm makes the loop put reads off: one connection alone does not.
func (g *group) warm() { g.round.last = &Conn{} }

func send(opaque int32, body string) []byte { return request(code.SendMessageV2, opaque, body) }

func TestReadsOfSeveralConnectionsAreOneTurn(t *testing.T) {
	t.Parallel()
	g := newGroup(t, 3)
	g.warm()
	g.bring(t, 0, send(1, "a"))
	g.bring(t, 1, send(2, "b"), send(3, "c"))
	g.bring(t, 2, request(code.HeartBeat, 4, "d"), send(5, "e"))
	if g.lab.batches.Load() != 0 || g.posted != 1 {
		t.Fatalf("%d batches before the round ended, %d tasks", g.lab.batches.Load(), g.posted)
	}
	_ = g.round.Run(t.Context())
	g.expect(t, []string{"1 0 a"}, []string{"2 0 b", "3 0 c"}, []string{"4 0 d", "5 0 e"})
	if b, w := g.lab.batches.Load(), g.lab.widest.Load(); b != 2 || w != 2 {
		t.Errorf("%d batches, the widest of %d connections; want the first three sends in one", b, w)
	}
	for i, w := range g.wires {
		if w.writes != 1 {
			t.Errorf("connection %d: %d writes", i, w.writes)
		}
		if g.conns[i].putOff {
			t.Errorf("connection %d still counts as put off", i)
		}
	}
}

// A second read of a connection, a long one, and the rest of a frame are handled at
// once, and behind what was put off.
func TestPutOffComesFirst(t *testing.T) {
	t.Parallel()
	for name, second := range map[string][]byte{
		"the same connection": send(2, "b"),
		"a long read":         slices.Concat(send(2, "b"), request(code.SendMessageV2, 9, string(make([]byte, shortRead)))),
	} {
		g := newGroup(t, 2)
		g.warm()
		g.bring(t, 0, send(1, "a"))
		from := 0
		if name == "a long read" {
			from = 1
		}
		g.bring(t, from, second)
		if got := g.answers(t, 0); len(got) == 0 || got[0] != "1 0 a" {
			t.Errorf("%s: connection 0 got %q", name, got)
		}
		if got := g.answers(t, from); !slices.Contains(got, "2 0 b") {
			t.Errorf("%s: got %q", name, got)
		}
		if g.round.reads != 0 || len(g.turn.parts) != 0 {
			t.Errorf("%s: %d reads left, %d parts", name, g.round.reads, len(g.turn.parts))
		}
		_ = g.round.Run(t.Context()) // the task finds nothing
	}
}

// Frames lie in memory of the round, not in the loop's read buffer, which the next read fills.
func TestPutOffKeepsItsBytes(t *testing.T) {
	t.Parallel()
	g := newGroup(t, 2)
	g.warm()
	buffer := make([]byte, 0, 1024)
	for i := range 2 {
		buffer = append(buffer[:0], send(int32(i), fmt.Sprint("body ", i))...)
		g.bring(t, i, buffer)
	}
	clear(buffer[:cap(buffer)])
	_ = g.round.Run(t.Context())
	g.expect(t, []string{"0 0 body 0"}, []string{"1 0 body 1"})
}

func TestHalfAFrameAtTheEndOfARead(t *testing.T) {
	t.Parallel()
	g := newGroup(t, 2)
	g.warm()
	whole := send(2, "b")
	g.bring(t, 0, send(1, "a"), whole[:10])
	g.bring(t, 1, send(3, "c"))
	_ = g.round.Run(t.Context())
	g.bring(t, 0, whole[10:])
	g.expect(t, []string{"1 0 a", "2 0 b"}, []string{"3 0 c"})
}

// A batch that panics is answered, to each connection what it asked.
func TestPanicInABatchOfSeveralConnections(t *testing.T) {
	t.Parallel()
	g := newGroup(t, 4)
	g.warm()
	g.bring(t, 0, send(1, "a"))
	g.bring(t, 1, send(2, "b"), send(3, "panic"))
	g.bring(t, 2, send(4, "d"))
	g.bring(t, 3, request(code.HeartBeat, 5, "e"))
	_ = g.round.Run(t.Context())
	failed := func(opaque int) string { return fmt.Sprintf("%d %d ", opaque, code.SystemError) }
	g.expect(t, []string{"1 0 a"}, []string{"2 0 b", failed(3)}, []string{failed(4)}, []string{"5 0 e"})
	g.warm()
	g.bring(t, 0, send(6, "f"))
	_ = g.round.Run(t.Context())
	if got := g.answers(t, 0); !slices.Contains(got, "6 0 f") {
		t.Errorf("after the panic: %q", got)
	}
}

// A stream that cannot be followed ends its own connection; the others are served.
func TestBadFrameAmongOthers(t *testing.T) {
	t.Parallel()
	g := newGroup(t, 3)
	g.warm()
	g.bring(t, 0, send(1, "a"))
	g.bring(t, 1, send(2, "b"), []byte{0xff, 0xff, 0xff, 0xff})
	g.expect(t, []string{"1 0 a"}, []string{"2 0 b"})
	if g.round.reads != 0 {
		t.Errorf("%d reads left", g.round.reads)
	}
	g.warm()
	g.bring(t, 2, send(3, "c"))
	_ = g.round.Run(t.Context())
	g.expect(t, []string{"1 0 a"}, []string{"2 0 b"}, []string{"3 0 c"})
}

// Who has gone, or takes no answers, is passed over; the rest of the batch is not.
func TestGoneAndPausedAmongOthers(t *testing.T) {
	t.Parallel()
	g := newGroup(t, 4)
	g.warm()
	for i := range g.conns {
		g.bring(t, i, send(int32(i), fmt.Sprint(i)))
	}
	g.conns[1].isClosed.Store(true)
	g.conns[2].owed.Store(g.s.cfg.PausePendingBytesPerConnection + 1)
	_ = g.round.Run(t.Context())
	g.expect(t, []string{"0 0 0"}, nil, nil, []string{"3 0 3"})
	if frame := send(2, "2"); string(g.conns[2].backlog) != string(frame) {
		t.Errorf("the request of who must wait: %q", g.conns[2].backlog)
	}
}

func TestMoreRequestsThanABatch(t *testing.T) {
	t.Parallel()
	g := newGroup(t, 40)
	g.warm()
	for i := range g.conns {
		var frames [][]byte
		for k := range 30 {
			frames = append(frames, send(int32(k), fmt.Sprint(i)))
		}
		g.bring(t, i, frames...)
	}
	_ = g.round.Run(t.Context())
	for i := range g.conns {
		if got := g.answers(t, i); len(got) != 30 || got[29] != fmt.Sprintf("29 0 %d", i) {
			t.Fatalf("connection %d got %d answers: %q", i, len(got), got)
		}
	}
}

// What does not pay is left alone for longer and longer; what pays goes on.
func TestRoundsThatDoNotPay(t *testing.T) {
	t.Parallel()
	g := newGroup(t, 4)
	for range 1000 { // two that take turns, and never meet
		for i := range 2 {
			g.bring(t, i, send(1, "a"))
			if g.round.posted {
				_ = g.round.Run(t.Context())
			}
		}
	}
	if g.posted > 12 {
		t.Errorf("2000 reads were put off %d times", g.posted)
	}
	g = newGroup(t, 4)
	g.warm()
	for range 100 {
		for i := range g.conns {
			g.bring(t, i, send(1, "a"))
		}
		if g.round.posted {
			_ = g.round.Run(t.Context())
		}
	}
	if g.posted != 100 {
		t.Errorf("%d of 100 rounds of four connections", g.posted)
	}
	g = newGroup(t, 1)
	for range 100 {
		g.bring(t, 0, send(1, "a"))
	}
	if g.posted != 0 {
		t.Error("a connection alone was put off")
	}
}

// A panic below the handlers while others are put off costs only the connection whose bytes it was.
func TestPanicWhileDecodingAmongOthers(t *testing.T) {
	t.Parallel()
	g := newGroup(t, 3)
	g.warm()
	g.bring(t, 0, send(1, "a"))
	onFrame := g.turn.onFrame
	g.turn.onFrame = func([]byte) error { panic("told to") }
	g.bring(t, 1, send(2, "b"))
	g.turn.onFrame = onFrame
	g.bring(t, 2, send(3, "c"))
	_ = g.round.Run(t.Context())
	g.expect(t, []string{"1 0 a"}, nil, []string{"3 0 c"})
}

// Over sockets: many that send one request and wait.
func TestManySynchronousClients(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	const clients, each = 32, 300
	errs := make(chan error, clients)
	for i := range clients {
		w := r.dial(t)
		go func() { errs <- exchanges(w, i, each) }()
	}
	for range clients {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	if n := r.batched.Load(); n != clients*each {
		t.Errorf("%d requests handled", n)
	}
	if r.widest.Load() < roundWorth {
		t.Errorf("%d clients, and no batch of more than %d connections", clients, r.widest.Load())
	}
}

func exchanges(w *wire, client, n int) error {
	for k := range n {
		want := fmt.Sprint(client, " ", k)
		if _, err := w.Write(send(int32(k), want)); err != nil {
			return err
		}
		cmd, err := w.next()
		if err != nil {
			return err
		}
		if int(cmd.Opaque) != k || string(cmd.Body) != want {
			return fmt.Errorf("client %d, request %d: got %d %q", client, k, cmd.Opaque, cmd.Body)
		}
	}
	return nil
}

// Clients that leave as soon as they have sent: what they sent is handled, and who
// only closed his half gets his answer.
func TestSentAndLeft(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	const clients = 64
	errs := make(chan error, clients)
	for i := range clients {
		w := r.dial(t)
		go func() {
			if i%2 == 0 {
				_, err := w.Write(oneWay(code.SendMessageV2, 1, "x"))
				errs <- errors.Join(err, w.Close())
				return
			}
			_, err := w.Write(send(1, "x"))
			err = errors.Join(err, w.Conn.(*net.TCPConn).CloseWrite())
			if err == nil {
				_, err = w.next()
			}
			errs <- err
		}()
	}
	for range clients {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	await(t, "all requests handled", func() bool { return r.batched.Load() == clients && r.oneWays.Load() == clients/2 })
}

// Requests of a connection that has too many under way are refused, also behind
// those of another one in the same batch.
func TestRefusalAmongOthers(t *testing.T) {
	t.Parallel()
	g := newGroup(t, 3)
	g.warm()
	g.conns[1].inFlight.Store(int64(g.s.cfg.MaxInFlightPerConnection))
	for i := range g.conns {
		g.bring(t, i, send(int32(i), "x"))
	}
	_ = g.round.Run(t.Context())
	g.expect(t, []string{"0 0 x"}, []string{fmt.Sprintf("1 %d ", code.SystemBusy)}, []string{"2 0 x"})
}

// An old client does not know GO_AWAY: it is told that the server is busy, also while that goes away.
func TestOldClientIsNotSentAway(t *testing.T) {
	t.Parallel()
	g := newGroup(t, 1)
	g.s.goAway.Store(true)
	g.conns[0].inFlight.Store(int64(g.s.cfg.MaxInFlightPerConnection))
	for version, want := range map[int32]code.Response{goAwayAbove: code.SystemBusy, goAwayAbove + 1: code.GoAway} {
		r := &Request{Conn: g.conns[0], row: g.s.table.find(int32(code.SendMessageV2))}
		r.Version = version
		if got := g.s.refusal(r); got == nil || got.Response() != want {
			t.Errorf("version %d: %+v, want %s", version, got, want)
		}
	}
}
