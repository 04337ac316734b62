package remoting

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

func TestThousandFramesInOneSegment(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	w := r.dial(t)
	var all []byte
	for i := range 1000 {
		c := code.SendMessage
		if i%2 == 1 {
			c = code.SendMessageV2 // shares the handler: does not split the batch
		}
		all = append(all, request(c, int32(i), fmt.Sprint(i))...)
	}
	w.send(all)
	for i := range 1000 {
		if got := w.expect(int32(i), code.Success, ""); string(got.Body) != fmt.Sprint(i) {
			t.Fatalf("reply %d: body %q", i, got.Body)
		}
	}
	if n := r.batched.Load(); n != 1000 {
		t.Errorf("handler saw %d requests, want 1000", n)
	}
	// 1,000 frames are some 110 KB: one read, or a few when loopback splits the segment; each at most 256 requests a call.
	if n := r.batches.Load(); n > 20 {
		t.Errorf("%d calls for 1000 requests", n)
	}
	if n := r.srv.Stats().Requests; n != 1000 {
		t.Errorf("counted %d requests", n)
	}
}

// TestOneWriteATurn counts what reaches the transport.
func TestOneWriteATurn(t *testing.T) {
	t.Parallel()
	d, tr, c, turn := bare(t)
	var all []byte
	for i := range 600 {
		all = append(all, request(code.SendMessageV2, int32(i), "x")...)
	}
	if err := turn.receive(c, all); err != nil {
		t.Fatal(err)
	}
	if tr.writes != 1 {
		t.Errorf("%d writes for one turn", tr.writes)
	}
	if n := d.stats.requests.Load(); n != 600 {
		t.Errorf("%d requests", n)
	}
}

func TestBatchesEndAtAnotherHandler(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	w := r.dial(t)
	var all []byte
	for i := range 10 {
		c := code.SendMessageV2
		if i == 4 {
			c = code.HeartBeat
		}
		all = append(all, request(c, int32(i), "x")...)
	}
	w.send(all)
	for i := range 10 {
		w.expect(int32(i), code.Success, "")
	}
	if b, n := r.batches.Load(), r.batched.Load(); b < 2 || n != 9 {
		t.Errorf("%d calls with %d requests, want at least 2 with 9", b, n)
	}
}

func TestOneByteASegment(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	w := r.dial(t)
	if err := w.Conn.(*net.TCPConn).SetNoDelay(true); err != nil {
		t.Fatal(err)
	}
	all := append(request(code.SendMessageV2, 1, "one"), request(code.HeartBeat, 2, "two")...)
	for i := range all {
		w.send(all[i : i+1])
	}
	w.expect(1, code.Success, "")
	w.expect(2, code.Success, "")
}

// TestEveryCut feeds two frames cut at every position, straight into a turn.
func TestEveryCut(t *testing.T) {
	t.Parallel()
	_, tr, c, turn := bare(t)
	all := append(request(code.SendMessageV2, 1, "one"), request(code.HeartBeat, 2, "two")...)
	if err := turn.receive(c, all); err != nil {
		t.Fatal(err)
	}
	want := bytes.Clone(tr.got)
	for cut := range all {
		tr.got = tr.got[:0]
		for _, part := range [][]byte{all[:cut], all[cut:]} {
			scratch := bytes.Clone(part) // the loop's buffer, overwritten by the next read
			if err := turn.receive(c, scratch); err != nil {
				t.Fatalf("cut at %d: %v", cut, err)
			}
			clear(scratch)
		}
		if !bytes.Equal(tr.got, want) {
			t.Fatalf("cut at %d: replies differ", cut)
		}
	}
}

func TestPanicIsolation(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	w := r.dial(t)
	var all []byte
	for i, body := range []string{"a", "b", "panic", "c"} { // one batch: two answered, two not
		all = append(all, request(code.SendMessageV2, int32(i), body)...)
	}
	all = append(all, request(code.HeartBeat, 4, "d")...)
	all = append(all, request(code.LockBatchMQ, 5, "panic")...)
	all = append(all, request(code.UnlockBatchMQ, 6, "panic")...)
	w.send(all)
	w.expect(0, code.Success, "")
	w.expect(1, code.Success, "")
	w.expect(2, code.SystemError, "runtime.boundsError: ")
	w.expect(3, code.SystemError, "runtime.boundsError: ")
	w.expect(4, code.Success, "")
	w.expect(5, code.SystemError, "string: told to")
	w.expect(6, code.SystemError, "string: told to")
	if n := r.srv.Stats().Panics; n != 3 {
		t.Errorf("%d panics counted, want 3", n)
	}
	r.alive(t)
}

func TestFailures(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	w := r.dial(t)
	for _, c := range []code.Request{code.LockBatchMQ, code.UnlockBatchMQ} { // inline, lane
		w.send(request(c, 1, "fail"))
		w.expect(1, code.TopicNotExist, "topic[T] not exist")
		w.send(request(c, 2, "error"))
		w.expect(2, code.SystemError, "disk on fire")
		w.send(append(request(c, 3, "nil"), request(code.HeartBeat, 4, "")...))
		w.expect(4, code.Success, "")
	}
	w.send(request(code.GetConsumerListByGroup, 5, ""))
	w.expect(5, code.SystemError, "the custom field <consumerGroup> is null")
	if s := r.srv.Stats(); s.Failed != 2 {
		t.Errorf("%d failures counted, want the 2 errors", s.Failed)
	}
}

