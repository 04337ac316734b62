package transaction

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
)

// Settings are asked for each time they matter, so that they may change while the
// broker runs. The names are those of the broker's properties.
type Settings struct {
	CheckInterval time.Duration // transactionCheckInterval
	TimeoutMs     int64         // transactionTimeOut
	CheckMax      int32         // transactionCheckMax
	OpMaxSize     int           // transactionOpMsgMaxSize
	OpInterval    time.Duration // transactionOpBatchInterval
	MetricsEvery  time.Duration // transactionMetricFlushInterval
	ReservedMs    int64         // fileReservedTime
	Passive       bool          // a slave: nothing is checked
}

// Options of a Coordinator.
type Options struct {
	Store    Store
	Offsets  Offsets
	Settings func() Settings
	// Check asks a producer of the group; false when there is none.
	Check func(*Check) bool
	// PrepareDiscard makes the topic of discarded half messages if it is not there.
	PrepareDiscard func()
	Host           netip.AddrPort // of op records
	Clock          clock.Clock
	Log            zerolog.Logger
	Disk           vfs.FS
	MetricsFile    string
}

// Check is a question to a producer: what became of this transaction? It is valid
// for the call.
type Check struct {
	Group     string
	RealTopic string
	RealQueue int32
	Uniq      []byte
	Half      *message.View // the newest copy: its offsets are those END_TRANSACTION must name
}

// Counters are what happened since the start.
type Counters struct {
	Halves, Commits, Rollbacks    atomic.Int64
	ChecksSent, ChecksUnheard     atomic.Int64
	ChecksAnswered                atomic.Int64
	Discarded, Resumed            atomic.Int64
	Repeated                      atomic.Int64 // decisions on what was settled already
	Refused                       atomic.Int64 // half messages over maxOpenTransactions
	Rounds, RoundMs, LastRoundEnd atomic.Int64
}

// Coordinator keeps the half messages of one broker.
type Coordinator struct {
	opt   Options
	clk   clock.Clock
	log   zerolog.Logger
	index index
	ops   opBuffer

	opBody []byte       // of the op records that are written, under ops.taking
	size   atomic.Int64 // of the index

	Counters Counters

	progress progress
	metrics  metricsFile
	round    sync.Mutex // one at a time
}

// New makes a coordinator that knows nothing yet: Load comes next.
func New(opt Options) *Coordinator {
	c := &Coordinator{opt: opt, clk: opt.Clock, log: opt.Log}
	c.index.init()
	c.ops.init()
	return c
}

// Run writes op records, checks, and saves the metrics, until ctx ends; then it
// writes what is left. Nobody may hold a Ticket for long after that.
func (c *Coordinator) Run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { c.checkLoop(ctx) })
	c.opLoop(ctx)
	wg.Wait()
	c.Flush()
	c.progress.publish(c, true)
	c.saveMetrics()
}

// opLoop is the first goroutine.
func (c *Coordinator) opLoop(ctx context.Context) {
	saved := c.clk.NowMs()
	for {
		set := c.opt.Settings()
		timer := c.clk.NewTimer(max(10*time.Millisecond, set.OpInterval))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-c.ops.full:
			timer.Stop()
		case <-timer.C():
		}
		c.Flush()
		c.progress.publish(c, false)
		if now := c.clk.NowMs(); now-saved >= set.MetricsEvery.Milliseconds() {
			c.saveMetrics()
			saved = now
		}
	}
}

// checkLoop is the second.
func (c *Coordinator) checkLoop(ctx context.Context) {
	for {
		timer := c.clk.NewTimer(max(10*time.Millisecond, c.opt.Settings().CheckInterval))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C():
		}
		if !c.opt.Settings().Passive {
			c.Round(ctx)
		}
	}
}

// Begin takes a Ticket: see opBuffer.
func (c *Coordinator) Begin() Ticket { return c.ops.begin() }

// End gives it back with the offsets that Settled has returned. Ending no ticket
// does nothing.
func (c *Coordinator) End(t Ticket, offsets []int64) {
	if t.side != 0 {
		c.ops.end(t, offsets, c.opt.Settings().OpMaxSize)
	}
}

// Open is how many half messages are open.
func (c *Coordinator) Open() int { return int(c.size.Load()) }

// Full says that no half message more is taken in, when so many may be open.
func (c *Coordinator) Full(maxOpen int) bool {
	if c.Open() < maxOpen {
		return false
	}
	c.Counters.Refused.Add(1)
	return true
}

// Flush writes op records for everything settled before it was called.
func (c *Coordinator) Flush() {
	c.ops.taking.Lock()
	defer c.ops.taking.Unlock()
	all := c.ops.take()
	if len(all) > 0 {
		c.writeOps(all)
	}
	c.ops.recycle(all)
}

// ErrNotStored says that the store did not take a message.
var ErrNotStored = errors.New("transaction: the store did not take it")

const keepOpBody = 64 << 10

// opRun is an op record to be: where its offsets end in the list, and its text in
// the body of all.
type opRun struct {
	offsets, body int
	highest       int64
}

// writeOps writes op records with one append, so that they lie next to each other in
// the log: opBuffer says why that matters. What is not stored is kept for the next
// time. The lock of taking is held.
func (c *Coordinator) writeOps(list []int64) {
	runs := c.cutOps(list)
	records, properties := make([]message.Message, len(runs)), []byte(opProperties)
	from := 0
	for i, r := range runs {
		records[i] = message.Message{
			Topic: message.TopicOpHalf, QueueID: queue, BornTimestamp: c.clk.NowMs(), BornHost: c.opt.Host, StoreHost: c.opt.Host,
			Body: c.opBody[from:r.body], Properties: properties,
		}
		from = r.body
	}
	stored := c.opt.Store.Append(records)
	from, left := 0, 0
	for i, r := range runs {
		if stored[i].OK {
			c.progress.wrote(stored[i].QueueOffset, r.highest)
		} else {
			c.ops.giveBack(list[from:r.offsets])
			left += r.offsets - from
		}
		from = r.offsets
	}
	if left > 0 {
		c.log.Warn().Err(ErrNotStored).Int("halves", left).Msg("op record not written; trying again")
	}
	if cap(c.opBody) > keepOpBody {
		c.opBody = nil
	}
}

// cutOps makes the bodies of the op records that name a list, one behind the other
// in opBody. An offset that must stand with the one after it does.
func (c *Coordinator) cutOps(list []int64) (runs []opRun) {
	limit := max(64, c.opt.Settings().OpMaxSize)
	body := slices.Grow(c.opBody[:0], 8*len(list))
	for n := 0; n < len(list); {
		run, from := opRun{}, len(body)
		for n < len(list) && (len(body)-from < limit || list[n-1] < 0) {
			o := plain(list[n])
			body, run.highest = AppendOp(body, o), max(run.highest, o)
			n++
		}
		run.offsets, run.body = n, len(body)
		runs = append(runs, run)
	}
	c.opBody = body
	return runs
}
