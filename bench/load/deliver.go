package load

import (
	"bytes"
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// dueMark stands in a body before the 19 digits of the nanosecond at which the message was due to be sent.
var dueMark = []byte("due=")

const dueDigits = 19

// Deliver sends at o.Rate on one connection while a long-polling consumer waits on every queue, and measures
// from when a message was due to be sent to when its consumer has read it.
func Deliver(ctx context.Context, o Options) (Result, error) {
	o = o.withDefaults()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	var lat latencies
	var failed failures
	ready := make(chan struct{}, o.Queues)
	from := time.Now().Add(o.Warm)
	for q := range o.Queues {
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
			follow(ctx, c, &o, q, ready, from, &lat, &failed)
		})
	}
	for range o.Queues {
		select {
		case <-ready:
		case <-time.After(10 * time.Second):
			stop()
			wg.Wait()
			failed.count("a consumer found no end of its queue")
			return Result{Errors: failed.m}, nil
		}
	}
	w := openWindow(o.PID)
	sent, err := pace(ctx, &o, &failed)
	r := w.close(sent)
	// What is still on its way arrives within the time a held pull needs to wake.
	pauseFor(ctx, 200*time.Millisecond)
	stop()
	wg.Wait()
	r.Latency, r.Errors = lat.percentiles(), failed.m
	return r, err
}

// follow pulls the tail of queue q: the first pull asks far beyond the end and learns where that is.
func follow(ctx context.Context, c *client, o *Options, q int, ready chan<- struct{}, from time.Time, lat *latencies, failed *failures) {
	offset, first := int64(1)<<40, true
	var ns []int64
	defer func() { lat.merge(ns) }()
	for ctx.Err() == nil {
		if _, err := c.Write(pullFrame(nil, o, 1, q, offset, !first)); err != nil {
			return
		}
		cmd, err := c.next()
		if err != nil {
			return
		}
		next, err := strconv.ParseInt(cmd.Fields.String("nextBeginOffset"), 10, 64)
		if err != nil {
			failed.add(cmd)
			return
		}
		offset = next
		if first {
			first = false
			ready <- struct{}{}
			continue
		}
		if cmd.Code == int32(code.Success) {
			ns = arrivals(cmd, from, ns)
		}
	}
}

func arrivals(cmd *protocol.Command, from time.Time, ns []int64) []int64 {
	now := time.Now().UnixNano()
	eachRecord(cmd.Body, func(rec []byte) {
		at := bytes.Index(rec, dueMark)
		if at < 0 || at+len(dueMark)+dueDigits > len(rec) {
			return
		}
		at += len(dueMark)
		due, err := strconv.ParseInt(string(rec[at:at+dueDigits]), 10, 64)
		if err == nil && due >= from.UnixNano() {
			ns = append(ns, now-due)
		}
	})
	return ns
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
