package remoting

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// hang makes the loop wait for the disk, and returns the connection whose send does.
func (r *rig) hang(t *testing.T) *wire {
	t.Helper()
	w := r.dial(t)
	w.send(request(code.SendMessage, 1, "disk"))
	r.hangs(t)
	return w
}

// hangs waits until a loop does, and somebody stands in for it.
func (r *rig) hangs(t *testing.T) {
	t.Helper()
	<-r.entered
	t.Cleanup(func() { // of a test that failed: the server could not stop
		select {
		case r.release <- struct{}{}:
		default:
		}
	})
	await(t, "somebody stands in", func() bool { return r.srv.relieved.Load() == 1 })
}

func TestStandInServesTheOthers(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	idle, held, onLane, bad, leaves, asks := r.dial(t), r.dial(t), r.dial(t), r.dial(t), r.dial(t), r.dial(t)
	for i, w := range []*wire{idle, held, onLane, bad, leaves, asks} {
		w.send(request(code.HeartBeat, int32(i), "before"))
		w.expect(int32(i), code.Success, "")
	}
	held.send(request(code.PullMessage, 10, ""))
	pull := <-r.held
	onLane.send(request(code.QueryMessage, 11, "lane")) // blocks a worker
	<-r.entered

	hung := r.hang(t)
	hung.send(request(code.HeartBeat, 2, "behind it"))
	idle.send(request(code.HeartBeat, 20, "inline"))
	idle.expect(20, code.Success, "")
	idle.send(append(request(code.SendMessage, 21, "other"), request(code.ViewMessageByID, 22, "lane")...))
	idle.expect(21, code.Success, "")
	idle.expect(22, code.Success, "")
	if err := pull.Reply(protocol.NewResponse(code.PullNotFound, "")); err != nil {
		t.Fatal(err)
	}
	held.expect(10, code.PullNotFound, "")
	asks.send(request(code.GetConsumerRunningInfo, 23, ""))
	question, err := asks.next()
	if err != nil {
		t.Fatal(err)
	}
	question.MarkResponse()
	asks.send(protocol.AppendFrame(nil, question))
	asks.expect(23, code.Success, "")
	bad.send([]byte{0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0})
	bad.expectClosed()
	_ = leaves.Close()
	r.alive(t) // as a stream
	split := request(code.HeartBeat, 24, strings.Repeat("x", 3000))
	idle.send(split[:1000]) // begun with the stand-in, ended with the loop

	for range 2 { // its send, and the worker's
		r.release <- struct{}{}
	}
	hung.expect(1, code.Success, "")
	hung.expect(2, code.Success, "")
	onLane.expect(11, code.Success, "")
	await(t, "the loop is back", func() bool { return r.srv.relieved.Load() == 0 })
	idle.send(split[1000:])
	idle.expect(24, code.Success, "")
	r.alive(t)
	await(t, "who left has gone", func() bool { return r.srv.Stats().Connections <= 6 })
	if got := r.srv.Stats(); got.Reliefs != 1 || got.Panics != 0 {
		t.Errorf("%d stand-ins, %d panics", got.Reliefs, got.Panics)
	}
}

// TestStandInServesAll: nobody but those in the turn that hangs has to wait: not who has sent nothing before, nor who reads
// slowly or has to pause; who leaves is let go.
func TestStandInServesAll(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config) { c.PausePendingBytesPerConnection = 1 << 20 })
	fresh, large, greedy, leaves := r.dial(t), r.dial(t), r.dial(t), r.dial(t)
	for _, w := range []*wire{large, greedy, leaves} {
		w.send(request(code.HeartBeat, 1, ""))
		w.expect(1, code.Success, "")
	}
	await(t, "all are there", func() bool { return r.srv.Stats().Connections == 4 })
	r.hang(t)
	fresh.send(request(code.HeartBeat, 2, ""))
	fresh.expect(2, code.Success, "")
	large.send(ask(code.GetAllTopicConfig, 1, 12<<20))
	if got := len(large.expect(0, code.Success, "").Body); got != 12<<20 {
		t.Errorf("%d bytes", got)
	}
	greedy.send(ask(code.GetAllTopicConfig, 40, 512<<10))
	await(t, "it pauses", func() bool { return r.srv.pausedConns.Load() == 1 })
	for i := range int32(40) {
		greedy.expect(i, code.Success, "")
	}
	greedy.send(request(code.HeartBeat, 3, ""))
	greedy.expect(3, code.Success, "")
	_ = leaves.Close()
	await(t, "who left has gone", func() bool { return r.srv.Stats().Connections == 4 }) // with the one that hangs
	r.release <- struct{}{}
}

