package schedule

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/message"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var host = netip.MustParseAddrPort("10.0.0.9:10911")

// world is a store in memory and the schedule over it, in a synctest bubble.
type world struct {
	t *testing.T
	s *Schedule

	mu       sync.Mutex
	delays   []int64
	log      []byte
	queues   map[int32][]Unit
	low      map[int32]int64
	gone     map[int64]bool // records that cannot be read
	broken   map[int64]bool // reads that fail, for now
	disk     error          // how they do; nil: errDisk
	unopened bool           // the queues cannot be looked at

	unopenedTarget bool // of messages to topic "unopened"

	refuse    error         // of deliveries
	refuseAll bool          // or only of topic "illegal"
	takes     time.Duration // a batch of deliveries
	delivered []delivery
	batches   int
	looks     int // calls of Units
	syncs     int
	saved     []byte
}

type delivery struct {
	topic string
	queue int32
	body  string
	at    time.Time
	props string
}

func newWorld(t *testing.T, delays ...int64) *world {
	w := &world{t: t, delays: delays, queues: map[int32][]Unit{}, low: map[int32]int64{}, gone: map[int64]bool{}, broken: map[int64]bool{}}
	w.restart()
	return w
}

// restart makes a new schedule over the same store, with the progress that was saved.
func (w *world) restart() {
	w.s = New(Options{
		Store: w, Levels: w.delays, Clock: clock.Real, Log: zerolog.Nop(),
		Persist:      func() (err error) { w.saved, err = w.s.Encode(); return err },
		PersistEvery: func() time.Duration { return 10 * time.Second }, VersionStep: func() int64 { return 200 },
	})
	if w.saved != nil {
		if err := w.s.Decode(w.saved); err != nil {
			w.t.Fatal(err)
		}
	}
}

// run runs the schedule until the returned function is called.
func (w *world) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); w.s.Run(ctx) }()
	return func() { cancel(); <-done }
}

// put stores a message with a level, as the broker's put does.
func (w *world) put(topic, body string, level string) {
	m := message.Message{
		Topic: topic, QueueID: 3, Body: []byte(body), BornHost: host, StoreHost: host,
		Properties: message.AppendProperty(nil, message.PropertyDelay, level),
	}
	Rewrite(&m, len(w.delays), nil)
	w.mu.Lock()
	w.append(&m)
	w.mu.Unlock()
	w.s.Arrived(m.QueueID)
}

// append stores a message of a level, under mu.
func (w *world) append(m *message.Message) {
	phy := int64(len(w.log))
	var err error
	if w.log, err = (message.Encoding{}).AppendRecord(w.log, m); err != nil {
		w.t.Fatal(err)
	}
	now := time.Now().UnixMilli()
	rec := w.log[phy:]
	message.Patch(rec, message.StoreTimestampAt(rec), int64(len(w.queues[m.QueueID])), phy, now)
	w.queues[m.QueueID] = append(w.queues[m.QueueID], Unit{phy, int32(len(rec)), now + w.delays[m.QueueID]})
}

func (w *world) Units(queue int32, offset int64, n int, dst []Unit) ([]Unit, int64, int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looks++
	if w.unopened {
		return dst, 0, 0, errDisk
	}
	q := w.queues[queue]
	high := int64(len(q))
	for i := offset; i >= w.low[queue] && i < high && n > 0; i, n = i+1, n-1 {
		dst = append(dst, q[i])
	}
	return dst, w.low[queue], high, nil
}

var errDisk = errors.New("disk")

func (w *world) Record(phy int64, size int32, dst []byte) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.gone[phy]:
		return dst, ErrGone
	case w.broken[phy]:
		return dst, cmp.Or(w.disk, errDisk)
	}
	return append(dst, w.log[phy:phy+int64(size)]...), nil
}

func (w *world) Deliver(list []message.Message) (int, error) {
	time.Sleep(w.takes)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.batches++
	for i, m := range list {
		if w.refuseAll {
			return i, w.refuse
		}
		if m.Topic == "illegal" {
			return i, ErrIllegal
		}
		if m.Topic == "unopened" && w.unopenedTarget {
			return i, ErrQueue
		}
		if m.Topic == message.TopicSchedule {
			w.append(&m)
			continue
		}
		w.delivered = append(w.delivered, delivery{m.Topic, m.QueueID, string(m.Body), time.Now(), string(m.Properties)})
	}
	return len(list), nil
}

func (w *world) Sync() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.syncs++
	return nil
}

// bodies are what was delivered, in order.
func (w *world) bodies() (list []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.delivered {
		list = append(list, d.body)
	}
	return list
}

// bubble runs a test in a bubble of its own time.
func bubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, test)
}
