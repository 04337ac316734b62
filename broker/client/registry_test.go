package client

import (
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/skylarkmq/skylark/filter"
)

// lab is a registry with a clock moved by hand that notes who was told.
type lab struct {
	*Registry
	now  int64
	told []string
}

func newLab() *lab {
	l := &lab{}
	l.Registry = New(Options{
		NowMs:      func() int64 { return l.now },
		IDsChanged: func(group string, ch []Channel) { l.told = append(l.told, fmt.Sprintf("%s %d", group, len(ch))) },
	})
	return l
}

func (l *lab) wantTold(t *testing.T, what string, want ...string) {
	t.Helper()
	if !cmp.Equal(l.told, want) {
		t.Fatalf("%s: told %v, want %v", what, l.told, want)
	}
	l.told = nil
}

func info(ch int) Info {
	return Info{Channel: ch, ClientID: fmt.Sprintf("c%d", ch), Version: int32(400 + ch)}
}

func consumer(group string, topics ...string) Consumer {
	c := Consumer{Group: group, ConsumeType: ConsumePassively, MessageModel: Clustering, Notify: true}
	for _, topic := range topics {
		s, _ := filter.Build(topic, "*", "", 1)
		c.Subscriptions = append(c.Subscriptions, s)
	}
	return c
}

func TestRegisterConsumer(t *testing.T) {
	t.Parallel()
	l := newLab()
	if !l.RegisterConsumer(info(1), consumer("G", "T")) {
		t.Fatal("a new client is a change")
	}
	l.wantTold(t, "a new client", "G 1")
	if l.RegisterConsumer(info(1), consumer("G", "T")) {
		t.Fatal("a repeated heartbeat is no change")
	}
	newer := consumer("G", "T")
	newer.Subscriptions[0].SubVersion, newer.Subscriptions[0].SubString = 2, "A"
	if l.RegisterConsumer(info(1), newer) {
		t.Fatal("a newer version of a known topic is no change")
	}
	if s, _, _ := l.Subscription("G", "T"); s.SubString != "A" {
		t.Fatalf("subscription %+v, want the newer one", s)
	}
	older := consumer("G", "T")
	older.Subscriptions[0].SubVersion = 0
	l.RegisterConsumer(info(1), older)
	if s, _, _ := l.Subscription("G", "T"); s.SubString != "A" {
		t.Fatal("an older version replaced the newer one")
	}
	l.wantTold(t, "nothing changed")
	if !l.RegisterConsumer(info(2), consumer("G", "T", "U")) || !l.RegisterConsumer(info(1), consumer("G", "T")) {
		t.Fatal("a topic more, then one less, are changes")
	}
	l.wantTold(t, "topics came and went", "G 2", "G 2")
	if s, _, online := l.Subscription("G", "U"); s != nil || !online {
		t.Fatal("the last heartbeat decides about topics")
	}
	if got := l.ClientIDs("G"); !cmp.Equal(got, []string{"c1", "c2"}) {
		t.Fatalf("ids %v", got)
	}
	if v, _ := l.MinVersion("G"); v != 401 {
		t.Fatalf("least version %d", v)
	}
}

func TestNobodyIsTold(t *testing.T) {
	t.Parallel()
	l := newLab()
	broadcast := consumer("B", "T")
	broadcast.MessageModel = Broadcasting
	l.RegisterConsumer(info(1), broadcast)
	quiet := consumer("Q", "T")
	quiet.Notify = false
	l.RegisterConsumer(info(1), quiet)
	l.wantTold(t, "broadcast, and a group that does not want to hear")
	l.UnregisterConsumer("B", 1, true)
	l.UnregisterConsumer("Q", 1, false)
	l.UnregisterConsumer("none", 1, true)
	l.wantTold(t, "the same when they leave")
}

func TestClosed(t *testing.T) {
	t.Parallel()
	l := newLab()
	for ch := 1; ch <= 2; ch++ {
		l.RegisterConsumer(info(ch), consumer("G", "T"))
		l.RegisterProducer("P", info(ch))
	}
	l.told = nil
	l.Closed(1)
	l.wantTold(t, "one left", "G 1")
	if list, ok := l.ProducerGroup("P"); !ok || len(list) != 1 || list[0].ClientID != "c2" {
		t.Fatalf("producers %v", list)
	}
	if _, ok := l.FindProducer("c1"); ok {
		t.Fatal("a producer that is gone is found by its id")
	}
	l.Closed(1)
	l.wantTold(t, "closed twice")
	l.Closed(2)
	if _, ok := l.ConsumerGroup("G"); ok || len(l.ConsumersOf("T")) != 0 || len(l.byChannel) != 0 {
		t.Fatal("the group is still there without members")
	}
}

// A group of thousands that goes silent at once is forgotten without a list of those left for each. Not in parallel: the heap is
// everybody's.
func TestExpireAtOnce(t *testing.T) {
	l := newLab()
	const clients = 5000
	for i := range clients {
		l.RegisterConsumer(info(i), consumer("G", "T"))
	}
	l.now = 120_001
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	expired := l.Expire(120_000)
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; len(expired) != clients || took > clients*1000 {
		t.Errorf("%d expired, %d bytes allocated", len(expired), took)
	}
}