func TestUnknownCodeAndOneWaySilence(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	w := r.dial(t)
	for _, c := range []code.Request{32767, -1, 0, 1500, 2047, 2048, 999_999} {
		w.send(request(c, 9, ""))
		got := w.expect(9, code.RequestCodeNotSupported, "")
		if want := fmt.Sprintf(" request type %d not supported", c); got.Remark != want {
			t.Errorf("remark %q, want %q", got.Remark, want)
		}
	}
	all := oneWay(code.Request(32767), 1, "")
	all = append(all, oneWay(code.SendMessageV2, 2, "x")...)
	all = append(all, oneWay(code.HeartBeat, 3, "x")...)
	all = append(all, oneWay(code.LockBatchMQ, 4, "panic")...)
	all = append(all, oneWay(code.UnlockBatchMQ, 5, "error")...)
	all = append(all, oneWay(code.PullMessage, 6, "")...)
	all = append(all, request(code.ViewMessageByID, 7, "")...) // a lane's answer comes after everything inline
	w.send(all)
	if err := (<-r.held).Reply(protocol.NewResponse(code.Success, "")); err != nil {
		t.Errorf("reply to a one-way request: %v", err)
	}
	w.expect(7, code.Success, "")
	if n := r.oneWays.Load(); n != 2 {
		t.Errorf("%d one-way requests handled, want 2", n)
	}
}

func TestReplyMirrorsTheRequest(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	w := r.dial(t)
	for _, s := range []protocol.SerializeType{protocol.JSON, protocol.RocketMQ} {
		for _, c := range []code.Request{code.HeartBeat, code.ViewMessageByID, code.PopMessage, 32767} {
			cmd := protocol.NewRequest(c, nil, []byte("b"))
			cmd.Opaque, cmd.Serialize, cmd.Language, cmd.Version = -5, s, protocol.Go, 475
			w.send(protocol.AppendFrame(nil, cmd))
			got := w.reply()
			if got.Serialize != s || got.Opaque != -5 || got.Language != protocol.Java || got.Version != protocol.CurrentVersion {
				t.Errorf("%s to %s: %+v", s, c, got)
			}
			if c == code.PopMessage && got.Response() != code.Success { // 3442 in the binary form
				t.Errorf("POP by %s: %s %q", s, got.Response(), got.Remark)
			}
		}
	}
	r.srv.Conns(func(c *Conn) bool {
		if c.Language() != protocol.Go || c.Version() != 475 {
			t.Errorf("peer is %s %d", c.Language(), c.Version())
		}
		return true
	})
}

func TestFrameLargerThanTheReadBuffer(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	w := r.dial(t)
	body := bytes.Repeat([]byte("0123456789abcdef"), 3<<20/16)
	go func() {
		_, _ = w.Write(append(request(code.HeartBeat, 1, string(body)), request(code.HeartBeat, 2, "after")...))
	}()
	if got := w.expect(1, code.Success, ""); !bytes.Equal(got.Body, body) {
		t.Error("body differs")
	}
	w.expect(2, code.Success, "")
	await(t, "partial bytes given back", func() bool { return r.srv.Stats().PartialBytes == 0 })
}

// Half-close: what was answered inline arrives; Java closes at the end of the input, too.
func TestHalfClose(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	w := r.dial(t)
	w.send(request(code.HeartBeat, 1, "x"))
	if err := w.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	w.expect(1, code.Success, "")
	if _, err := w.next(); !errors.Is(err, io.EOF) {
		t.Errorf("after the answers: %v", err)
	}
}

func TestResetMidFrame(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	for range 20 {
		w := r.dial(t)
		frame := request(code.HeartBeat, 1, "some body")
		w.send(frame[:len(frame)-3])
		_ = w.Conn.(*net.TCPConn).SetLinger(0)
		_ = w.Close()
	}
	await(t, "reset connections are gone", func() bool { s := r.srv.Stats(); return s.Connections == 0 && s.PartialBytes == 0 })
	r.alive(t)
}

// Two loops share the role, not their turns.
func TestTwoLoops(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config) { c.EventLoops = 2 })
	await(t, "both have a connection", func() bool { // who comes while a loop is slow to take him gets a goroutine
		r.alive(t)
		return len(r.srv.allLoops()) == 2
	})
	var wg sync.WaitGroup
	for range 8 {
		w := r.dial(t)
		wg.Go(func() {
			for i := range int32(50) {
				if _, err := w.Write(append(request(code.SendMessageV2, 2*i, "a"), request(code.ViewMessageByID, 2*i+1, "b")...)); err != nil {
					t.Error(err)
					return
				}
				for range 2 {
					if cmd, err := w.next(); err != nil || cmd.Response() != code.Success || cmd.Opaque/2 != i {
						t.Errorf("%+v, %v", cmd, err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

// FuzzTurn feeds noise behind a good frame, in two pieces: no panic, and the good one is answered.
func FuzzTurn(f *testing.F) {
	f.Add(request(code.SendMessageV2, 1, "x"), uint16(9))
	f.Add(request(code.LockBatchMQ, 1, "fail"), uint16(3))
	f.Add(ext(`"clientID":"c","producerGroup":"p"`), uint16(40))
	f.Add(binaryFrame(0, "", 8, entry(1, "k", 1, "v")), uint16(0))
	f.Fuzz(func(t *testing.T, noise []byte, cut uint16) {
		if len(noise) > 4096 {
			t.Skip("the lab holds a thousand requests at most")
		}
		_, tr, c, turn := bare(t)
		all := append(request(code.SendMessageV2, 1, "good"), noise...)
		at := min(int(cut), len(all))
		if turn.receive(c, all[:at]) == nil {
			_ = turn.receive(c, all[at:]) // noise may well be refused
		}
		w := &wire{t: t, r: bufio.NewReader(bytes.NewReader(tr.got))}
		w.expect(1, code.Success, "")
	})
}
