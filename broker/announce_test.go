package broker

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/broker/topic"
	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
)

// put stores a topic of so many queues.
func (f *fixture) put(name string, queues int32) *topic.Config {
	f.t.Helper()
	c := topic.NewConfig(name)
	c.ReadQueueNums, c.WriteQueueNums = queues, queues
	if err := f.Topics.Put(c); err != nil {
		f.t.Fatal(err)
	}
	return c
}

// startFrozen runs a broker that registers once: its clock stands. It keeps a connection on
// which an answer did not come in time.
func startFrozen(t *testing.T, nameServer string) *fixture {
	t.Helper()
	now := clock.NewFake(time.UnixMilli(1_700_000_000_000))
	calls := remoting.DefaultClientConfig()
	calls.ClientCloseSocketIfTimeout = false
	f := startOn(t, Options{Clock: now, Client: config.NewSection(calls)}, func(c *Config, _ *store.Config) { c.NamesrvAddr = nameServer })
	f.eventually("the first registration", func() bool {
		f.registrar.mu.Lock()
		defer f.registrar.mu.Unlock()
		return f.registrar.registered[nameServer] && len(f.registrar.flying) == 0
	})
	return f
}

func queues(n int32) func(*body.TopicRouteData) bool {
	return func(r *body.TopicRouteData) bool { return known(r) && r.QueueDatas[0].WriteQueueNums == n }
}

// TestTopicsChangedAtTheSameTime: a name server takes another configuration of a topic only
// with another version, and both changes are made before it hears of the first.
func TestTopicsChangedAtTheSameTime(t *testing.T) {
	t.Parallel()
	n := startNameServer(t, t.TempDir(), "")
	f := startFrozen(t, n.addr)
	c := newCaller(t)
	f.AnnounceTopic(f.put("T", 4), f.put("U", 4))
	n.route(c, "U", queues(4))
	first, second := f.put("T", 8), f.put("U", 8)
	f.AnnounceTopic(first)
	f.AnnounceTopic(second)
	n.route(c, "T", queues(8))
	n.route(c, "U", queues(8))
}

// TestTopicsChangedBeforeAFailedRegistration: a name server that knows the version from
// another change is away when it would hear of the first.
func TestTopicsChangedBeforeAFailedRegistration(t *testing.T) {
	t.Parallel()
	n := startNameServer(t, t.TempDir(), "")
	f := startFrozen(t, n.addr)
	c := newCaller(t)
	f.AnnounceTopic(f.put("T", 4), f.put("U", 4))
	n.route(c, "T", queues(4))
	first, second := f.put("T", 8), f.put("U", 8)
	f.AnnounceTopic(second)
	limit := f.cfg.Get().RegisterBrokerTimeoutMills
	f.cfg.Change(func(c *Config) { c.RegisterBrokerTimeoutMills = 0 })
	f.registrar.registerAll(true)
	f.eventually("the registration to fail", func() bool { return len(f.registrar.present()) == 0 })
	f.cfg.Change(func(c *Config) { c.RegisterBrokerTimeoutMills = limit })
	f.AnnounceTopic(first)
	f.eventually("the name server to be back", func() bool {
		f.registrar.registerLost()
		return len(f.registrar.present()) == 1
	})
	n.route(c, "T", queues(8))
}

// TestTopicMadeWhileANameServerComesBack: the registration that brings it back is on its
// way, without the topic.
func TestTopicMadeWhileANameServerComesBack(t *testing.T) {
	t.Parallel()
	arrived, goOn := make(chan map[string]body.TopicConfig, 10), make(chan code.Response)
	addr := startNameServerOf(t, func(r *remoting.Request) (*protocol.Command, error) {
		b, err := body.DecodeRegisterBroker(r.Body, false, r.Version)
		if err != nil {
			return nil, err
		}
		arrived <- b.TopicConfigSerializeWrapper.TopicConfigTable
		return protocol.NewResponse(<-goOn, ""), nil
	})
	now := clock.NewFake(time.UnixMilli(1_700_000_000_000))
	f := startOn(t, Options{Clock: now}, func(c *Config, _ *store.Config) { c.NamesrvAddr = addr })
	landed := func() bool {
		f.registrar.mu.Lock()
		defer f.registrar.mu.Unlock()
		return len(f.registrar.flying) == 0
	}
	<-arrived
	goOn <- code.SystemError
	f.eventually("the registration to fail", landed)
	f.registrar.registerLost()
	<-arrived
	f.AnnounceTopic(f.put("T", 4))
	goOn <- code.Success
	f.eventually("the name server to be told", func() bool { return len(arrived) > 0 || landed() })
	if landed() {
		t.Fatal("not told of the topic")
	}
	if table := <-arrived; len(table) != 1 {
		t.Errorf("told of %d topics, want the new one", len(table))
	}
	goOn <- code.Success
}

