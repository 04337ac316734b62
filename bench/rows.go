package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/skylarkmq/skylark/bench/load"
	"github.com/skylarkmq/skylark/bench/record"
	"github.com/skylarkmq/skylark/bench/server"
)

type values = map[string]float64

type failures = map[string]int64

// A row is one kind of work, measured on every server in turn. Either run measures on a server that is up, or alone starts servers of
// its own.
type row struct {
	name     string
	section  string
	budget   string // of ours, from the design
	core     bool   // measured without -all
	sync     bool   // on a broker with flushDiskType=SYNC_FLUSH
	fresh    bool   // on log files that are new, so that every message touches memory for the first time
	pinned   bool   // server on one core, load on the other
	noop     bool   // the no-op server can do it as well; in a sync row it writes and flushes bytes that mean nothing
	oursOnly bool
	once     bool // in the first round only: it is long
	options  load.Options
	run      func(context.Context, *running, load.Options) (values, failures, error)
	alone    func(context.Context, *bed, server.Kind, load.Options) (values, failures, error)
	shown    []string // names of the values, in their order, where they are not those of a rate
}

const (
	sends    = "Sending, resident pages"
	fresh    = "Sending, fresh files"
	pinnedOn = "Pinned: the server on one core, the load on the other"
	reads    = "Reading and delivery"
	openLoop = "Open loop: latency from the moment a message was due"
	flushed  = "SYNC_FLUSH"
	lives    = "Start, stop, memory, much of everything"
	official = "The official Java client"
)

