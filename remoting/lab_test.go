package remoting

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

func TestMain(m *testing.M) {
	if os.Getenv(childOfEMFILE) != "" {
		os.Exit(serveWithFewDescriptors())
	}
	goleak.VerifyTestMain(m,
		// The pools of gnet's dependency, made when its package is initialised.
		goleak.IgnoreAnyFunction("github.com/panjf2000/ants/v2.(*poolCommon).purgeStaleWorkers"),
		goleak.IgnoreAnyFunction("github.com/panjf2000/ants/v2.(*poolCommon).ticktock"))
}

// lab is the role that the tests serve: a handler of each kind.
type lab struct {
	batches atomic.Int64
	batched atomic.Int64
	oneWays atomic.Int64
	widest  atomic.Int64 // connections that one batch was of
	held    chan Held
	entered chan struct{} // a lane's worker has begun
	release chan struct{} // lets it end
}

func newLab() *lab {
	return &lab{held: make(chan Held, 1024), entered: make(chan struct{}, 1024), release: make(chan struct{})}
}

func (l *lab) sendBatch(t *Turn, rs []*Request) {
	switch body := rs[0].Body; {
	case string(body) == "disk": // that hangs
		t.Lend()
		l.entered <- struct{}{}
		<-l.release
		t.TakeBack()
	case len(body) == 2 && body[0] == 'd': // that takes so many ms
		t.Lend()
		time.Sleep(time.Duration(body[1]) * time.Millisecond)
		t.TakeBack()
	}
	l.batches.Add(1)
	l.batched.Add(int64(len(rs)))
	conns := map[*Conn]bool{}
	for _, r := range rs {
		conns[r.Conn] = true
	}
	for most := l.widest.Load(); int64(len(conns)) > most && !l.widest.CompareAndSwap(most, int64(len(conns))); most = l.widest.Load() {
	}
	for i, r := range rs {
		if string(r.Body) == "panic" {
			if i%2 == 0 {
				*r.Out() = append(*r.Out(), 0, 0, 0, 200, 1, 2, 3) // half a frame
			}
			var none []int
			_ = none[len(r.Body)]
		}
		if r.IsOneWay() {
			l.oneWays.Add(1)
		}
		cmd := protocol.NewResponse(code.Success, "")
		cmd.Body = r.Body
		r.AppendReply(cmd)
	}
}

func (l *lab) echo(r *Request) (*protocol.Command, error) {
	if r.IsOneWay() {
		l.oneWays.Add(1)
	}
	cmd := protocol.NewResponse(code.Success, "")
	cmd.Body = r.Body
	return cmd, nil
}

func (l *lab) hold(r *Request) (*protocol.Command, error) {
	l.held <- r.Hold()
	return nil, nil
}

func (l *lab) block(r *Request) (*protocol.Command, error) {
	l.entered <- struct{}{}
	<-l.release
	cmd := protocol.NewResponse(code.Success, "")
	cmd.Body = append([]byte(nil), r.Body...)
	return cmd, nil
}

func (l *lab) fail(r *Request) (*protocol.Command, error) {
	switch string(r.Body) {
	case "fail":
		return nil, Failf(code.TopicNotExist, "topic[%s] not exist", "T")
	case "error":
		return nil, errors.New("disk on fire")
	case "nil":
		return nil, nil
	}
	panic("told to")
}

func (l *lab) typed(_ *Request, h *header.GetConsumerListByGroup) (*protocol.Command, error) {
	return protocol.NewResponse(code.Success, h.ConsumerGroup), nil
}

// large answers with as many bytes as the body says.
func (l *lab) large(r *Request) (*protocol.Command, error) {
	cmd := protocol.NewResponse(code.Success, "")
	cmd.Body = make([]byte, min(binary.BigEndian.Uint32(r.Body), 16<<20))
	return cmd, nil
}

// cold finds that the work may wait for the disk.
func (l *lab) cold(r *Request) (*protocol.Command, error) {
	r.ToLane(Pull, l.echo)
	return nil, nil
}

// callBack asks the client before it answers.
func (l *lab) callBack(r *Request) (*protocol.Command, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	reply, err := r.Conn.Call(ctx, protocol.NewRequest(code.GetConsumerRunningInfo, nil, []byte("ping")))
	if err != nil {
		return nil, err
	}
	cmd := protocol.NewResponse(code.Success, "")
	cmd.Body = reply.Body
	return cmd, nil
}

func (l *lab) routes() []Route[*lab] {
	return []Route[*lab]{
		HandleBatch(code.SendMessage, (*lab).sendBatch),
		HandleBatch(code.SendMessageV2, (*lab).sendBatch),
		HandleRaw(code.HeartBeat, Inline, (*lab).echo),
		HandleRaw(code.PullMessage, Inline, (*lab).hold),
		HandleRaw(code.QueryMessage, Query, (*lab).block),
		HandleRaw(code.ViewMessageByID, Query, (*lab).echo),
		HandleRaw(code.LockBatchMQ, Inline, (*lab).fail),
		HandleRaw(code.UnlockBatchMQ, Admin, (*lab).fail),
		Handle(code.GetConsumerListByGroup, Inline, (*lab).typed),
		HandleRaw(code.GetAllTopicConfig, Inline, (*lab).large),
		HandleRaw(code.GetConsumerRunningInfo, Admin, (*lab).callBack),
		HandleRaw(code.PopMessage, Inline, (*lab).echo),
		HandleRaw(code.GetAllConsumerOffset, Pull, (*lab).large),
		HandleRaw(code.GetMinOffset, Admin, (*lab).hold),
		HandleRaw(code.GetMaxOffset, Inline, (*lab).cold),
	}
}

