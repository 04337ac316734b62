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

// pullGroup is the consumer group of Pull.
const pullGroup = "BenchConsumer"

// pullFrame appends one PULL_MESSAGE for queue q from offset.
func pullFrame(dst []byte, o *Options, group string, opaque int32, q int, offset int64, suspend bool) []byte {
	flags, wait := pullSubscription, "0"
	if o.Registered {
		flags = 0
	}
	if suspend {
		flags, wait = flags|pullSuspend, "15000"
	}
	cmd := protocol.NewRequest(code.PullMessage, nil, nil)
	cmd.Opaque, cmd.Language = opaque, protocol.Go
	if o.Binary {
		cmd.Serialize = protocol.RocketMQ
	}
	for _, f := range [][2]string{
		{"consumerGroup", group},
		{"topic", o.Topic},
		{"queueId", strconv.Itoa(q)},
		{"queueOffset", strconv.FormatInt(offset, 10)},
		{"maxMsgNums", strconv.Itoa(o.MaxNums)},
		{"sysFlag", strconv.Itoa(flags)},
		{"commitOffset", "0"},
		{"suspendTimeoutMillis", wait},
		{"subscription", o.Filter},
		{"subVersion", "0"},
		{"expressionType", o.FilterType},
	} {
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
	passed    atomic.Int64 // offsets gone by, whether their messages matched or not
	answers   atomic.Int64
	bytes     atomic.Int64
	failed    failures
}

// Pulled is the result of a pull run: Messages and CPU are those that were received, Passed those that were looked at.
type Pulled struct {
	Result
	Passed, Bytes int64
	PassedMicros  float64 // server CPU a message that was looked at
}

// Pull reads the topic's queues, each connection its share of them, one pull a queue in flight: over and over for the measured time,
// or with Once from its beginning to the end of each queue, however long that takes.
func Pull(ctx context.Context, o Options) (Pulled, error) {
	o = o.withDefaults()
	run := &pullRun{Options: o}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	var conns []*client
	for range min(o.Conns, o.Queues) {
		c, err := dial(o.Addr)
		if err != nil {
			return Pulled{}, err
		}
		defer c.Close()
		defer context.AfterFunc(ctx, func() { _ = c.Close() })()
		conns = append(conns, c)
	}
	w := openWindow(o.PID)
	run.measuring.Store(o.Once)
	for i, c := range conns {
		wg.Go(func() { run.loop(ctx, c, i) })
	}
	if !o.Once {
		pauseFor(ctx, o.Warm)
		w = openWindow(o.PID)
		run.measuring.Store(true)
		pauseFor(ctx, o.Measure)
		run.measuring.Store(false)
	} else {
		wg.Wait()
	}
	r := Pulled{Result: w.close(run.messages.Load()), Passed: run.passed.Load(), Bytes: run.bytes.Load()}
	stop()
	wg.Wait()
	r.Answers, r.Errors = run.answers.Load(), run.failed.snapshot()
	if r.Passed > 0 {
		r.PassedMicros = r.CPUShare * r.Seconds * 1e6 / float64(r.Passed)
	}
	return r, nil
}

// queueEnd marks a queue that is read no further.
const queueEnd = -1

func (run *pullRun) loop(ctx context.Context, c *client, share int) {
	offsets := make([]int64, run.Queues)
	var out []byte
	for ctx.Err() == nil {
		out = out[:0]
		asked := 0
		for q := share; q < run.Queues; q += min(run.Conns, run.Queues) {
			if offsets[q] != queueEnd {
				out = pullFrame(out, &run.Options, pullGroup, int32(q+1), q, offsets[q], false)
				asked++
			}
		}
		if asked == 0 {
			return
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
	case code.Success, code.PullRetryImmediately, code.PullOffsetMoved:
		if err != nil {
			run.failed.add(cmd)
			offsets[q] = queueEnd
			return
		}
		if run.measuring.Load() {
			run.messages.Add(eachRecord(cmd.Body, nil))
			run.bytes.Add(int64(len(cmd.Body)))
			run.passed.Add(max(0, next-offsets[q]))
			run.answers.Add(1)
		}
		offsets[q] = next
	case code.PullNotFound: // at the end: from the start again
		offsets[q] = 0
		if run.Once {
			offsets[q] = queueEnd
		}
	default:
		run.failed.add(cmd)
		if run.Once {
			offsets[q] = queueEnd
		}
	}
}