// TestStandInMeetsTLS: a connection that turns out to speak TLS leaves the loop, with its socket.
func TestStandInMeetsTLS(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config) { c.TLSTestModeEnable = true })
	raw := r.dial(t)
	await(t, "it is there", func() bool { return r.srv.Stats().Connections == 1 })
	r.hang(t)
	w := newWire(t, tls.Client(raw.Conn, anyCert))
	for i := range int32(20) {
		w.send(request(code.HeartBeat, i, ""))
		w.expect(i, code.Success, "")
	}
	r.alive(t)
	r.release <- struct{}{}
	w.send(request(code.HeartBeat, 99, ""))
	w.expect(99, code.Success, "")
}

// TestStandInLeavesReadsInHand: the loop hangs in what it had put off, with the read of another connection in its hands.
func TestStandInLeavesReadsInHand(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	first, short, long := r.dial(t), r.dial(t), r.dial(t)
	for i, w := range []*wire{long, short, first} {
		w.send(request(code.HeartBeat, int32(i), ""))
		w.expect(int32(i), code.Success, "")
	}
	await(t, "reads to be put off", func() bool {
		short.send(request(code.HeartBeat, 7, ""))
		first.send(request(code.HeartBeat, 7, ""))
		short.expect(7, code.Success, "")
		first.expect(7, code.Success, "")
		rest := make(chan int)
		_ = r.srv.allLoops()[0].el.Execute(t.Context(), task(func() { rest <- r.srv.allLoops()[0].round.rest }))
		return <-rest == 0
	})
	first.send(request(code.SendMessage, 9, string([]byte{'d', 10}))) // time for the others to become readable
	short.send(request(code.SendMessage, 10, "disk"))
	large := request(code.SendMessage, 11, strings.Repeat("x", 2*shortRead))
	long.send(large[:len(large)-100])
	r.hangs(t)
	long.send(append(large[len(large)-100:], request(code.SendMessage, 12, "behind it")...))
	r.alive(t)
	r.release <- struct{}{}
	long.expect(11, code.Success, "")
	long.expect(12, code.Success, "")
	short.expect(10, code.Success, "")
}

type task func()

func (f task) Run(context.Context) error { f(); return nil }

// TestNewcomersOfAHangingLoop come between the hang and the moment it is noticed. None of them waits for that loop.
func TestNewcomersOfAHangingLoop(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config) { c.EventLoops = 2 })
	w := r.dial(t)
	w.send(request(code.SendMessage, 1, "disk"))
	<-r.entered
	var served atomic.Int64
	var all sync.WaitGroup
	for range 6 {
		c := r.dial(t)
		all.Go(func() {
			c.send(request(code.HeartBeat, 2, ""))
			c.expect(2, code.Success, "")
			served.Add(1)
		})
	}
	await(t, "all", func() bool { return served.Load() == 6 })
	r.release <- struct{}{}
	all.Wait()
	w.expect(1, code.Success, "")
}

// TestClosedByStandIn: one of the turn that hangs is closed meanwhile, with the beginning of a frame in its books.
func TestClosedByStandIn(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	w := r.dial(t)
	w.send(request(code.PullMessage, 1, ""))
	held := <-r.held
	begun := request(code.HeartBeat, 3, strings.Repeat("x", 3000))
	w.send(append(request(code.SendMessage, 2, "disk"), begun[:2000]...))
	r.hangs(t)
	if err := errors.Join(w.Conn.(*net.TCPConn).SetLinger(0), w.Close()); err != nil { // a reset
		t.Fatal(err)
	}
	if err := held.Reply(protocol.NewResponse(code.Success, "")); err != nil {
		t.Fatal(err)
	}
	await(t, "it is closed", func() bool { return r.srv.Stats().Connections == 0 })
	r.release <- struct{}{}
	await(t, "the loop is back", func() bool { return r.srv.relieved.Load() == 0 })
	r.alive(t)
	await(t, "the books are even", func() bool { s := r.srv.Stats(); return s.PartialBytes == 0 && s.PendingBytes == 0 })
}