func TestExpire(t *testing.T) {
	t.Parallel()
	l := newLab()
	l.RegisterConsumer(info(1), consumer("G", "T"))
	l.RegisterProducer("P", info(2))
	l.now = 100_000
	l.RegisterConsumer(info(3), consumer("G", "T"))
	l.told = nil
	if got := l.Expire(120_000); got != nil {
		t.Fatalf("expired %v too early", got)
	}
	l.now = 120_001
	if got := l.Expire(120_000); len(got) != 2 {
		t.Fatalf("expired %v, want 1 and 2", got)
	}
	l.wantTold(t, "the scan tells nobody")
	if got := l.ClientIDs("G"); !cmp.Equal(got, []string{"c3"}) {
		t.Fatalf("left %v", got)
	}
}

// TestProducersExpireByTheirOwn: a short time for consumers does not hit producers, whose heartbeats are as far apart as ever.
func TestProducersExpireByTheirOwn(t *testing.T) {
	t.Parallel()
	l := newLab()
	l.RegisterConsumer(info(1), consumer("G", "T"))
	l.RegisterProducer("P", info(2))
	l.now = 30_000
	if got := l.Expire(20_000); len(got) != 1 || got[0] != info(1).Channel {
		t.Fatalf("expired %v, want the consumer", got)
	}
	l.RefreshProducer("P", info(2).Channel)
	l.RefreshProducer("P", info(3).Channel)
	l.now = 150_000
	if got := l.Expire(20_000); got != nil {
		t.Fatalf("expired %v", got)
	}
	if group, _ := l.ProducerGroup("P"); len(group) != 1 {
		t.Fatalf("producers %v: who was not there came in", group)
	}
	l.now++
	if got := l.Expire(20_000); len(got) != 1 {
		t.Fatalf("expired %v, want the producer", got)
	}
}

// A machine's clock that is set forward is not a silence of all clients.
func TestExpireAfterTheClockWasSet(t *testing.T) {
	t.Parallel()
	now, mono := int64(1_000_000), int64(1)
	r := New(Options{NowMs: func() int64 { return now }, MonoMs: func() int64 { return mono }})
	r.RegisterConsumer(info(1), consumer("G", "T"))
	r.RegisterProducer("P", info(2))
	now += 3600_000
	if got := r.Expire(120_000); got != nil {
		t.Fatalf("expired %v", got)
	}
	mono += 100_000
	r.RegisterProducer("P", info(2))
	mono += 20_001
	if got := r.Expire(120_000); len(got) != 1 {
		t.Fatalf("expired %v, want 1", got)
	}
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	l := newLab()
	if l.Fingerprint("G", 7, false, 1) {
		t.Fatal("the first one")
	}
	l.RegisterConsumer(info(1), consumer("G", "T"))
	if l.Fingerprint("G", 7, true, 1) {
		t.Fatal("the same, nothing sent")
	}
	if !l.Fingerprint("G", 8, false, 1) || l.Fingerprint("G", 8, false, 1) {
		t.Fatal("another one asks once for the subscriptions")
	}
	if !l.Fingerprint("H", 1, true, 1) {
		t.Fatal("a group this broker knows nothing of repeats nothing")
	}
	without := consumer("G")
	without.WithoutSub = true
	l.RegisterConsumer(info(1), without)
	if s, _, _ := l.Subscription("G", "T"); s == nil {
		t.Fatal("a heartbeat without subscriptions took them away")
	}
}

func TestCompensation(t *testing.T) {
	t.Parallel()
	l := newLab()
	a, err := l.CompensateSubscription("G", "T", []byte("A||B"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := l.CompensateSubscription("G", "T", []byte("A||B"), []byte("TAG")); b != a {
		t.Fatal("parsed again")
	}
	if c, _ := l.CompensateSubscription("G", "T", []byte("C"), nil); c == a || !c.MatchCode(67) {
		t.Fatal("another expression")
	}
	if _, err := l.CompensateSubscription("G", "T", []byte("||||"), nil); err == nil {
		t.Fatal("nonsense was taken")
	}
	if l.AnySubscription("G", "T") == nil || len(l.ClientIDs("G")) != 0 {
		t.Fatal("a pull makes a subscription and no member")
	}
	l.now = 600_001
	l.Expire(120_000)
	if l.AnySubscription("G", "T") != nil || len(l.compensation) != 0 {
		t.Fatal("still there after ten minutes")
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	r := New(Options{NowMs: func() int64 { return 1 }})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 200 {
				ch := w*1000 + i%10
				r.RegisterConsumer(info(ch), consumer("G", "T"))
				r.RegisterProducer("P", info(ch))
				r.ClientIDs("G")
				r.Closed(ch)
			}
		})
	}
	wg.Wait()
	if len(r.consumers) != 0 || len(r.producers) != 0 || len(r.byChannel) != 0 || len(r.topicGroups) != 0 {
		t.Fatalf("left: %d groups, %d producers, %d channels", len(r.consumers), len(r.producers), len(r.byChannel))
	}
}
