package remoting

import (
	"bytes"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

func TestLaneFullAnswersAtOnce(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config) { c.Lanes[Query] = LaneConfig{Workers: 1, Capacity: 2} })
	w := r.dial(t)
	w.send(request(code.QueryMessage, 0, "works"))
	<-r.entered
	for i := 1; i <= 5; i++ { // two wait, three are refused
		w.send(request(code.QueryMessage, int32(i), "waits"))
	}
	w.send(oneWay(code.QueryMessage, 6, "refused in silence"))
	for i := 3; i <= 5; i++ {
		if got := w.expect(int32(i), code.SystemBusy, ""); got.Remark != "[OVERLOAD]system busy, start flow control for a while" {
			t.Errorf("remark %q", got.Remark)
		}
	}
	await(t, "all are refused, the one-way one too", func() bool { return r.srv.Stats().Overloaded == 4 })
	if s := r.srv.Stats().Lanes[Query]; s.Depth != 2 || s.Capacity != 2 {
		t.Errorf("lane %+v", s)
	}
	close(r.release)
	for i := range 3 {
		w.expect(int32(i), code.Success, "")
	}
	await(t, "nothing in flight", func() bool {
		n := r.srv.Stats().LaneBytes
		r.srv.Conns(func(c *Conn) bool { n += c.InFlight(); return true })
		return n == 0
	})
}

func TestLaneAnswersWhatWaitsTooLong(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(time.UnixMilli(1_700_000_000_000))
	r := serve(t, func(c *Config) {
		c.Clock = now
		c.Lanes[Query] = LaneConfig{Workers: 1, Capacity: 10, MaxAge: 200 * time.Millisecond}
	})
	w := r.dial(t)
	w.send(request(code.QueryMessage, 1, "works"))
	<-r.entered
	w.send(append(request(code.QueryMessage, 2, "waits"), request(code.QueryMessage, 3, "waits")...))
	w.send(request(code.HeartBeat, 4, ""))
	w.expect(4, code.Success, "")
	await(t, "the sweeper answers while the only worker is stuck", func() bool {
		now.Advance(10 * time.Millisecond)
		return r.srv.Stats().TimedOut == 2
	})
	for i, left := range []int{1, 0} {
		got := w.expect(int32(i+2), code.SystemBusy, "[TIMEOUT_CLEAN_QUEUE]broker busy, start flow control for a while, period in queue: ")
		var period, size int
		if _, err := fmt.Sscanf(got.Remark[strings.Index(got.Remark, "period"):], "period in queue: %dms, size of queue: %d", &period, &size); err != nil || period < 200 || size != left {
			t.Errorf("remark %q: %v", got.Remark, err)
		}
	}
	r.release <- struct{}{}
	w.expect(1, code.Success, "")
	if n := r.srv.Stats().TimedOut; n != 2 {
		t.Errorf("%d timed out", n)
	}
}

func TestLaneWorkerRefusesOldHead(t *testing.T) {
	t.Parallel()
	d, tr, c, _ := bare(t)
	l := newLane(d, Query, LaneConfig{Workers: 1, Capacity: 4, MaxAge: time.Second})
	j := &laneJob{}
	j.req.Conn, j.req.Arrived, j.req.Opaque = c, d.clock.MonoMs()-5000, 3
	if age := l.tooOld(j); age < 5000 {
		t.Fatalf("age %d", age)
	}
	l.maxAge.Store(0) // any age
	if age := l.tooOld(j); age != -1 {
		t.Fatalf("age %d without limit", age)
	}
	l.refuse(j, 5000, 0)
	if !strings.Contains(string(c.pending), textTooOld[:40]) || tr.writes != 0 {
		t.Errorf("queued %q", c.pending)
	}
}