var rows = []row{
	{section: sends, name: "send 1 KiB, 4 × 64, JSON", budget: "≤ 2.2 µs", core: true, noop: true, run: send},
	{section: sends, name: "send 1 KiB, 4 × 64, binary header", budget: "≤ 1.7 µs", core: true, noop: true, options: load.Options{Binary: true}, run: send},
	{section: sends, name: "send 1 KiB, 64 × 1", budget: "≤ 13 µs, ≥ 55 k/s", core: true, noop: true, options: load.Options{Conns: 64, InFlight: 1}, run: send},
	{section: sends, name: "send 1 KiB, 1 × 1", budget: "≤ 38 µs, p50 ≤ 65 µs", core: true, noop: true, options: load.Options{Conns: 1, InFlight: 1}, run: send},
	{section: sends, name: "batch 16 × 256 B, a message", budget: "≤ 0.7 µs", core: true, options: load.Options{Batch: 16, Size: 256, InFlight: 16}, run: send},
	{section: sends, name: "transaction (half + commit) 1 KiB, 4 × 64", budget: "≤ 4 µs", core: true, options: load.Options{Transaction: true, Topic: "BenchTx"}, run: send},
	{section: sends, name: "transaction (half + commit) 1 KiB, 64 × 1", options: load.Options{Transaction: true, Topic: "BenchTx", Conns: 64, InFlight: 1}, run: send},
	{section: sends, name: "send 128 B, 4 × 64", noop: true, options: load.Options{Size: 128}, run: send},
	{section: sends, name: "send 128 B, 64 × 1", noop: true, options: load.Options{Size: 128, Conns: 64, InFlight: 1}, run: send},
	{section: sends, name: "send 64 KiB, 4 × 16", options: load.Options{Size: 64 << 10, InFlight: 16}, run: send},
	{section: sends, name: "send 64 KiB, 1 × 1", options: load.Options{Size: 64 << 10, Conns: 1, InFlight: 1}, run: send},
	{section: sends, name: "send 1 KiB, 1 × 64", noop: true, options: load.Options{Conns: 1}, run: send},
	{section: sends, name: "send 1 KiB, 64 × 64", noop: true, options: load.Options{Conns: 64}, run: send},
	{section: sends, name: "send 1 KiB, 500 × 1", noop: true, options: load.Options{Conns: 500, InFlight: 1}, run: send},
	{section: sends, name: "send 1 KiB, one-way, 4 × 64, stored messages", options: load.Options{OneWay: true}, run: send},

	{section: fresh, name: "send 1 KiB, 4 × 64, JSON, fresh files", budget: "≤ 6 µs", core: true, fresh: true, run: send},
	{section: fresh, name: "send 1 KiB, 64 × 1, fresh files", core: true, fresh: true, options: load.Options{Conns: 64, InFlight: 1}, run: send},
	{section: fresh, name: "batch 16 × 256 B, fresh files", budget: "≤ 1.8 µs", core: true, fresh: true, options: load.Options{Batch: 16, Size: 256, InFlight: 16}, run: send},

	{section: pinnedOn, name: "send 1 KiB, 4 × 64, JSON, pinned", pinned: true, noop: true, run: send},
	{section: pinnedOn, name: "send 1 KiB, 64 × 1, pinned", pinned: true, noop: true, options: load.Options{Conns: 64, InFlight: 1}, run: send},
	{section: pinnedOn, name: "send 1 KiB, 1 × 1, pinned", pinned: true, noop: true, options: load.Options{Conns: 1, InFlight: 1}, run: send},
	{section: pinnedOn, name: "open loop 5,000/s, pinned", pinned: true, noop: true, options: load.Options{Rate: 5000}, run: send},

	{section: reads, name: "pull 32 × 1 KiB, tail, a message", budget: "≤ 0.6 µs", core: true, options: load.Options{Topic: "BenchTail"}, run: tailPull},
	{section: reads, name: "pull, one of 100 by tag, a message looked at", options: load.Options{Topic: "BenchMarked", MarkEvery: 100, Filter: "TagB", FilterType: "TAG"}, run: filteredPull},
	{section: reads, name: "pull, one of 100 by SQL92, a message looked at", options: load.Options{Topic: "BenchMarked", MarkEvery: 100, Filter: "a = 'Mark1'", FilterType: "SQL92"}, run: filteredPull},
	{section: reads, name: "pull, one of 100 by SQL92 with bit maps, a message looked at", options: load.Options{Topic: "BenchMarked", MarkEvery: 100, Filter: "a = 'Mark1'", FilterType: "SQL92", Registered: true}, alone: bitMapPull, shown: filterShown},
	{section: reads, name: "follow the end, 1 group, 10,000/s, a delivery", options: load.Options{Rate: 10_000, Topic: "BenchDeliver"}, run: follow, shown: followShown},
	{section: reads, name: "follow the end, 10 groups, 1,000/s, a delivery", options: load.Options{Rate: 1000, Groups: 10, Topic: "BenchDeliver"}, run: follow, shown: followShown},
	{section: reads, name: "follow the end, 1,000 groups, 10/s, a delivery", options: load.Options{Rate: 10, Groups: 1000, Topic: "BenchDeliver"}, run: follow, shown: followShown},
	{section: reads, name: "fan-out to 5 groups, 5,000/s, a delivery", options: load.Options{Rate: 5000, Groups: 5, Topic: "BenchDeliver"}, run: deliver},

	{section: openLoop, name: "open loop 15,000/s", budget: "p50 ≤ 0.2, p99 ≤ 3, p99.9 ≤ 7 ms", core: true, noop: true, options: load.Options{Rate: 15000}, run: send},
	{section: openLoop, name: "open loop 5,000/s", budget: "p50 ≤ 0.1, p99 ≤ 2 ms", core: true, noop: true, options: load.Options{Rate: 5000}, run: send},
	{section: openLoop, name: "send to delivery, long polling, 2,000/s", budget: "p50 ≤ 0.2, p99 ≤ 1 ms", core: true, options: load.Options{Rate: 2000, Topic: "BenchDeliver"}, run: deliver},
	{section: openLoop, name: "mixed: 8,000/s sent while 2 groups follow 1,000/s and one reads back", options: load.Options{Rate: 8000}, run: mixed},

	{section: flushed, name: "SYNC_FLUSH 64 × 1", budget: "≥ 33 k/s", core: true, sync: true, options: load.Options{Conns: 64, InFlight: 1}, run: send},
	{section: flushed, name: "SYNC_FLUSH 1 × 1", budget: "≥ 3 k/s", core: true, sync: true, noop: true, options: load.Options{Conns: 1, InFlight: 1}, run: send},
	{section: flushed, name: "SYNC_FLUSH 4 × 64", budget: "≥ 180 k/s", core: true, sync: true, noop: true, run: send},

	{section: lives, name: "empty start and idle connections", budget: "start ≤ 100 ms; idle ≤ 30 MiB, ≤ 0.3 %; 9,000 connections ≤ 20 MiB", core: true, once: true, alone: idle, shown: idleShown},
	{section: lives, name: "kill -9 and recovery", budget: "≤ 1 s with 3.7 GiB", core: true, once: true, alone: recovery, shown: recoveryShown},
	{section: lives, name: "catch-up of 2 GiB from a cold disk while 5,000/s are sent", budget: "send p99.9 ≤ 5 ms", once: true, alone: catchUp, shown: catchUpShown},
	{section: lives, name: "100,000 queues", budget: "≤ 300 MiB, ≤ 20 % of throughput, start ≤ 2 s", once: true, oursOnly: true, options: load.Options{Topics: 100, Queues: 1000}, alone: manyQueues, shown: queuesShown},
	{section: lives, name: "10,000 queues", once: true, options: load.Options{Topics: 10, Queues: 1000}, alone: manyQueues, shown: queuesShown},
	{section: lives, name: "load at which the first busy answer comes", once: true, run: firstBusy, shown: busyShown},

	{section: official, name: "DefaultMQProducer, 64 threads send synchronously", run: javaClient("send", 64)},
	{section: official, name: "DefaultMQProducer, 256 in flight, asynchronously", run: javaClient("async", 256)},
	{section: official, name: "DefaultMQPushConsumer reads what is there", run: javaClient("consume", 20)},
}

