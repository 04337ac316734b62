package transaction

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var host = netip.MustParseAddrPort("10.0.0.9:10911")

// shelf is a real store behind the interface of this package.
type shelf struct{ s *store.Store }

func (a shelf) Append(list []message.Message) []Stored {
	b := store.NewBatch()
	out := make([]Stored, len(list))
	var staged []int
	for i := range list {
		if _, st := a.s.StageAsIs(b, &list[i]); st == store.PutOK {
			staged = append(staged, i)
		} else {
			out[i].Refused = true
		}
	}
	a.s.Append(b)
	for n, i := range staged {
		r := b.Result(n)
		out[i] = Stored{
			OK: r.Status == store.PutOK, QueueOffset: r.QueueOffset, PhyOffset: r.PhyOffset, StoreTimestamp: r.StoreTimestamp, Size: r.Size,
		}
	}
	return out
}

func (a shelf) Sound(v *message.View) error { return a.s.Sound(v) }

func (a shelf) Record(phy int64, size int32, dst []byte) ([]byte, error) {
	return a.s.Record(phy, size, dst, false)
}

func (a shelf) Get(topic string, queue int32, offset int64, n int, dst []byte) ([]byte, int64) {
	res, dst := a.s.Get(&store.GetRequest{Topic: topic, QueueID: queue, Offset: offset, MaxCount: n}, dst)
	return dst, res.NextBegin
}

func (a shelf) Bounds(topic string, queue int32) (low, high int64) {
	return a.s.MinOffset(topic, queue), a.s.MaxOffset(topic, queue)
}

func (a shelf) Walk(from int64, visit func(*message.View) error) error { return a.s.Walk(from, visit) }
func (a shelf) Oldest() int64                                          { return a.s.MinPhyOffset() }
func (a shelf) End() int64                                             { return a.s.MaxPhyOffset() }
func (a shelf) Flushed() int64                                         { return a.s.MaxPhyOffset() }

// hiding is a shelf that cannot read some half messages, as often as the world says.
type hiding struct {
	shelf
	w *world
}

func (h hiding) Get(topic string, queue int32, offset int64, n int, dst []byte) ([]byte, int64) {
	if topic != message.TopicHalf || len(h.w.hide) == 0 {
		return h.shelf.Get(topic, queue, offset, n, dst)
	}
	for ; n > 0; n-- {
		if h.w.hide[offset] > 0 {
			h.w.hide[offset]--
			offset++
			continue
		}
		dst, offset = h.shelf.Get(topic, queue, offset, 1, dst)
	}
	return dst, offset
}

// table is consumerOffset.json: what was committed, and what of it a crash leaves.
type table struct {
	mu    sync.Mutex
	now   map[string]int64
	saved map[string]int64
}

func (t *table) Query(group, topic string, queue int32) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if o, ok := t.now[fmt.Sprint(topic, "@", group, queue)]; ok {
		return o
	}
	return -1
}

func (t *table) Commit(group, topic string, queue int32, offset int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now[fmt.Sprint(topic, "@", group, queue)] = offset
}

// world is a store, a coordinator and a clock. A crash keeps the disk as the
// process left it, and of the offsets what was saved.
type world struct {
	t       testing.TB
	disk    *vfs.Memory
	clk     *clock.Fake
	offsets *table
	set     Settings
	store   *store.Store
	*Coordinator
	asked []asked
	deaf  bool  // no producer is there
	ahead int64 // ms, of the clocks of producers
	log   bytes.Buffer
	hide  map[int64]int // by offset: how often a half message cannot be read
}

// asked is a check as the producer sees it.
type asked struct {
	group, topic, uniq string
	queue              int32
	offset, phy        int64
	props              string
}

func settings() Settings {
	return Settings{
		CheckInterval: 30 * time.Second, TimeoutMs: 6000, CheckMax: 15, OpMaxSize: 4096, OpInterval: 3 * time.Second,
		MetricsEvery: 10 * time.Second, ReservedMs: 72 * 3600_000,
	}
}

func newWorld(t testing.TB) *world {
	t.Helper()
	clk := clock.NewFake(time.UnixMilli(1_700_000_000_000))
	w := &world{
		t: t, clk: clk, disk: vfs.NewMemory(clk.Now), set: settings(),
		offsets: &table{now: map[string]int64{}, saved: map[string]int64{}},
	}
	w.open()
	t.Cleanup(func() { _ = w.store.Close() })
	return w
}

func (w *world) open() {
	w.t.Helper()
	cfg := store.Defaults()
	cfg.StorePathRootDir = "/store"
	cfg.MappedFileSizeCommitLog, cfg.MappedFileSizeConsumeQueue = 1<<20, 4000*20
	cfg.MaxHashSlotNum, cfg.MaxIndexNum = 1000, 4000
	cfg.MessageIndexEnable = false
	var err error
	w.store, err = store.Open(config.NewSection(cfg), store.Options{FS: w.disk, Clock: w.clk, StoreHost: host, Log: zerolog.Nop()})
	if err != nil {
		w.t.Fatal(err)
	}
	w.Coordinator = New(Options{
		Store: hiding{shelf{w.store}, w}, Offsets: w.offsets, Settings: func() Settings { return w.set }, Host: host, Clock: w.clk, Log: zerolog.New(&w.log),
		Disk: w.disk, MetricsFile: "/store/config/transactionMetrics",
		Check: func(c *Check) bool {
			if w.deaf {
				return false
			}
			w.asked = append(w.asked, asked{
				c.Group, c.RealTopic, string(c.Uniq), c.RealQueue, c.Half.QueueOffset, c.Half.PhyOffset, string(c.Half.Properties),
			})
			return true
		},
	})
	w.Load()
}