// TestTopicAnnouncedLate: what is told is the topic as it is, not as it was when
// somebody began to tell of it; a topic that is deleted meanwhile is not told of.
func TestTopicAnnouncedLate(t *testing.T) {
	t.Parallel()
	n := startNameServer(t, t.TempDir(), "")
	f := startFrozen(t, n.addr)
	late, gone := f.put("T", 4), f.put("gone", 4)
	f.put("T", 8)
	if err := f.Topics.Delete("gone", func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	f.AnnounceTopic(late)
	f.AnnounceTopic(gone)
	c := newCaller(t)
	n.route(c, "T", queues(8))
	n.route(c, "gone", unknown)
}

// TestTopicsToANameServerThatForgot: it would take some topics for all.
func TestTopicsToANameServerThatForgot(t *testing.T) {
	t.Parallel()
	n := startNameServer(t, t.TempDir(), "")
	f := startFrozen(t, n.addr)
	n.stop()
	f.eventually("the connection to end", func() bool { return !f.registrar.client.Connected(n.addr) })
	n = startNameServer(t, n.dir, n.addr)
	f.AnnounceTopic(f.put("T", 4), f.put("U", 4))
	c := newCaller(t)
	n.route(c, "T", queues(4))
	n.route(c, "TBW102", known)
}

// TestTopicsWaitForTheirTurn: many changes while one is on its way are told of at once,
// after it.
func TestTopicsWaitForTheirTurn(t *testing.T) {
	t.Parallel()
	sizes := make(chan int, 100)
	goOn := make(chan struct{})
	addr := startNameServerOf(t, func(r *remoting.Request) (*protocol.Command, error) {
		b, err := body.DecodeRegisterBroker(r.Body, false, r.Version)
		if err != nil {
			return nil, err
		}
		table := b.TopicConfigSerializeWrapper.TopicConfigTable
		sizes <- len(table)
		if _, first := table["T"]; first {
			<-goOn
		}
		return protocol.NewResponse(code.Success, ""), nil
	})
	f := startFrozen(t, addr)
	<-sizes // all
	first := f.put("T", 4)
	go f.AnnounceTopic(first)
	if n := <-sizes; n != 1 {
		t.Fatalf("%d topics, want one", n)
	}
	told := make(chan struct{})
	for _, name := range []string{"U", "V", "W"} {
		c := f.put(name, 4)
		go func() { f.AnnounceTopic(c); told <- struct{}{} }()
	}
	f.eventually("three to wait", func() bool {
		f.registrar.mu.Lock()
		defer f.registrar.mu.Unlock()
		n := f.registrar.news[addr]
		return n != nil && len(n.topics) == 3
	})
	close(goOn)
	for range 3 {
		<-told
	}
	if n := <-sizes; n != 3 || len(sizes) != 0 {
		t.Errorf("%d topics and %d more registrations, want three topics in one", n, len(sizes))
	}
}

// grace is how long a test waits for what must not happen.
const grace = 300 * time.Millisecond

// TestNameServerHearsOfTheStopLast: an unregistration that overtakes a registration
// would leave a broker listed that is gone.
func TestNameServerHearsOfTheStopLast(t *testing.T) {
	t.Parallel()
	arrived, left := make(chan struct{}, 100), make(chan struct{}, 100)
	overtaken := make(chan bool, 100)
	addr := startNameServerOf(t, func(*remoting.Request) (*protocol.Command, error) {
		arrived <- struct{}{}
		select {
		case <-left:
			overtaken <- true
		case <-time.After(grace):
			overtaken <- false
		}
		return protocol.NewResponse(code.Success, ""), nil
	}, func() { left <- struct{}{} })
	f := start(t, func(c *Config, _ *store.Config) { c.NamesrvAddr = addr })
	<-arrived
	f.stop()
	if <-overtaken {
		t.Error("the first registration was overtaken")
	}
	select {
	case <-left:
	default:
		t.Error("not unregistered")
	}
}

// TestRegistrationThatWaitsDuringTheStop: its turn may come after the unregistration.
func TestRegistrationThatWaitsDuringTheStop(t *testing.T) {
	t.Parallel()
	n, addr := startCounting(t)
	f := startFrozen(t, addr)
	held, release := make(chan struct{}), make(chan struct{})
	go f.registrar.inTurn(t.Context(), addr, func() { close(held); <-release })
	<-held
	f.registrar.launch([]string{addr}, true)
	stopped := make(chan struct{})
	go func() { f.stop(); close(stopped) }()
	f.eventually("the stop", f.registrar.left)
	close(release)
	<-stopped
	if n := n.Load(); n != 1 {
		t.Errorf("%d registrations, want the first one", n)
	}
}

// TestNothingIsAnnouncedToANameServerThatWasLeft: the server still handles requests while the
// broker unregisters.
func TestNothingIsAnnouncedToANameServerThatWasLeft(t *testing.T) {
	t.Parallel()
	started := make(chan *fixture, 1)
	var took atomic.Int64
	again := make(chan struct{}, 100)
	announced := make(chan struct{})
	addr := startNameServerOf(t, func(*remoting.Request) (*protocol.Command, error) {
		took.Add(1)
		again <- struct{}{}
		return protocol.NewResponse(code.Success, ""), nil
	}, func() {
		f := <-started
		go func() { f.Announce(); close(announced) }()
		select {
		case <-again:
		case <-time.After(grace):
		}
	})
	f := startFrozen(t, addr)
	started <- f
	<-again
	f.stop()
	<-announced
	if n := took.Load(); n != 1 {
		t.Errorf("%d registrations, want the first one", n)
	}
}

// TestStopWaitsForNoAnnouncement: a topic is being announced to a name server that hangs, and a worker of a lane waits.
func TestStopWaitsForNoAnnouncement(t *testing.T) {
	t.Parallel()
	const limit = 50 * time.Second
	first, announced, goOn := make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{})
	first <- struct{}{}
	addr := startNameServerOf(t, func(*remoting.Request) (*protocol.Command, error) {
		select {
		case <-first:
		default:
			announced <- struct{}{}
			<-goOn
		}
		return protocol.NewResponse(code.Success, ""), nil
	})
	defer close(goOn)
	now := clock.NewFake(time.UnixMilli(1_700_000_000_000))
	f := startOn(t, Options{Clock: now}, func(c *Config, _ *store.Config) {
		c.NamesrvAddr, c.RegisterBrokerTimeoutMills = addr, int(limit.Milliseconds())
	})
	f.eventually("the first registration", func() bool {
		f.registrar.mu.Lock()
		defer f.registrar.mu.Unlock()
		return f.registrar.registered[addr] && len(f.registrar.flying) == 0
	})
	f.ask(code.SendMessageV2, sendFields("T")...)
	<-announced
	f.stopsWithin(limit / 2)
}