func rowOf(name string) row {
	for _, r := range rows {
		if r.name == name {
			return r
		}
	}
	return row{name: name, section: "Rows of another version"}
}

// Names of values that more than one row has.
const (
	cpuMicros    = "CPU µs"
	perSecond    = "messages/s"
	p50          = "p50 ms"
	p99          = "p99 ms"
	p999         = "p99.9 ms"
	anonymous    = "anonymous MiB"
	fileMiB      = "file MiB"
	clientMicros = "client µs"
	othersShare  = "others' cores"
	withoutSends = "CPU µs less the sends"
	matchedRate  = "matched/s"
)

var (
	followShown = []string{cpuMicros, withoutSends, perSecond, p50, p99}
	filterShown = []string{cpuMicros, perSecond, matchedRate}
)

func valuesOf(r load.Result) values {
	v := values{
		cpuMicros: r.CPUMicros, perSecond: r.PerSecond, anonymous: r.Memory.Anonymous, fileMiB: r.Memory.File,
		clientMicros: r.ClientMicros, othersShare: r.OthersShare,
	}
	if r.Latency.Max > 0 {
		v[p50], v[p99], v[p999] = r.Latency.P50, r.Latency.P99, r.Latency.P999
	}
	return v
}

// brief is what a waiting person reads.
func (r row) brief(one record.One) string {
	if r.shown != nil {
		text := ""
		for _, name := range r.shown {
			text += fmt.Sprintf("%s %s; ", name, short(one.Values[name]))
		}
		return text
	}
	text := short(one.Values[cpuMicros]) + " µs, " + short(one.Values[perSecond]) + "/s"
	if v, ok := one.Values[p99]; ok {
		text += ", p99 " + short(v) + " ms"
	}
	for what, n := range one.Errors {
		text += fmt.Sprintf(" [%d × %s]", n, what)
	}
	return text
}

func send(ctx context.Context, _ *running, o load.Options) (values, failures, error) {
	r, err := load.Send(ctx, o)
	return valuesOf(r), r.Errors, err
}

func deliver(ctx context.Context, _ *running, o load.Options) (values, failures, error) {
	r, err := load.Deliver(ctx, o)
	return valuesOf(r), r.Errors, err
}