// rig is a running server with its role.
type rig struct {
	*lab
	srv  *Server
	addr string
	stop func() // idempotent; waits for Run
	err  error
}

func serve(t testing.TB, change func(*Config)) *rig {
	t.Helper()
	cfg := DefaultConfig()
	cfg.EventLoops = 1
	if change != nil {
		change(&cfg)
	}
	r := &rig{lab: newLab(), srv: NewServer(cfg, zerolog.Nop())}
	Mount(r.srv, r.lab, r.routes())
	return r.run(t)
}

func (r *rig) run(t testing.TB) *rig {
	t.Helper()
	bound, err := r.srv.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.addr = bound.String()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		r.err = r.srv.Run(ctx)
		close(done)
	}()
	r.stop = sync.OnceFunc(func() {
		cancel()
		<-done
		if r.err != nil {
			t.Errorf("Run: %v", r.err)
		}
	})
	t.Cleanup(r.stop)
	return r
}

func oneLoop() Config {
	cfg := DefaultConfig()
	cfg.EventLoops = 1
	return cfg
}

func zerologNop() zerolog.Logger { return zerolog.Nop() }

func canDial(addr string) bool {
	c, err := net.Dial("tcp", addr)
	if err == nil {
		_ = c.Close()
	}
	return err == nil
}

// wire is a client that sees bytes.
type wire struct {
	net.Conn
	t testing.TB
	r *bufio.Reader
}

func (r *rig) dial(t testing.TB) *wire {
	t.Helper()
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return newWire(t, c)
}

func newWire(t testing.TB, c net.Conn) *wire {
	_ = c.SetDeadline(time.Now().Add(2 * time.Minute))
	return &wire{Conn: c, t: t, r: bufio.NewReaderSize(c, 32<<10)}
}

func request(c code.Request, opaque int32, body string) []byte {
	cmd := protocol.NewRequest(c, nil, []byte(body))
	cmd.Opaque = opaque
	return protocol.AppendFrame(nil, cmd)
}

func oneWay(c code.Request, opaque int32, body string) []byte {
	cmd := protocol.NewRequest(c, nil, []byte(body))
	cmd.Opaque = opaque
	cmd.MarkOneWay()
	return protocol.AppendFrame(nil, cmd)
}

func (w *wire) send(b []byte) {
	w.t.Helper()
	if _, err := w.Write(b); err != nil {
		w.t.Fatalf("write: %v", err)
	}
}

func (w *wire) next() (*protocol.Command, error) {
	var head [4]byte
	if _, err := io.ReadFull(w.r, head[:]); err != nil {
		return nil, err
	}
	frame := make([]byte, binary.BigEndian.Uint32(head[:]))
	if _, err := io.ReadFull(w.r, frame); err != nil {
		return nil, err
	}
	cmd := new(protocol.Command)
	return cmd, protocol.DecodeFrame(frame, cmd)
}

func (w *wire) reply() *protocol.Command {
	w.t.Helper()
	cmd, err := w.next()
	if err != nil {
		w.t.Fatalf("read: %v", err)
	}
	if !cmd.IsResponse() {
		w.t.Fatalf("not a response: code %d", cmd.Code)
	}
	return cmd
}

// ask wants n answers of size bytes from a code that (*lab).large serves.
func ask(c code.Request, n int, size uint32) (all []byte) {
	for i := range n {
		all = append(all, request(c, int32(i), string(binary.BigEndian.AppendUint32(nil, size)))...)
	}
	return all
}

func (w *wire) expect(opaque int32, c code.Response, remark string) *protocol.Command {
	w.t.Helper()
	cmd := w.reply()
	if cmd.Opaque != opaque || cmd.Response() != c || !strings.Contains(cmd.Remark, remark) {
		w.t.Fatalf("got opaque %d, %s %q; want %d, %s %q", cmd.Opaque, cmd.Response(), cmd.Remark, opaque, c, remark)
	}
	return cmd
}

// expectClosed: the server ends the connection without another byte.
func (w *wire) expectClosed() {
	w.t.Helper()
	cmd, err := w.next()
	if err == nil {
		w.t.Fatalf("got %s %q, want a closed connection", cmd.Response(), cmd.Remark)
	}
	if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		w.t.Fatalf("got %v, want a closed connection", err)
	}
}

// alive: a new client is served.
func (r *rig) alive(t testing.TB) {
	t.Helper()
	w := r.dial(t)
	w.send(request(code.HeartBeat, 77, "still"))
	if got := w.expect(77, code.Success, ""); string(got.Body) != "still" {
		t.Fatalf("body %q", got.Body)
	}
	_ = w.Close()
}

// await polls a condition whose event nobody announces, as another process's view of us.
func await(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}
