package main

import (
	"context"
	"fmt"

	"github.com/skylarkmq/skylark/bench/load"
)

// A row is one kind of work, measured on every server in turn.
type row struct {
	name      string
	budget    string // of ours, from the design: resident pages
	syncFlush bool   // on a broker with flushDiskType=SYNC_FLUSH
	noop      bool   // the no-op server can do it as well
	options   load.Options
	run       func(context.Context, load.Options) (load.Result, error)
}

var rows = []row{
	{name: "send 1 KiB, 4 × 64, JSON", budget: "2.2 µs", noop: true, run: load.Send},
	{name: "send 1 KiB, 4 × 64, binary header", budget: "1.7 µs", noop: true, options: load.Options{Binary: true}, run: load.Send},
	{name: "send 1 KiB, 64 × 1", budget: "13 µs", noop: true, options: load.Options{Conns: 64, InFlight: 1}, run: load.Send},
	{name: "send 1 KiB, 1 × 1", budget: "38 µs", noop: true, options: load.Options{Conns: 1, InFlight: 1}, run: load.Send},
	{name: "batch 16 × 256 B, a message", budget: "0.7 µs", options: load.Options{Batch: 16, Size: 256, InFlight: 16}, run: load.Send},
	{name: "transaction (half + commit) 1 KiB, 4 × 64", budget: "4 µs", options: load.Options{Transaction: true, Topic: "BenchTx"}, run: load.Send},
	{name: "pull 32 × 1 KiB, tail, a message", budget: "0.6 µs", options: load.Options{Topic: "BenchTail"}, run: tailPull},
	{name: "open loop 15,000/s", budget: "p99 3 ms", noop: true, options: load.Options{Rate: 15000}, run: load.Send},
	{name: "open loop 5,000/s", budget: "p99 2 ms", noop: true, options: load.Options{Rate: 5000}, run: load.Send},
	{name: "send to delivery, long polling, 2,000/s", budget: "p99 1 ms", options: load.Options{Rate: 2000, Topic: "BenchDeliver"}, run: load.Deliver},
	{name: "SYNC_FLUSH 64 × 1", budget: "≥ 33 k/s", syncFlush: true, options: load.Options{Conns: 64, InFlight: 1}, run: load.Send},
	{name: "SYNC_FLUSH 1 × 1", budget: "≥ 3 k/s", syncFlush: true, options: load.Options{Conns: 1, InFlight: 1}, run: load.Send},
	{name: "SYNC_FLUSH 4 × 64", budget: "≥ 180 k/s", syncFlush: true, run: load.Send},
}

// tailPull reads messages that were just written, so that both brokers serve them from memory.
func tailPull(ctx context.Context, o load.Options) (load.Result, error) {
	fill := o
	fill.Rate, fill.Conns, fill.Measure, fill.PID = 40_000, 1, o.Measure/4, 0
	if _, err := load.Send(ctx, fill); err != nil {
		return load.Result{}, fmt.Errorf("fill the topic: %w", err)
	}
	return load.Pull(ctx, o)
}
