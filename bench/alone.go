package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/skylarkmq/skylark/bench/load"
	"github.com/skylarkmq/skylark/bench/server"
)

// Names of values of the rows that start servers of their own.
const (
	startMs      = "start, ms"
	idleAnon     = "anonymous memory when idle, MiB"
	idleFile     = "file pages when idle, MiB"
	idleCPU      = "CPU when idle, %"
	connsAnon    = "anonymous memory more with the idle connections, MiB"
	connsCPU     = "CPU with the idle connections, %"
	cleanStopMs  = "clean stop, ms"
	logSize      = "log before kill -9, GiB"
	recoveryMs   = "start after kill -9, to the first answered send, ms"
	cleanStartMs = "start after a clean stop, to the first answered send, ms"
	floorP50     = "p50 ms of sends to the no-op server meanwhile"
	floorP99     = "p99 ms of sends to the no-op server meanwhile"
	floorP999    = "p99.9 ms of sends to the no-op server meanwhile"
	coldLeft     = "of the log still in memory before, %"
	coldMiB      = "read back, MiB/s"
	coldGiB      = "read back, GiB"
	baseRate     = "messages/s over 8 queues, before the others were there"
	fewRate      = "messages/s over 8 queues"
	manyRate     = "messages/s over all queues"
	lostRate     = "throughput lost, %"
	fewCPU       = "CPU µs a message over 8 queues"
	manyCPU      = "CPU µs a message over all queues"
	queuesAnon   = "anonymous memory more, MiB"
	queuesFile   = "file pages more, MiB"
	busyAt       = "first busy answer or shortfall at, messages/s"
	busyBelow    = "highest rate without, messages/s"
)

var (
	idleShown     = []string{startMs, idleAnon, idleFile, idleCPU, connsAnon, connsCPU, cleanStopMs}
	recoveryShown = []string{logSize, recoveryMs, cleanStopMs, cleanStartMs}
	catchUpShown  = []string{coldLeft, coldGiB, coldMiB, p50, p99, p999, floorP50, floorP99, floorP999}
	queuesShown   = []string{baseRate, fewRate, manyRate, lostRate, fewCPU, manyCPU, queuesAnon, queuesFile, cleanStartMs}
	busyShown     = []string{busyBelow, busyAt}
)