// startHeldNameServer runs a name server that tells of each registration, and answers none before goOn is closed.
func startHeldNameServer(t *testing.T) (addr string, registering <-chan struct{}, goOn chan<- struct{}) {
	t.Helper()
	came, release := make(chan struct{}, 9), make(chan struct{})
	addr = startNameServerOf(t, func(*remoting.Request) (*protocol.Command, error) {
		came <- struct{}{}
		<-release
		return protocol.NewResponse(code.Success, ""), nil
	})
	return addr, came, release
}

// TestDeletionWaitsForRegistrations: one that has the topic is under way when it is deleted. Its answer comes when that has arrived.
func TestDeletionWaitsForRegistrations(t *testing.T) {
	t.Parallel()
	addr, registering, goOn := startHeldNameServer(t)
	now := clock.NewFake(time.UnixMilli(1_700_000_000_000))
	f := startOn(t, Options{Clock: now}, func(c *Config, _ *store.Config) { c.NamesrvAddr = addr })
	release := sync.OnceFunc(func() { close(goOn) })
	defer release()
	<-registering
	f.put("T", 4)
	answer := f.ask(code.DeleteTopicInBroker, "topic", "T")
	f.eventually("the topic to go", func() bool { return f.Topics.Get("T") == nil })
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if f.registrar.inTurn(ctx, addr, func() {}) {
		t.Error("nothing is under way")
	}
	select {
	case <-answer:
		t.Error("answered while a registration is under way")
	default:
	}
	release()
	want(t, <-answer, code.Success, "")
}

// TestDeletionWaitsForNobodyLong: a name server that hangs keeps the answer for three seconds.
func TestDeletionWaitsForNobodyLong(t *testing.T) {
	t.Parallel()
	addr, registering, goOn := startHeldNameServer(t)
	defer close(goOn)
	now := clock.NewFake(time.UnixMilli(1_700_000_000_000))
	f := startOn(t, Options{Clock: now}, func(c *Config, _ *store.Config) { c.NamesrvAddr = addr })
	<-registering
	f.put("T", 4)
	answer := f.ask(code.DeleteTopicInBroker, "topic", "T")
	f.eventually("the topic to go", func() bool { return f.Topics.Get("T") == nil })
	var reply *protocol.Command
	f.eventually("an answer", func() bool {
		now.Advance(20 * time.Millisecond)
		select {
		case reply = <-answer:
			return true
		default:
			return false
		}
	})
	want(t, reply, code.Success, "")
}
