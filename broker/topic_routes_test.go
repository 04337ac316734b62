package broker

import (
	"fmt"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/broker/assignment"
	"github.com/skylarkmq/skylark/broker/topic"
	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/store"
)

// Remembered routes are bounded by their queues, which a topic may have very many of, and by the time since anybody asked.
func TestTopicRoutesAreBounded(t *testing.T) {
	t.Parallel()
	fake := clock.NewFake(time.UnixMilli(1_700_000_000_000))
	routes := newTopicRoutes(&Broker{clock: fake}, 64<<20)
	if routes.most != 64<<20/32/40 {
		t.Fatalf("%d queues at most", routes.most)
	}
	routes.most = 100
	learn := func(name string, queues int) {
		r := routes.entry(name)
		r.queues = make([]assignment.Queue, queues)
		routes.keep(name, r)
	}
	want := func(what string, topics, queues int) {
		t.Helper()
		if len(routes.m) != topics || routes.kept != queues {
			t.Errorf("%s: %d topics with %d queues, want %d with %d", what, len(routes.m), routes.kept, topics, queues)
		}
	}
	for i := range 10 {
		learn(fmt.Sprint("T", i), 9)
	}
	learn("T0", 19)
	want("as many as fit", 10, 100)
	learn("T1", 10)
	want("one too many", 1, 10)
	learn("T2", 80)
	fake.Advance(routeForgottenTime)
	learn("T1", 5)
	routes.sweep()
	want("one has just been asked for", 2, 85)
	fake.Advance(time.Second)
	routes.entry("T1")
	routes.sweep()
	want("the other is forgotten", 1, 5)
}

// A route is remembered for its time also when the clock of the machine is set back meanwhile.
func TestTopicRoutesOfAClockThatIsSet(t *testing.T) {
	t.Parallel()
	n := startNameServer(t, t.TempDir(), "")
	now := clock.NewFake(time.UnixMilli(1_700_000_000_000))
	f := startOn(t, Options{Clock: now}, func(c *Config, _ *store.Config) { c.NamesrvAddr = n.addr })
	put := func(queues int32) {
		t.Helper()
		c := topic.NewConfig("T")
		c.ReadQueueNums = queues
		if err := f.Topics.Put(c); err != nil {
			t.Fatal(err)
		}
		f.AnnounceTopic(c)
		n.route(newCaller(t), "T", func(r *body.TopicRouteData) bool { return known(r) && r.QueueDatas[0].ReadQueueNums == queues })
	}
	read := func(want int) {
		t.Helper()
		if list, ok := f.routes.queues("T"); !ok || len(list) != want {
			t.Errorf("%d queues, known %v, want %d", len(list), ok, want)
		}
	}
	n.route(newCaller(t), "TBW102", known)
	put(2)
	read(2)
	put(3)
	read(2)
	now.Step(-time.Hour)
	now.Advance(time.Duration(f.cfg.Get().LoadBalancePollNameServerInterval) * time.Millisecond)
	read(3)
}