// idle measures a start on an empty directory, what an idle broker costs, and what idle connections add.
func idle(ctx context.Context, b *bed, k server.Kind, o load.Options) (values, failures, error) {
	srv, err := b.fresh(ctx, k, nil)
	if err != nil {
		return nil, nil, err
	}
	defer srv.Stop(syscall.SIGKILL)
	v := values{startMs: srv.Start.Seconds() * 1e3}
	o.Addr, o.PID, o.Measure = srv.Addr, srv.PID(), 4*time.Second
	if err := pause(ctx, 3*time.Second); err != nil { // what a start leaves behind is done by then
		return nil, nil, err
	}
	_, _, none, err := load.Idle(ctx, o) // no connection
	if err != nil {
		return nil, nil, err
	}
	v[idleCPU], v[idleAnon], v[idleFile] = none.CPUShare*100, none.Memory.Anonymous, none.Memory.File
	o.Conns = b.idleConns
	before, after, r, err := load.Idle(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	v[connsAnon], v[connsCPU] = after.Anonymous-before.Anonymous, r.CPUShare*100
	v[cleanStopMs] = srv.Stop(syscall.SIGTERM).Seconds() * 1e3
	return v, nil, nil
}

// fill writes so many bytes of log, in batches. It looks only after the first second: until then the Java broker cannot say how it is.
func fill(ctx context.Context, o load.Options, bytes int64) error {
	o.PID, o.Size, o.Batch, o.InFlight, o.Conns, o.Warm, o.Measure = 0, 1024, 32, 4, 4, time.Millisecond, 1100*time.Millisecond
	for {
		r, err := load.Send(ctx, o)
		if err != nil {
			return err
		}
		if r.Messages == 0 {
			return fmt.Errorf("no send is answered well: %v", r.Errors)
		}
		if end, err := load.LogEnd(o.Addr); err != nil || end >= bytes {
			return err
		}
	}
}

// untilSend waits until a send is answered well, as a client would see the end of a start.
func untilSend(ctx context.Context, srv *server.Server) error {
	r, err := load.Send(ctx, load.Options{Addr: srv.Addr, Conns: 1, InFlight: 1, Warm: time.Nanosecond, Measure: 20 * time.Millisecond})
	for err == nil && r.Messages == 0 {
		r, err = load.Send(ctx, load.Options{Addr: srv.Addr, Conns: 1, InFlight: 1, Warm: time.Nanosecond, Measure: 20 * time.Millisecond})
	}
	return err
}

// recovery kills a broker with a log of some size and starts it on what is left; then a clean stop and a start.
func recovery(ctx context.Context, b *bed, k server.Kind, o load.Options) (values, failures, error) {
	srv, err := b.fresh(ctx, k, nil)
	if err != nil {
		return nil, nil, err
	}
	o.Addr = srv.Addr
	if err := fill(ctx, o, int64(b.logGiB*(1<<30))); err != nil {
		srv.Stop(syscall.SIGKILL)
		return nil, nil, err
	}
	end, err := load.LogEnd(srv.Addr)
	if err != nil {
		srv.Stop(syscall.SIGKILL)
		return nil, nil, err
	}
	v := values{logSize: float64(end) / (1 << 30)}
	srv.Stop(syscall.SIGKILL)
	began := time.Now()
	srv, err = k.Run(ctx, server.Options{Dir: srv.Dir})
	if err != nil {
		return nil, nil, err
	}
	if err := untilSend(ctx, srv); err != nil {
		srv.Stop(syscall.SIGKILL)
		return nil, nil, err
	}
	v[recoveryMs] = since(began)
	v[cleanStopMs] = srv.Stop(syscall.SIGTERM).Seconds() * 1e3
	began = time.Now()
	if srv, err = k.Run(ctx, server.Options{Dir: srv.Dir}); err != nil {
		return nil, nil, err
	}
	defer srv.Stop(syscall.SIGKILL)
	err = untilSend(ctx, srv)
	v[cleanStartMs] = since(began)
	return v, nil, err
}

func since(t time.Time) float64 { return time.Since(t).Seconds() * 1e3 }

// catchUp reads a topic whose log has been taken out of memory, while another one is sent to at a steady rate. Then it is read once
// more, while the sends go to the no-op server: what the disk, the processors and the load generator leave to any server.
func catchUp(ctx context.Context, b *bed, k server.Kind, o load.Options) (values, failures, error) {
	srv, err := b.fresh(ctx, k, nil)
	if err != nil {
		return nil, nil, err
	}
	defer srv.Stop(syscall.SIGKILL)
	o.Addr, o.Topic = srv.Addr, "BenchCold"
	if err := fill(ctx, o, 2<<30); err != nil {
		return nil, nil, err
	}
	if err := pause(ctx, 2*time.Second); err != nil { // its own flushes
		return nil, nil, err
	}
	v := values{}
	hot, err := coldReads(ctx, srv, srv, o, v)
	v[p50], v[p99], v[p999] = hot.Latency.P50, hot.Latency.P99, hot.Latency.P999
	if err != nil || k.Name != "skylark" || b.noop == "" {
		return v, hot.Errors, err
	}
	idle, err := b.fresh(ctx, server.Noop(b.noop, false), nil)
	if err != nil {
		return v, hot.Errors, err
	}
	defer idle.Stop(syscall.SIGKILL)
	beside, err := coldReads(ctx, srv, idle, o, values{})
	v[floorP50], v[floorP99], v[floorP999] = beside.Latency.P50, beside.Latency.P99, beside.Latency.P999
	return v, hot.Errors, err
}

// coldReads takes the log of srv out of memory and reads it back, with 5,000 sends a second to hot meanwhile.
func coldReads(ctx context.Context, srv, hot *server.Server, o load.Options, v values) (sent load.Result, err error) {
	left, err := srv.Evict()
	if err != nil {
		return sent, err
	}
	v[coldLeft] = left * 100
	sendCtx, stop := context.WithCancel(ctx)
	defer stop()
	steady := o
	steady.Addr, steady.PID = hot.Addr, hot.PID()
	steady.Topic, steady.Rate, steady.Measure = "BenchTopic", 5000, time.Hour
	done := make(chan error, 1)
	go func() {
		var err error
		sent, err = load.Send(sendCtx, steady)
		done <- err
	}()
	err = pause(ctx, steady.Warm+200*time.Millisecond)
	if err == nil {
		o.Once, o.Conns = true, 2
		began := time.Now()
		var r load.Pulled
		r, err = load.Pull(ctx, o)
		v[coldGiB], v[coldMiB] = float64(r.Bytes)/(1<<30), float64(r.Bytes)/(1<<20)/time.Since(began).Seconds()
	}
	stop()
	return sent, errors.Join(err, <-done)
}

// manyQueues compares sends over eight queues with sends over all queues of many topics, and starts again with them.
func manyQueues(ctx context.Context, b *bed, k server.Kind, o load.Options) (values, failures, error) {
	srv, err := b.fresh(ctx, k, nil)
	if err != nil {
		return nil, nil, err
	}
	stop := func() { srv.Stop(syscall.SIGKILL) }
	defer func() { stop() }()
	few := load.Options{Addr: srv.Addr, PID: srv.PID(), Warm: o.Warm, Measure: o.Measure}
	base, _, err := alternate(ctx, srv, k, few)
	if err != nil {
		return nil, nil, err
	}
	before := load.MemoryOf(srv.PID())
	o.Addr, o.PID, o.Topic = srv.Addr, srv.PID(), "BenchMany"
	if err := load.CreateTopics(o); err != nil {
		return nil, nil, err
	}
	if err := firstMessages(ctx, o); err != nil {
		return nil, nil, err
	}
	rates, failed, err := alternate(ctx, srv, k, few, o)
	if err != nil {
		return nil, nil, err
	}
	after := load.MemoryOf(srv.PID())
	v := values{
		baseRate: base[0].rate, fewRate: rates[0].rate, manyRate: rates[1].rate, lostRate: 100 * (1 - rates[1].share),
		fewCPU: rates[0].cpu, manyCPU: rates[1].cpu,
		queuesAnon: after.Anonymous - before.Anonymous, queuesFile: after.File - before.File,
	}
	srv.Stop(syscall.SIGTERM)
	began := time.Now()
	again, err := k.Run(ctx, server.Options{Dir: srv.Dir})
	if err != nil {
		return nil, nil, err
	}
	stop = func() { again.Stop(syscall.SIGKILL) }
	err = untilSend(ctx, again)
	v[cleanStartMs] = since(began)
	return v, failed, err
}

// turns are the medians of what one load did: a single turn of a second differs by half from the next one. share is its rate by
// that of the first load in the turn before.
type turns struct{ rate, share, cpu float64 }

// alternate measures loads in turns, each on resident pages, and returns what each came to and the failures of the last one.
func alternate(ctx context.Context, srv *server.Server, k server.Kind, loads ...load.Options) (all []turns, failed failures, err error) {
	const each = 5
	results := make([][]load.Result, len(loads))
	for range each {
		for i, o := range loads {
			if err := warm(srv, k); err != nil {
				return nil, nil, err
			}
			r, err := load.Send(ctx, o)
			if err != nil {
				return nil, nil, err
			}
			results[i], failed = append(results[i], r), r.Errors
		}
	}
	for i := range loads {
		all = append(all, turns{
			rate:  medianOf(each, func(n int) float64 { return results[i][n].PerSecond }),
			share: medianOf(each, func(n int) float64 { return results[i][n].PerSecond / results[0][n].PerSecond }),
			cpu:   medianOf(each, func(n int) float64 { return results[i][n].CPUMicros }),
		})
	}
	return all, failed, nil
}

func medianOf(n int, value func(int) float64) float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = value(i)
	}
	slices.Sort(v)
	return median(v)
}

