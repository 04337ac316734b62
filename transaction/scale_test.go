package transaction

import (
	"context"
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/message"
)

// endless is a store that only counts: it makes the records of half messages when
// they are asked for.
type endless struct {
	half, op int64
	rec      []byte
	ops      [][]byte
}

const endlessSize = 300

func (e *endless) record(offset int64) []byte {
	if e.rec == nil {
		m := message.Message{
			Topic: message.TopicHalf, BornTimestamp: 1, BornHost: host, StoreHost: host, Body: make([]byte, endlessSize),
			Properties: halfProps("PG", "T", fmt.Sprintf("%032d", 0), 0),
		}
		e.rec, _ = message.Encoding{}.AppendRecord(nil, &m)
	}
	message.Patch(e.rec, message.StoreTimestampAt(e.rec), offset, offset*endlessSize, 1)
	return e.rec
}

func (e *endless) Append(list []message.Message) []Stored {
	out := make([]Stored, len(list))
	for i := range list {
		at := &e.half
		if list[i].Topic == message.TopicOpHalf {
			at = &e.op
			e.ops = append(e.ops, append([]byte(nil), list[i].Body...))
		}
		out[i] = Stored{
			OK: true, QueueOffset: *at, PhyOffset: *at * endlessSize, StoreTimestamp: 1, Size: int32(len(e.record(0))),
		}
		*at++
	}
	return out
}

func (e *endless) Record(phy int64, _ int32, dst []byte) ([]byte, error) {
	return append(dst, e.record(phy/endlessSize)...), nil
}

func (e *endless) Get(topic string, _ int32, offset int64, n int, dst []byte) ([]byte, int64) {
	next := offset
	for ; n > 0; n-- {
		switch topic {
		case message.TopicHalf:
			if next >= e.half {
				return dst, next
			}
			dst = append(dst, e.record(next)...)
		case message.TopicOpHalf:
			if next >= int64(len(e.ops)) {
				return dst, next
			}
			m := message.Message{Topic: topic, BornHost: host, StoreHost: host, Body: e.ops[next], Properties: []byte(opProperties)}
			rec, _ := message.Encoding{}.AppendRecord(nil, &m)
			message.Patch(rec, message.StoreTimestampAt(rec), next, next*endlessSize*1000, 1)
			dst = append(dst, rec...)
		default:
			return dst, next
		}
		next++
	}
	return dst, next
}

func (e *endless) Bounds(topic string, _ int32) (low, high int64) {
	switch topic {
	case message.TopicHalf:
		return 0, e.half
	case message.TopicOpHalf:
		return 0, e.op
	}
	return 0, 0
}

func (e *endless) Sound(*message.View) error                   { return nil }
func (e *endless) Walk(int64, func(*message.View) error) error { return nil }
func (e *endless) Oldest() int64                               { return 0 }
func (e *endless) End() int64                                  { return e.half * endlessSize }
func (e *endless) Flushed() int64                              { return e.half * endlessSize }

// cpu is what this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestScale: ten million settled and a hundred thousand open half messages. A
// round that checks all the open ones, and a start that finds them, cost by the open.
func TestScale(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	total, opens := int64(10_100_000), int64(100_000)
	if raceEnabled {
		total, opens = total/10, opens/10
	}
	st := &endless{half: total}
	var body []byte
	for o := range total {
		if o%(total/opens) == 7 {
			continue
		}
		if body = AppendOp(body, o); len(body) > 4096 {
			st.ops, body = append(st.ops, body), nil
		}
	}
	st.ops = append(st.ops, body)
	st.op = int64(len(st.ops))
	clk := clock.NewFake(time.UnixMilli(10_000_000))
	set, checks := settings(), 0
	set.ReservedMs = 1 << 40
	c := New(Options{
		Store: st, Offsets: &table{now: map[string]int64{}}, Settings: func() Settings { return set }, Host: host, Clock: clk, Log: zerolog.Nop(),
		Check: func(*Check) bool { checks++; return true },
	})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := cpu()
	c.Load()
	load := cpu() - began
	runtime.GC()
	runtime.ReadMemStats(&after)
	if c.Open() != int(opens) {
		t.Fatalf("%d open, want %d", c.Open(), opens)
	}
	began = cpu()
	c.Round(context.Background())
	round := cpu() - began
	began = cpu()
	set.TimeoutMs = 1 << 40
	c.Round(context.Background())
	idle := cpu() - began
	if checks != int(opens) || c.Open() != int(opens) {
		t.Fatalf("%d checks, %d open", checks, c.Open())
	}
	perHalf := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / opens
	t.Logf("start %v, a round that checks all %v, one with nothing due %v; %d bytes an open half message", load, round, idle, perHalf)
	if round > time.Second && !raceEnabled {
		t.Errorf("a round took %v of CPU, want under 1 s", round)
	}
	if perHalf > 512 {
		t.Errorf("%d bytes an open half message", perHalf)
	}
}