// saveOffsets is the saver of consumerOffset.json.
func (w *world) saveOffsets() { w.offsets.saved = maps.Clone(w.offsets.now) }

// kill ends the process: what it wrote stays, what it had in memory is lost.
func (w *world) kill() {
	w.t.Helper()
	w.disk = w.disk.KillClone()
	w.offsets.now = maps.Clone(w.offsets.saved)
	_ = w.store.Close()
	w.asked = nil
	w.open()
}

// halfProps are the properties of a half message.
func halfProps(group, topic, uniq string, queue int32, more ...string) []byte {
	var p []byte
	for i := 0; i+1 < len(more); i += 2 {
		p = message.AppendProperty(p, more[i], more[i+1])
	}
	p = message.AppendProperty(p, message.PropertyTransactionPrepared, "true")
	p = message.AppendProperty(p, message.PropertyProducerGroup, group)
	p = message.AppendProperty(p, message.PropertyUniqKey, uniq)
	p, _ = AppendHalf(p, topic, queue, []byte(uniq))
	return p
}

// place is what the answer to a half send tells its producer.
type place struct{ offset, phy int64 }

// prepare sends half messages.
func (w *world) prepare(group, topic string, uniqs []string, more ...string) []place {
	w.t.Helper()
	t := w.Begin()
	list := make([]message.Message, len(uniqs))
	for i, u := range uniqs {
		list[i] = message.Message{
			Topic: message.TopicHalf, BornTimestamp: w.clk.NowMs() + w.ahead, BornHost: host, Body: []byte("body of " + u),
			Properties: halfProps(group, topic, u, 0, more...),
		}
	}
	stored := shelf{w.store}.Append(list)
	places := make([]place, len(uniqs))
	for i, s := range stored {
		if !s.OK {
			w.t.Fatal("half message not stored")
		}
		f, ok := ReadFacts(list[i].Properties)
		if !ok {
			w.t.Fatal("no half message")
		}
		w.Opened([]Opening{{
			Group: f.Group, Uniq: f.Uniq, RealTopic: topic, Born: list[i].BornTimestamp, Stored: s.StoreTimestamp, Immunity: f.Immunity,
			Offset: s.QueueOffset, Phy: s.PhyOffset, Size: s.Size,
		}})
		places[i] = place{s.QueueOffset, s.PhyOffset}
	}
	w.End(t, nil)
	return places
}

// end is END_TRANSACTION as the broker carries it out. crash ends the process
// between the append of the real message and its op.
func (w *world) end(p place, commit, fromCheck, crash bool) Verdict {
	w.t.Helper()
	rec, err := w.store.Lookup(p.phy, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	var v message.View
	if err := message.Decode(rec, &v); err != nil {
		w.t.Fatal(err)
	}
	f, ok := ReadFacts(v.Properties)
	if !ok {
		w.t.Fatalf("no half message at %d", p.phy)
	}
	t := w.Begin()
	var settled []int64
	defer func() { w.Coordinator.End(t, settled) }()
	cl, verdict := w.Claim(f.Group, p.offset, p.phy, fromCheck)
	if verdict == Unsure {
		cl, verdict = w.ClaimRecord(&v, &f, commit)
	}
	if verdict != Claimed {
		return verdict
	}
	if commit {
		props, _, _ := CommitProperties(nil, v.Properties, new(message.Facts))
		real := []message.Message{{
			Topic: string(f.RealTopic), QueueID: f.RealQueue, SysFlag: v.SysFlag | message.FlagTransactionCommit, BornTimestamp: v.BornTimestamp,
			BornHost: v.BornHost, PreparedTransactionOffset: v.PhyOffset, Body: v.Body, Properties: props,
		}}
		if s := (shelf{w.store}).Append(real); !s[0].OK {
			w.Released(&cl)
			return verdict
		}
		if crash {
			settled = nil
			return verdict
		}
	}
	settled = w.Settled(&cl, commit, fromCheck, nil)
	return verdict
}

// visible are the UNIQ_KEYs that consumers of a topic see, in order.
func (w *world) visible(topic string) (uniqs []string) {
	w.t.Helper()
	_, high := shelf{w.store}.Bounds(topic, 0)
	for at := int64(0); at < high; {
		recs, next := shelf{w.store}.Get(topic, 0, at, 32, nil)
		for len(recs) > 0 {
			var v message.View
			if err := message.Decode(recs, &v); err != nil {
				w.t.Fatal(err)
			}
			u, _ := message.Property(v.Properties, message.PropertyUniqKey)
			uniqs = append(uniqs, string(u))
			recs = recs[v.Size:]
		}
		if next <= at {
			break
		}
		at = next
	}
	return uniqs
}

// pass lets time go by and runs a round.
func (w *world) pass(d time.Duration) {
	w.clk.Advance(d)
	w.Round(context.Background())
}

func (w *world) openOffsets() (list []int64) {
	page, _ := w.List(Query{Max: 1 << 20})
	for _, i := range page {
		list = append(list, i.Offset)
	}
	return list
}

func wantOffsets(t testing.TB, got []int64, want ...int64) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("offsets %v, want %v", got, want)
	}
}