// firstMessages gives each queue one before the clock runs: that makes its first file, once in its life. A connection goes through the
// queues in their order, so it has to last for all of them.
func firstMessages(ctx context.Context, o load.Options) error {
	o.PID, o.Conns, o.Warm = 0, 1, time.Nanosecond
	for o.Measure = time.Second; o.Measure < 2*time.Minute; o.Measure *= 2 {
		r, err := load.Send(ctx, o)
		if err != nil || r.Messages >= int64(o.Topics*o.Queues) {
			return err
		}
	}
	return fmt.Errorf("not all of %d queues had a message after minutes", o.Topics*o.Queues)
}

// firstBusy raises the rate until the broker answers busy or falls behind. 0 in place of a rate: not found below the last step.
func firstBusy(ctx context.Context, _ *running, o load.Options) (values, failures, error) {
	o.Measure = 2 * time.Second
	v := values{busyAt: 0, busyBelow: 0}
	for rate := 10_000.0; rate < 600_000; rate *= 1.5 {
		o.Rate = int(rate)
		r, err := load.Send(ctx, o)
		if err != nil {
			return nil, nil, err
		}
		if len(r.Errors) > 0 || r.PerSecond < 0.9*rate {
			v[busyAt] = rate
			return v, r.Errors, nil
		}
		v[busyBelow] = r.PerSecond
	}
	return v, nil, nil
}

// bitMapPull is filteredPull on a broker that writes bit maps, for a group that was registered before the messages came.
func bitMapPull(ctx context.Context, b *bed, k server.Kind, o load.Options) (values, failures, error) {
	srv, err := b.fresh(ctx, k, map[string]string{"enableConsumeQueueExt": "true", "enableCalcFilterBitMap": "true"})
	if err != nil {
		return nil, nil, err
	}
	defer srv.Stop(syscall.SIGKILL)
	// A server of its own has not run yet: Java's compiler gets some time.
	o.Addr, o.PID, o.Warm = srv.Addr, srv.PID(), 3*time.Second
	if err := load.CreateTopics(o); err != nil {
		return nil, nil, err
	}
	group, err := load.Subscribe(o)
	if err != nil {
		return nil, nil, err
	}
	defer group.Close()
	return filteredPull(ctx, nil, o)
}