func TestLaneRingKeepsOrder(t *testing.T) {
	t.Parallel()
	d, _, _, _ := bare(t)
	l := newLane(d, Query, LaneConfig{Capacity: 100})
	next, want := int64(0), int64(0)
	for round := range 40 {
		for range round % 7 * 5 {
			if l.put(&laneJob{req: Request{Arrived: next}}) {
				next++
			}
		}
		for range round % 5 * 6 {
			if l.size == 0 {
				break
			}
			if j := l.take(); j.req.Arrived != want {
				t.Fatalf("took %d, want %d", j.req.Arrived, want)
			}
			want++
		}
	}
	for l.size > 0 {
		if j := l.take(); j.req.Arrived != want {
			t.Fatalf("took %d, want %d", j.req.Arrived, want)
		}
		want++
	}
	if want != next {
		t.Errorf("put %d, took %d", next, want)
	}
}

func TestLaneBytesAreBounded(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config) {
		c.Lanes[Query] = LaneConfig{Workers: 1, Capacity: 100}
		c.MaxLaneBytes = 10_000
	})
	w := r.dial(t)
	body := string(bytes.Repeat([]byte("x"), 4000))
	for i := range 4 {
		w.send(request(code.QueryMessage, int32(i), body))
	}
	w.expect(2, code.SystemBusy, textOverload)
	w.expect(3, code.SystemBusy, textOverload)
	close(r.release)
	w.expect(0, code.Success, "")
	w.expect(1, code.Success, "")
}

func TestInFlightIsBounded(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config) { c.MaxInFlightPerConnection = 3 })
	w := r.dial(t)
	for i := range 4 {
		w.send(request(code.PullMessage, int32(i), ""))
	}
	w.expect(3, code.SystemBusy, textOverload)
	h := <-r.held
	if err := h.ReplyFrame(replyTo(h)); err != nil {
		t.Fatal(err)
	}
	w.expect(0, code.Success, "")
	w.send(request(code.PullMessage, 9, "")) // room again
	for range 3 {
		h := <-r.held
		if err := h.ReplyFrame(replyTo(h)); err != nil {
			t.Fatal(err)
		}
		w.expect(h.Opaque, code.Success, "")
	}
}

// Requests that go together are worked on together, and a panic leaves none of them without an answer.
func TestLaneBatch(t *testing.T) {
	t.Parallel()
	d, _, c, _ := bare(t)
	l := newLane(d, Append, LaneConfig{Capacity: 10})
	var sizes []int
	together := NewBatchRun(func(reqs []*Request) {
		sizes = append(sizes, len(reqs))
		reqs[0].Fail(code.Success, "done")
		panic("after the first")
	})
	var first *laneJob
	for i, run := range []*BatchRun{together, together, together, NewBatchRun(nil)} {
		j := &laneJob{batch: run}
		j.req.Conn, j.req.Opaque, j.req.Arrived = c, int32(i), d.clock.MonoMs()
		if i == 0 {
			first = j
		} else {
			l.put(j)
		}
	}
	l.runBatch(first)
	if len(sizes) != 1 || sizes[0] != 3 || l.size != 1 {
		t.Errorf("batches of %v, %d left", sizes, l.size)
	}
	said := string(c.pending)
	if strings.Count(said, "done") != 1 || strings.Count(said, "after the first") != 2 {
		t.Errorf("answered %q", said)
	}
}

// A request that its handler answers with silence is not under way any more, as one that it answers with nothing.
func TestSilenceOnALaneIsNotInFlight(t *testing.T) {
	t.Parallel()
	for name, handle := range map[string]func(*Request){
		"marked":                    (*Request).MarkAnswered,
		"nothing":                   func(*Request) {},
		"answered":                  func(r *Request) { r.Fail(code.Success, "") },
		"marked before a panic":     func(r *Request) { r.MarkAnswered(); panic("told to") },
		"answered before a panic":   func(r *Request) { r.Fail(code.Success, ""); panic("told to") },
		"moved, and silence there":  func(r *Request) { r.Conn.d.runJob(moved(r, (*Request).MarkAnswered)) },
		"moved, and answered there": func(r *Request) { r.Conn.d.runJob(moved(r, func(r *Request) { r.Fail(code.Success, "") })) },
	} {
		d, _, c, _ := bare(t)
		r := &Request{Conn: c, frame: request(code.EndTransaction, 1, "")[4:]}
		d.runJob(moved(r, handle))
		if n := c.InFlight(); n != 0 || d.lanes.bytes.Load() != 0 {
			t.Errorf("%s: %d in flight, %d bytes on lanes", name, n, d.lanes.bytes.Load())
		}
	}
}