// TestCloseWhileStandInServes: what the server closes by itself goes at once, also who is in the turn that hangs.
func TestCloseWhileStandInServes(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	other := r.dial(t)
	other.send(request(code.HeartBeat, 1, ""))
	other.expect(1, code.Success, "")
	hung := r.hang(t)
	l := r.srv.allLoops()[0]
	await(t, "it has begun", func() bool { l.mu.Lock(); defer l.mu.Unlock(); return l.relief != nil })
	r.srv.Conns(func(c *Conn) bool { c.Close(); return true })
	other.expectClosed()
	hung.expectClosed()
	await(t, "both have gone", func() bool { return r.srv.Stats().Connections == 0 })
	r.release <- struct{}{}
	r.alive(t)
}

// TestStreamsDoNotPause: what they owe is a write that waits, and nobody would go on with what was put aside.
func TestStreamsDoNotPause(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config) { c.PausePendingBytesPerConnection = 1 << 20 })
	r.hang(t)
	w := r.dial(t)
	w.send(request(code.HeartBeat, 1, ""))
	w.expect(1, code.Success, "")
	r.release <- struct{}{}
	const n = 40
	for i := range int32(n) {
		w.send(request(code.PullMessage, i, ""))
	}
	for range n {
		reply := protocol.NewResponse(code.Success, "")
		reply.Body = make([]byte, 256<<10)
		if err := (<-r.held).Reply(reply); err != nil {
			t.Fatal(err)
		}
	}
	for i := range int32(n) {
		w.send(request(code.HeartBeat, n+i, ""))
	}
	seen := make(map[int32]bool)
	for range 2 * n {
		seen[w.reply().Opaque] = true
	}
	if len(seen) != 2*n {
		t.Errorf("%d answers of %d", len(seen), 2*n)
	}
}

// TestRefreshersDoNotGather while a loop hangs.
func TestRefreshersDoNotGather(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config) { c.PausePendingBytesPerConnection = 1 << 20 })
	deaf := r.dial(t)
	deaf.flood(200, 256<<10)
	await(t, "it pauses", func() bool { return r.srv.pausedConns.Load() == 1 })
	r.hang(t)
	l := r.srv.allLoops()[0]
	await(t, "one is on its way", l.refreshing.Load)
	for range 1000 {
		l.refreshSoon()
	}
	r.release <- struct{}{}
	await(t, "it has come", func() bool { return !l.refreshing.Load() })
}

// TestStandInManyTimes has loops hang for moments on end: no answer is lost, none comes twice, and connections come and go.
func TestStandInManyTimes(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config) { c.EventLoops = 2 })
	var clients sync.WaitGroup
	end := time.Now().Add(3 * time.Second)
	for n := range 12 {
		clients.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(n), 7))
			w := r.dial(t)
			for i := int32(0); time.Now().Before(end); i += 4 {
				if rnd.IntN(20) == 0 {
					_ = w.Close()
					w = r.dial(t)
				}
				first := request(code.SendMessage, i, "quick")
				if n < 3 {
					first = request(code.SendMessage, i, string([]byte{'d', byte(rnd.IntN(60))}))
				}
				w.send(append(first, request(code.HeartBeat, i+1, "inline")...))
				w.send(append(request(code.ViewMessageByID, i+2, "lane"), request(code.SendMessageV2, i+3, "too")...))
				seen := map[int32]bool{}
				for range 4 {
					seen[w.reply().Opaque] = true
				}
				for k := range int32(4) {
					if !seen[i+k] {
						t.Errorf("no answer to %d: %v", i+k, seen)
					}
				}
			}
		})
	}
	clients.Wait()
	st := r.srv.Stats()
	if st.Reliefs < 5 || st.Panics+st.BadFrames+st.Failed != 0 {
		t.Errorf("%+v", st)
	}
}

func TestStandInWhileStopping(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	w := r.hang(t)
	silent := r.dial(t) // becomes a stream that has said nothing yet
	await(t, "it is known", func() bool { return r.srv.Stats().Connections == 2 })
	stopped := make(chan struct{})
	go func() { r.stop(); close(stopped) }()
	r.release <- struct{}{}
	w.expect(1, code.Success, "")
	<-stopped
	silent.expectClosed()
}

func TestShortWaitsHaveNoStandIn(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	w := r.dial(t)
	for i := range int32(300) {
		w.send(request(code.SendMessage, i, string([]byte{'d', 1})))
		w.expect(i, code.Success, "")
	}
	if got := r.srv.Stats().Reliefs; got > 100 { // a busy machine may stop us for moments
		t.Errorf("%d stand-ins", got)
	}
	await(t, "nobody looks any more", func() bool { return !r.srv.watching.Load() })
	r.hang(t)
	r.release <- struct{}{}
}
