package client

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/skylarkmq/skylark/filter"
)

// hostile registers endless groups with endless topics, until there is no room.
func (l *lab) hostile(t *testing.T, ch int) {
	t.Helper()
	for g, before := 0, l.LeftOut(); l.LeftOut() == before; g++ {
		if g == maxGroups {
			t.Fatal("there was room for everything")
		}
		topics := make([]string, 100)
		for i := range topics {
			topics[i] = fmt.Sprintf("hostile-topic-%d-%d", g, i)
		}
		l.RegisterConsumer(info(ch), consumer(fmt.Sprintf("hostile-group-%d", g), topics...))
	}
}

// TestKeptOfAllGroups: no bound by itself keeps a client from going to all of them at once.
func TestKeptOfAllGroups(t *testing.T) { // not parallel: it looks at the heap
	var l *lab
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	const limit = 256 << 20
	before := heap()
	l = &lab{}
	l.Registry = New(Options{NowMs: func() int64 { return l.now }, MemoryLimit: limit})
	l.RegisterConsumer(info(1), consumer("G", "T"))
	l.hostile(t, 2)
	if got := heap() - before; got > limit/keptOfLimit || got < limit/keptOfLimit/8 {
		t.Errorf("%d bytes of heap for %d counted", got, l.kept.used)
	}

	// Who was there goes on, with a newer version, too; a newcomer that finds no room gets nothing, and costs nothing.
	newer := consumer("G", "T")
	newer.Subscriptions[0].SubVersion = 2
	l.RegisterConsumer(info(1), newer)
	if s, _, _ := l.Subscription("G", "T"); s == nil || s.SubVersion != 2 {
		t.Errorf("the member that was there has %+v", s)
	}
	for i := 0; l.kept.most-l.kept.used >= groupCost+memberCost; i++ {
		l.RegisterProducer(fmt.Sprintf("hostile-producers-%d", i), info(2))
	}
	l.RegisterConsumer(info(3), consumer("H", "T"))
	l.RegisterProducer("P", info(3))
	if _, err := l.CompensateSubscription("C", "T", []byte("a"), nil); err != nil {
		t.Errorf("a pull with a subscription of its own is refused: %v", err)
	}
	_, isGroup := l.ConsumerGroup("H")
	_, isProducer := l.ProducerGroup("P")
	if isGroup || isProducer || l.AnySubscription("C", "T") != nil || len(l.byChannel) != 2 {
		t.Error("a newcomer found room where there is none")
	}

	l.Closed(2)
	l.RegisterConsumer(info(3), consumer("H", "T"))
	if _, isGroup := l.ConsumerGroup("H"); !isGroup {
		t.Error("there is no room after the hostile client has gone")
	}
	l.Closed(1)
	l.Closed(3)
	if l.kept.used != 0 || len(l.topicGroups) != 0 {
		t.Errorf("%d bytes and %d topics are left of nothing", l.kept.used, len(l.topicGroups))
	}
}

// TestKeptIsGivenBack: members that come and go, change their minds and their versions, and pulls with subscriptions of their own.
func TestKeptIsGivenBack(t *testing.T) {
	t.Parallel()
	l := newLab()
	for i := range 40 {
		c := consumer("G", fmt.Sprintf("T%d", i%7), "T")
		c.Subscriptions[1] = &filter.Subscription{Topic: "T", SubString: fmt.Sprintf("tag%d", i), SubVersion: int64(i % 11), TagsSet: make([]string, i)}
		l.RegisterConsumer(info(i%5), c)
		l.RegisterProducer(fmt.Sprintf("P%d", i%3), info(i%5))
		if _, err := l.CompensateSubscription(fmt.Sprintf("C%d", i%4), "T", fmt.Appendf(nil, "a%d", i), nil); err != nil {
			t.Fatal(err)
		}
		if i%6 == 0 {
			l.UnregisterConsumer("G", i%5, true)
		}
	}
	if l.kept.used <= 0 || l.LeftOut() != 0 {
		t.Fatalf("%d bytes are kept, %d left out", l.kept.used, l.LeftOut())
	}
	l.now = 2 * l.opt.SubscriptionExpiredMs
	l.Expire(1)
	if l.kept.used != 0 {
		t.Errorf("%d bytes are left of nothing", l.kept.used)
	}
}

// TestTopicsOfAGroupThatChanges: a group stays listed under the topics it once subscribed to, but not under endlessly many.
func TestTopicsOfAGroupThatChanges(t *testing.T) {
	t.Parallel()
	l := newLab()
	for i := range 2*maxTopicRows + 1 {
		l.RegisterConsumer(info(1), consumer("G", "stays", fmt.Sprintf("T%d", i)))
	}
	if n := len(l.topicGroups); n > maxTopicRows || n != len(l.consumers["G"].topics) {
		t.Errorf("listed under %d topics", n)
	}
	for _, topic := range []string{"stays", fmt.Sprintf("T%d", 2*maxTopicRows)} {
		if got := l.ConsumersOf(topic); len(got) != 1 {
			t.Errorf("%s is consumed by %v", topic, got)
		}
	}
}