// moved puts a request on a lane whose workers have not started, and takes its job off.
func moved(r *Request, handle func(*Request)) *laneJob {
	r.ToLane(Admin, func(r *Request) (*protocol.Command, error) {
		handle(r)
		return nil, nil
	})
	return r.Conn.d.lanes.all[Admin].take()
}

// A request that waits for its client to read is not kept for ever where others may wait for any time.
func TestLaneDoesNotKeepWhatNobodyReads(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(time.UnixMilli(1_700_000_000_000))
	d, _, c, _ := bare(t)
	d.clock = now
	l := newLane(d, Query, LaneConfig{Workers: 1, Capacity: 10})
	c.owed.Store(d.cfg.PausePendingBytesPerConnection + 1)
	ran := false
	j := &laneJob{frame: make([]byte, 100), run: func(*Request) (*protocol.Command, error) { ran = true; return nil, nil }}
	j.req.Conn, j.req.Arrived = c, now.NowMs()
	d.lanes.bytes.Add(100)
	if !l.put(j) {
		t.Fatal("full")
	}
	done := make(chan struct{})
	go func() { defer close(done); l.worker() }()
	now.Advance(parkedFor)
	await(t, "it is refused", func() bool { return d.lanes.bytes.Load() == 0 })
	l.close()
	<-done
	if ran || d.stats.timedOut.Load() != 1 {
		t.Errorf("ran %v, %d refused", ran, d.stats.timedOut.Load())
	}
}

// Who does not read keeps the only worker of a lane from nobody else.
func TestLaneServesOthersOfWhoDoesNotRead(t *testing.T) {
	t.Parallel()
	d, _, deaf, _ := bare(t)
	deaf.owed.Store(d.cfg.PausePendingBytesPerConnection + 1)
	other := &Conn{d: d, t: deaf.t}
	l := newLane(d, Backlog, LaneConfig{Workers: 1, Capacity: 10})
	l.rest = time.Hour
	job := func(c *Conn, run func()) *laneJob {
		j := &laneJob{run: func(*Request) (*protocol.Command, error) { run(); return nil, nil }}
		j.req.Conn, j.req.Arrived = c, d.clock.MonoMs()
		return j
	}
	var read atomic.Bool
	for range 3 {
		if !l.put(job(deaf, func() { read.Store(true) })) {
			t.Fatal("full")
		}
	}
	done := make(chan struct{})
	go func() { defer close(done); l.worker() }()
	for range 3 {
		await(t, "the worker rests", func() bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.resting == 1
		})
		ran := make(chan struct{})
		if !l.put(job(other, func() { close(ran) })) {
			t.Fatal("full")
		}
		<-ran
	}
	if read.Load() {
		t.Error("answered who has to read first")
	}
	deaf.owed.Store(0)
	await(t, "the worker rests again, or is done", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.resting == 1 || l.size == 0
	})
	l.put(job(other, func() {}))
	l.close()
	<-done
	if !read.Load() {
		t.Error("not answered who has read")
	}
}

// The backlog lane takes a few jobs, and fewer of one connection; what it does not take stays with the loop.
func TestBacklogHasLittleRoom(t *testing.T) {
	t.Parallel()
	d, _, first, _ := bare(t)
	frame := request(code.PullMessage, 1, "")[4:]
	put := func(c *Conn) (taken int) {
		for range backlogRoom + 1 {
			r := &Request{Conn: c, frame: frame}
			if r.ToBacklog(func(*Request) (*protocol.Command, error) { return nil, nil }) {
				taken++
			}
		}
		return taken
	}
	if n := put(first); n != backlogOf || first.InFlight() != backlogOf {
		t.Errorf("%d of one connection, %d in flight, want %d", n, first.InFlight(), backlogOf)
	}
	all := backlogOf
	for range backlogRoom {
		all += put(&Conn{d: d, t: first.t})
	}
	if all != backlogRoom || d.stats.overloaded.Load() != 0 {
		t.Errorf("%d of all, %d refused, want %d and none", all, d.stats.overloaded.Load(), backlogRoom)
	}
}
