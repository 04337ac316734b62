package load

import (
	"context"
	"encoding/binary"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// Pull flags (PullSysFlag): the subscription stands in the request; the answer may wait for a message.
const (
	pullSubscription = 4
	pullSuspend      = 2
)

// pullFrame appends one PULL_MESSAGE for queue q from offset.
func pullFrame(dst []byte, o *Options, opaque int32, q int, offset int64, suspend bool) []byte {
	flags, wait := pullSubscription, "0"
	if suspend {
		flags, wait = pullSubscription|pullSuspend, "15000"
	}
	cmd := protocol.NewRequest(code.PullMessage, nil, nil)
	cmd.Opaque, cmd.Language = opaque, protocol.Go
	if o.Binary {
		cmd.Serialize = protocol.RocketMQ
	}
	for _, f := range [][2]string{{"consumerGroup", "BenchConsumer"}, {"topic", o.Topic}, {"queueId", strconv.Itoa(q)},
		{"queueOffset", strconv.FormatInt(offset, 10)}, {"maxMsgNums", strconv.Itoa(o.MaxNums)}, {"sysFlag", strconv.Itoa(flags)},
		{"commitOffset", "0"}, {"suspendTimeoutMillis", wait}, {"subscription", "*"}, {"subVersion", "0"}, {"expressionType", "TAG"}} {
		cmd.Fields.Set(f[0], f[1])
	}
	return protocol.AppendFrame(dst, cmd)
}

// eachRecord walks the stored records of a pull answer; every record begins with its own size.
func eachRecord(body []byte, f func(rec []byte)) (n int64) {
	for len(body) >= 4 {
		size := int(binary.BigEndian.Uint32(body))
		if size < 4 || size > len(body) {
			return n
		}
		if f != nil {
			f(body[:size])
		}
		body = body[size:]
		n++
	}
	return n
}

type pullRun struct {
	Options
	measuring atomic.Bool
	messages  atomic.Int64
	failed    failures
}

// Pull reads the topic's queues over and over, each connection its share of them, one pull a queue in flight.
func Pull(ctx context.Context, o Options) (Result, error) {
	o = o.withDefaults()
	run := &pullRun{Options: o}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	for i := range o.Conns {
		c, err := dial(o.Addr)
		if err != nil {
			stop()
			wg.Wait()
			return Result{}, err
		}
		unblock := context.AfterFunc(ctx, func() { c.Close() })
		wg.Go(func() {
			defer unblock()
			defer c.Close()
			run.loop(ctx, c, i)
		})
	}
	pauseFor(ctx, o.Warm)
	w := openWindow(o.PID)
	run.measuring.Store(true)
	pauseFor(ctx, o.Measure)
	run.measuring.Store(false)
	r := w.close(run.messages.Load())
	stop()
	wg.Wait()
	r.Errors = run.failed.m
	return r, nil
}

func (run *pullRun) loop(ctx context.Context, c *client, share int) {
	offsets := make([]int64, run.Queues)
	var out []byte
	for ctx.Err() == nil {
		out = out[:0]
		asked := 0
		for q := share; q < run.Queues; q += run.Conns {
			out = pullFrame(out, &run.Options, int32(q+1), q, offsets[q], false)
			asked++
		}
		if _, err := c.Write(out); err != nil {
			return
		}
		for range asked {
			cmd, err := c.next()
			if err != nil {
				return
			}
			run.take(cmd, offsets)
		}
	}
}

func (run *pullRun) take(cmd *protocol.Command, offsets []int64) {
	q := int(cmd.Opaque) - 1
	if q < 0 || q >= len(offsets) {
		return
	}
	next, err := strconv.ParseInt(cmd.Fields.String("nextBeginOffset"), 10, 64)
	switch code.Response(cmd.Code) {
	case code.Success:
		n := eachRecord(cmd.Body, nil)
		if run.measuring.Load() {
			run.messages.Add(n)
		}
		offsets[q] = next
	case code.PullNotFound: // at the end: from the start again
		offsets[q] = 0
	case code.PullRetryImmediately, code.PullOffsetMoved:
		if err == nil {
			offsets[q] = next
		}
	default:
		run.failed.add(cmd)
	}
}