// tailPull reads messages that were just written, so that both brokers serve them from memory.
func tailPull(ctx context.Context, _ *running, o load.Options) (values, failures, error) {
	fill := o
	fill.Rate, fill.Conns, fill.Measure, fill.PID = 40_000, 1, o.Measure/4, 0
	if _, err := load.Send(ctx, fill); err != nil {
		return nil, nil, fmt.Errorf("fill the topic: %w", err)
	}
	r, err := load.Pull(ctx, o)
	return valuesOf(r.Result), r.Errors, err
}

// filteredPull reads a topic of which one message in a hundred matches. What counts is a message that was looked at.
func filteredPull(ctx context.Context, _ *running, o load.Options) (values, failures, error) {
	fill := o
	fill.Conns, fill.Warm, fill.Measure, fill.PID = 1, 10*time.Millisecond, o.Measure/4, 0
	if _, err := load.Send(ctx, fill); err != nil {
		return nil, nil, fmt.Errorf("fill the topic: %w", err)
	}
	r, err := load.Pull(ctx, o)
	if err == nil && r.Messages == 0 {
		err = errors.New("no message matched: another topic, or another filter than meant")
	}
	v := valuesOf(r.Result)
	v[cpuMicros], v[perSecond] = r.PassedMicros, float64(r.Passed)/r.Seconds
	v[matchedRate] = r.PerSecond
	return v, r.Errors, err
}

// followedSends are the sends a second of the follow rows, those to other topics among them: a server that is awake all the time has less
// to do for a delivery than one that is woken for it.
const followedSends = 10_000

// follow is deliver, and the same sends with nobody there: what is left is what the deliveries cost. The rows of one, ten and a thousand
// groups have as many deliveries a second, and as many sends, so that what one costs can be compared.
func follow(ctx context.Context, _ *running, o load.Options) (values, failures, error) {
	sends, err := besideOthers(ctx, o, func() (load.Result, error) {
		alone := o
		alone.Conns = 1 // as Deliver sends
		return load.Send(ctx, alone)
	})
	if err != nil {
		return nil, sends.Errors, err
	}
	r, err := besideOthers(ctx, o, func() (load.Result, error) { return load.Deliver(ctx, o) })
	v := valuesOf(r)
	if r.PerSecond > 0 {
		v[withoutSends] = (r.CPUShare - sends.CPUShare) * 1e6 / r.PerSecond
	}
	return v, r.Errors, err
}

// besideOthers measures while what o lacks of followedSends goes to another topic.
func besideOthers(ctx context.Context, o load.Options, measure func() (load.Result, error)) (load.Result, error) {
	if o.Rate >= followedSends {
		return measure()
	}
	ctx, stop := context.WithCancel(ctx)
	others := o
	others.Topic, others.Rate, others.Groups, others.Conns, others.PID, others.Measure = "", followedSends-o.Rate, 0, 1, 0, time.Minute
	ended := make(chan error, 1)
	go func() {
		_, err := load.Send(ctx, others)
		ended <- err
	}()
	r, err := measure()
	stop()
	if e := <-ended; err == nil && !errors.Is(e, context.Canceled) {
		err = e
	}
	return r, err
}

// mixed is a bit of everything at once; latency and CPU are those of the sends.
func mixed(ctx context.Context, _ *running, o load.Options) (values, failures, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	follow, back := o, o
	follow.Topic, follow.Rate, follow.Groups, follow.PID = "BenchDeliver", 1000, 2, 0
	back.Topic, back.Conns, back.Rate, back.PID = "BenchTail", 1, 0, 0
	type end struct {
		name string
		r    load.Result
		err  error
	}
	ends := make(chan end, 2)
	go func() {
		r, err := load.Deliver(ctx, follow)
		ends <- end{"deliveries/s", r, err}
	}()
	go func() {
		r, err := load.Pull(ctx, back)
		ends <- end{"read back/s", r.Result, err}
	}()
	r, err := load.Send(ctx, o)
	v, failed := valuesOf(r), failures{}
	for range 2 {
		e := <-ends
		if err == nil {
			err = e.err
		}
		v[e.name] = e.r.PerSecond
		for what, n := range e.r.Errors {
			failed[what] += n
		}
	}
	for what, n := range r.Errors {
		failed[what] += n
	}
	return v, failed, err
}
