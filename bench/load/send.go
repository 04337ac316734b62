package load

import (
	"context"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// How many requests of one connection may be unanswered before their send times overwrite each other: few in a closed loop.
const (
	ringOpen   = 1 << 16
	ringClosed = 1 << 10
)

// sender is one connection of a send run.
type sender struct {
	*client
	run    *sendRun
	opaque uint32
	sentAt []atomic.Int64 // ns since the epoch, by opaque
	lat    []int64
	ends   []byte // END_TRANSACTION requests for the next write
}

type sendRun struct {
	Options
	template  *template
	end       *endTemplate
	measuring atomic.Bool
	answered  atomic.Int64
	latency   latencies
	failed    failures
}

// Send runs one send row and returns what the server did in the measured window.
func Send(ctx context.Context, o Options) (Result, error) {
	o = o.withDefaults()
	t, err := newTemplate(&o)
	if err != nil {
		return Result{}, err
	}
	run := &sendRun{Options: o, template: t, end: newEndTemplate(&o)}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	ring := ringClosed
	if o.Rate > 0 {
		ring = ringOpen
	}
	for ring < o.InFlight {
		ring *= 2
	}
	for range o.Conns {
		c, err := dial(o.Addr)
		if err != nil {
			stop()
			wg.Wait()
			return Result{}, err
		}
		s := &sender{client: c, run: run, opaque: opaqueFirst, sentAt: make([]atomic.Int64, ring)}
		unblock := context.AfterFunc(ctx, func() { c.Close() })
		wg.Go(func() {
			defer unblock()
			defer c.Close()
			s.loop(ctx)
			run.latency.merge(s.lat)
		})
	}
	pauseFor(ctx, o.Warm)
	r, err := run.window(ctx)
	stop()
	wg.Wait()
	r.Latency, r.Errors = run.latency.percentiles(), run.failed.snapshot()
	return r, err
}

// window counts what is answered in the measured time. Nothing answers one-way sends: what the queues have more afterwards counts.
func (run *sendRun) window(ctx context.Context) (Result, error) {
	var stored int64
	var c *client
	if run.OneWay {
		var err error
		if c, err = dial(run.Addr); err != nil {
			return Result{}, err
		}
		defer c.Close()
		if stored, err = c.stored(&run.Options); err != nil {
			return Result{}, err
		}
	}
	w := openWindow(run.PID)
	run.measuring.Store(true)
	pauseFor(ctx, run.Measure)
	run.measuring.Store(false)
	if !run.OneWay {
		return w.close(run.answered.Load()), nil
	}
	now, err := c.stored(&run.Options)
	return w.close(now - stored), err
}

func pauseFor(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func (s *sender) loop(ctx context.Context) {
	switch {
	case s.run.Rate > 0:
		s.open(ctx)
	case s.run.OneWay:
		s.oneWay(ctx)
	default:
		s.closed(ctx)
	}
}

// closed keeps InFlight requests under way: as many new ones leave in one write as answers were there to be read.
func (s *sender) closed(ctx context.Context) {
	var out []byte
	free := s.run.InFlight
	for ctx.Err() == nil {
		out = append(out[:0], s.ends...)
		s.ends = s.ends[:0]
		now := time.Now()
		for ; free > 0; free-- {
			out = s.request(out, now, now)
		}
		if _, err := s.Write(out); err != nil {
			return
		}
		for free == 0 || s.whole() {
			if !s.answer() {
				return
			}
			free++
		}
	}
}

func (s *sender) oneWay(ctx context.Context) {
	var out []byte
	for ctx.Err() == nil {
		out = out[:0]
		now := time.Now()
		for range s.run.InFlight {
			out = s.request(out, now, now)
		}
		if _, err := s.Write(out); err != nil {
			return
		}
	}
}

// open sends on schedule, whatever the server does; what is overdue leaves at once and counts from when it was due.
func (s *sender) open(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() {
		for s.answer() {
		}
	})
	defer wg.Wait()
	defer s.Close()
	every := time.Duration(float64(time.Second) * float64(s.run.Conns*s.run.Batch) / float64(s.run.Rate))
	due := time.Now()
	var out []byte
	for ctx.Err() == nil {
		sleepUntil(due)
		out = out[:0]
		for now := time.Now(); !due.After(now) && len(out) < readBuffer; due = due.Add(every) {
			out = s.request(out, now, due)
		}
		if _, err := s.Write(out); err != nil {
			return
		}
	}
}

// sleepUntil waits by nanosleep: the runtime's timers are up to a millisecond late, and that would be
// charged to the server.
func sleepUntil(t time.Time) {
	const wakeUp = 55 * time.Microsecond
	if d := time.Until(t); d > wakeUp {
		ts := syscall.NsecToTimespec(int64(d - wakeUp))
		_ = syscall.Nanosleep(&ts, nil) // an early return only sends a little early
	}
}

func (s *sender) request(out []byte, now, due time.Time) []byte {
	if s.opaque++; s.opaque > opaqueLast {
		s.opaque = opaqueFirst
	}
	s.sentAt[s.opaque%uint32(len(s.sentAt))].Store(due.UnixNano())
	return s.run.template.append(out, s.opaque, now)
}

// answer reads one answer; false when the connection is over.
func (s *sender) answer() bool {
	cmd, err := s.next()
	if err != nil {
		return false
	}
	switch {
	case !cmd.IsResponse():
	case cmd.Code != 0:
		s.run.failed.add(cmd)
	default:
		if s.run.Transaction {
			s.ends = s.run.end.append(s.ends, cmd)
		}
		if !s.run.measuring.Load() {
			break
		}
		s.run.answered.Add(int64(s.run.Batch))
		s.lat = append(s.lat, time.Now().UnixNano()-s.sentAt[uint32(cmd.Opaque)%uint32(len(s.sentAt))].Load())
	}
	return true
}
