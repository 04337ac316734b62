package load

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// dueMark stands in a body before the 19 digits of the nanosecond at which the message was due to be sent.
var dueMark = []byte("due=")

const (
	dueDigits     = 19
	followerConns = 50 // of all groups, when there are many
	farBeyond     = int64(1) << 40
	findEnd       = 30 * time.Second
)

// followers are the consumers of one run: each group holds one pull on every queue.
type followers struct {
	*Options
	from      atomic.Int64 // messages due before it are not counted
	until     atomic.Int64
	delivered atomic.Int64
	answers   atomic.Int64
	ready     chan struct{}
	lat       latencies
	failed    failures
}

// Deliver sends at o.Rate on one connection while long-polling consumers wait on every queue, and measures from when a message was due
// to be sent to when a consumer has read it. Messages of the result are deliveries: with more groups than one, more than were sent.
func Deliver(ctx context.Context, o Options) (Result, error) {
	o = o.withDefaults()
	f := &followers{Options: &o, ready: make(chan struct{}, o.Groups*o.Queues)}
	f.from.Store(1<<63 - 1)
	ctx, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	if err := f.start(ctx, &wg); err != nil {
		return Result{}, err
	}
	if err := f.awaitAll(ctx); err != nil {
		return Result{Errors: f.failed.snapshot()}, err
	}
	r, err := f.measure(ctx)
	// What is still on its way arrives within the time a held pull needs to wake.
	pauseFor(ctx, 200*time.Millisecond)
	stop()
	wg.Wait()
	r.Latency, r.Errors = f.lat.percentiles(), f.failed.snapshot()
	return r, err
}

func (f *followers) measure(ctx context.Context) (Result, error) {
	var wg sync.WaitGroup
	var err error
	wg.Go(func() { _, err = pace(ctx, f.Options, &f.failed) })
	pauseFor(ctx, f.Warm)
	f.from.Store(time.Now().UnixNano())
	before, answers := f.delivered.Load(), f.answers.Load()
	w := openWindow(f.PID)
	pauseFor(ctx, f.Measure)
	f.until.Store(time.Now().UnixNano())
	r := w.close(f.delivered.Load() - before)
	r.Answers = f.answers.Load() - answers
	wg.Wait()
	return r, err
}

// start connects the groups: one alone has a connection a queue, as a client process with one thread each would; many share some.
func (f *followers) start(ctx context.Context, wg *sync.WaitGroup) error {
	conns := min(f.Groups, followerConns)
	if f.Groups == 1 {
		conns = f.Queues
	}
	for i := range conns {
		c, err := dial(f.Addr)
		if err != nil {
			return err
		}
		var held []held
		for n := i; n < f.Groups*f.Queues; n += conns {
			held = append(held, newHeld(n/f.Queues, n%f.Queues))
		}
		unblock := context.AfterFunc(ctx, func() { _ = c.Close() })
		wg.Go(func() {
			defer unblock()
			defer c.Close()
			f.follow(ctx, c, held)
		})
	}
	return nil
}

func (f *followers) awaitAll(ctx context.Context) error {
	timeout := time.NewTimer(findEnd)
	defer timeout.Stop()
	for range f.Groups * f.Queues {
		select {
		case <-f.ready:
		case <-ctx.Done():
			return ctx.Err()
		case <-timeout.C:
			return fmt.Errorf("a consumer found no end of its queue in %s; answers: %v", findEnd, f.failed.snapshot())
		}
	}
	return nil
}

// held is one pull that waits. The first asks far beyond the end and learns where that is.
type held struct {
	group  string
	queue  int
	offset int64
	known  bool
}

func newHeld(group, queue int) held {
	return held{group: "BenchConsumer" + strconv.Itoa(group), queue: queue, offset: farBeyond}
}

// follow answers every answer with the next pull; all that arrived together leave together.
func (f *followers) follow(ctx context.Context, c *client, pulls []held) {
	var ns []int64
	defer func() { f.lat.merge(ns) }()
	var out []byte
	for i := range pulls {
		out = f.pull(out, i, &pulls[i])
	}
	for ctx.Err() == nil {
		if _, err := c.Write(out); err != nil {
			return
		}
		out = out[:0]
		for len(out) == 0 || c.whole() {
			cmd, err := c.next()
			if err != nil {
				return
			}
			i := int(cmd.Opaque)
			if i < 0 || i >= len(pulls) || !cmd.IsResponse() {
				continue
			}
			f.take(cmd, &pulls[i], &ns)
			out = f.pull(out, i, &pulls[i])
		}
	}
}

func (f *followers) pull(out []byte, opaque int, h *held) []byte {
	return pullFrame(out, f.Options, h.group, int32(opaque), h.queue, h.offset, h.known)
}

func (f *followers) take(cmd *protocol.Command, h *held, ns *[]int64) {
	next, err := strconv.ParseInt(cmd.Fields.String("nextBeginOffset"), 10, 64)
	if err != nil { // busy, or no such topic: counted, and asked again
		f.failed.add(cmd)
		return
	}
	h.offset = next
	if !h.known {
		h.known = true
		f.ready <- struct{}{}
		return
	}
	if cmd.Code == int32(code.Success) {
		f.answers.Add(1)
		f.delivered.Add(f.arrivals(cmd, ns))
	}
}

func (f *followers) arrivals(cmd *protocol.Command, ns *[]int64) int64 {
	now := time.Now().UnixNano()
	from, until := f.from.Load(), f.until.Load()
	return eachRecord(cmd.Body, func(rec []byte) {
		at := bytes.Index(rec, dueMark)
		if at < 0 || at+len(dueMark)+dueDigits > len(rec) {
			return
		}
		at += len(dueMark)
		due, err := strconv.ParseInt(string(rec[at:at+dueDigits]), 10, 64)
		if err == nil && due >= from && (until == 0 || due < until) {
			*ns = append(*ns, now-due)
		}
	})
}

// pace sends for the warm-up and the measured time, one message when it is due.
func pace(ctx context.Context, o *Options, failed *failures) (sent int64, err error) {
	c, err := dial(o.Addr)
	if err != nil {
		return 0, err
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer c.Close()
	wg.Go(func() {
		for {
			cmd, err := c.next()
			if err != nil {
				return
			}
			if cmd.IsResponse() && cmd.Code != 0 {
				failed.add(cmd)
			}
		}
	})
	body := *o
	body.Size = max(o.Size, len(dueMark)+dueDigits)
	t, err := newTemplate(&body)
	if err != nil {
		return 0, err
	}
	at := len(t.frame) - body.Size
	copy(t.frame[at:], dueMark)
	at += len(dueMark)
	every := time.Second / time.Duration(o.Rate)
	due, opaque := time.Now(), uint32(opaqueFirst)
	var out []byte
	for end := due.Add(o.Warm + o.Measure); due.Before(end) && ctx.Err() == nil; due = due.Add(every) {
		sleepUntil(due)
		putDigits(t.frame[at:at+dueDigits], uint64(due.UnixNano()))
		opaque++
		out = t.append(out[:0], opaque, due)
		if _, err := c.Write(out); err != nil {
			return sent, err
		}
		sent++
	}
	return sent, nil
}
