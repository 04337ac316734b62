package broker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/broker/topic"
	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/internal/testport"
	"github.com/skylarkmq/skylark/nameserv"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
)

// nameServer is our own name server on a port of its own.
type nameServer struct {
	t    testing.TB
	dir  string
	addr string
	stop func()
}

// startNameServer listens on addr, or on any port when it is empty.
func startNameServer(t testing.TB, dir, addr string) *nameServer {
	t.Helper()
	cfg := nameserv.Defaults()
	cfg.BindAddress, cfg.ListenPort = "127.0.0.1", 0
	cfg.KvConfigPath, cfg.ConfigStorePath = dir+"/kvConfig.json", dir+"/namesrv.properties"
	if addr != "" {
		_, port, _ := net.SplitHostPort(addr)
		cfg.ListenPort, _ = strconv.Atoi(port)
	}
	n, err := nameserv.New(nameserv.Options{Config: config.NewSection(cfg)}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	a, err := n.Listen()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := n.Run(ctx); err != nil {
			t.Errorf("name server: %v", err)
		}
	})
	var once sync.Once
	s := &nameServer{t: t, dir: dir, addr: a.String(), stop: func() { once.Do(func() { cancel(); wg.Wait() }) }}
	t.Cleanup(s.stop)
	return s
}

// route asks for a topic until the answer is what the test waits for.
func (n *nameServer) route(c *remoting.Client, name string, enough func(*body.TopicRouteData) bool) *body.TopicRouteData {
	n.t.Helper()
	var last *protocol.Command
	for began := time.Now(); time.Since(began) < 30*time.Second; time.Sleep(5 * time.Millisecond) {
		reply, err := callAt(n.t, c, n.addr, code.GetRouteInfoByTopic, nil, "topic", name)
		if last = reply; err != nil {
			continue
		}
		route := new(body.TopicRouteData)
		if reply.Response() == code.Success {
			if route, err = body.Decode[body.TopicRouteData](reply.Body); err != nil {
				n.t.Fatal(err)
			}
		}
		if enough(route) {
			return route
		}
	}
	n.t.Fatalf("route of %s did not become what was waited for; last answer %+v", name, last)
	return nil
}

func known(r *body.TopicRouteData) bool   { return len(r.QueueDatas) == 1 && len(r.BrokerDatas) == 1 }
func unknown(r *body.TopicRouteData) bool { return len(r.BrokerDatas) == 0 }

// TestNameServers: the whole way of a client, with two name servers of which one
// comes late, restarts, and at the end hears that the broker leaves.
func TestNameServers(t *testing.T) {
	t.Parallel()
	// Both are away for a while: on ports that nobody is given meanwhile.
	first := startNameServer(t, t.TempDir(), fmt.Sprint("127.0.0.1:", testport.Broker(t)))
	late := startNameServer(t, t.TempDir(), fmt.Sprint("127.0.0.1:", testport.Broker(t)))
	late.stop()
	f := start(t, func(c *Config, _ *store.Config) { c.NamesrvAddr = first.addr + ";" + late.addr })
	c := newCaller(t)

	r := first.route(c, "TBW102", known)
	if got := r.BrokerDatas[0].BrokerAddrs[0]; got != f.addr || r.BrokerDatas[0].BrokerName != "test-a" || r.BrokerDatas[0].Cluster != "DefaultCluster" {
		t.Fatalf("registered as %+v, want %s", r.BrokerDatas[0], f.addr)
	}
	f.sendTo("T", "hello")
	if q := first.route(c, "T", known).QueueDatas[0]; q.ReadQueueNums != 4 || q.WriteQueueNums != 4 || q.Perm != 6 {
		t.Fatalf("queues %+v, want 4, readable and writeable", q)
	}

	late = startNameServer(t, late.dir, late.addr)
	late.route(c, "T", known)
	first.stop()
	first = startNameServer(t, first.dir, first.addr)
	first.route(c, "T", known) // it has forgotten everything, and is told again

	want(t, f.beat("G", "CLUSTERING", all("T")), code.Success, "")
	first.route(c, "%RETRY%G", known)
	answer := f.ask(code.PullMessage, replace(pullFields("G", "T", "1"), "sysFlag", "2")...)
	f.held(1)
	f.sendTo("T", "world")
	reply := <-answer
	want(t, reply, code.Success, "FOUND")
	if list := decodeAll(t, reply.Body); string(list[0].Body) != "world" {
		t.Fatalf("pulled %q", list[0].Body)
	}

	f.stop()
	first.route(c, "T", unknown)
	late.route(c, "T", unknown)
}

// hole is a name server that swallows connections and never answers: one that is
// stopped, or whose machine hangs.
func hole(t *testing.T) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

// registrations is a name server that only counts.
type registrations struct{ atomic.Int64 }

func (n *registrations) take(*remoting.Request) (*protocol.Command, error) {
	n.Add(1)
	return protocol.NewResponse(code.Success, ""), nil
}

// startCounting runs such a name server.
func startCounting(t *testing.T) (n *registrations, addr string) {
	t.Helper()
	n = new(registrations)
	return n, startNameServerOf(t, n.take)
}

// startNameServerOf runs a name server that only takes registrations; left is called for
// each unregistration.
func startNameServerOf(t *testing.T, take func(*remoting.Request) (*protocol.Command, error), left ...func()) (addr string) {
	t.Helper()
	srv := remoting.NewServer(remoting.DefaultConfig(), zerolog.Nop())
	answer := func(_ struct{}, r *remoting.Request) (*protocol.Command, error) { return take(r) }
	remoting.Mount(srv, struct{}{}, []remoting.Route[struct{}]{
		remoting.HandleRaw(code.RegisterBroker, remoting.Admin, answer),
		remoting.HandleRaw(code.UnregisterBroker, remoting.Query, func(struct{}, *remoting.Request) (*protocol.Command, error) {
			for _, f := range left {
				f()
			}
			return protocol.NewResponse(code.Success, ""), nil
		}),
	})
	a, err := srv.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := srv.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("name server: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	return a.String()
}

// stopsWithin stops the broker, which must not wait for who hangs.
func (f *fixture) stopsWithin(limit time.Duration) {
	f.t.Helper()
	began := time.Now()
	f.stop()
	if took := time.Since(began); took > limit {
		f.t.Errorf("the stop waited %s for who hangs", took)
	}
}

// TestNameServerThatHangsDelaysNoOther: the registrations that keep a broker alive
// go on while another name server leaves the broker waiting, and so does a stop.
func TestNameServerThatHangsDelaysNoOther(t *testing.T) {
	t.Parallel()
	healthy, addr := startCounting(t)
	now := clock.NewFake(time.UnixMilli(1_700_000_000_000))
	calls := remoting.DefaultClientConfig()
	calls.ClientChannelMaxIdleTimeSeconds = 0 // the clock is fast: it would end the call that has to hang
	f := startOn(t, Options{Clock: now, Client: config.NewSection(calls)}, func(c *Config, _ *store.Config) {
		c.NamesrvAddr, c.RegisterBrokerTimeoutMills = hole(t)+";"+addr, 600_000
	})
	for n := range int64(5) {
		f.eventually("one more registration", func() bool {
			if healthy.Load() > n {
				return true
			}
			now.Advance(reconnectEvery)
			return false
		})
	}
	f.stopsWithin(time.Minute)
}

// TestNameServerListedTwice: it gets one registration at a time, which the stop finds.
func TestNameServerListedTwice(t *testing.T) {
	t.Parallel()
	const limit = 50 * time.Second
	addr := hole(t)
	f := start(t, func(c *Config, _ *store.Config) {
		c.NamesrvAddr, c.RegisterBrokerTimeoutMills = addr+"; "+addr, int(limit.Milliseconds())
	})
	f.eventually("the first registration", func() bool { return f.registrar.client.Connected(addr) })
	if list := f.registrar.list(); len(list) != 1 {
		t.Errorf("name servers %v, want one", list)
	}
	f.stopsWithin(limit / 2)
}

// TestRegistrationThatOutlivesItsAddress: one that is not listed any more is not noted; its address would count as registered when it comes back.
func TestRegistrationThatOutlivesItsAddress(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}, 100), make(chan struct{})
	addr := startNameServerOf(t, func(*remoting.Request) (*protocol.Command, error) {
		asked <- struct{}{}
		<-answer
		return protocol.NewResponse(code.Success, ""), nil
	})
	f := start(t, func(c *Config, _ *store.Config) { c.NamesrvAddr, c.RegisterBrokerTimeoutMills = addr, 60_000 })
	<-asked
	idle := func() bool {
		f.registrar.mu.Lock()
		defer f.registrar.mu.Unlock()
		return len(f.registrar.flying) == 0
	}
	if idle() {
		t.Fatal("nothing is under way")
	}
	f.cfg.Change(func(c *Config) { c.NamesrvAddr = "" })
	f.registrar.lookup(t.Context())
	close(answer)
	f.eventually("the end of the registration", idle)
	f.registrar.mu.Lock()
	defer f.registrar.mu.Unlock()
	if len(f.registrar.registered) != 0 {
		t.Errorf("registered at %v", f.registrar.registered)
	}
}

// TestStopFindsEveryRegistration: also when an address has two, and is not in the list.
func TestStopFindsEveryRegistration(t *testing.T) {
	t.Parallel()
	const limit = 50 * time.Second
	f := start(t, func(c *Config, _ *store.Config) { c.RegisterBrokerTimeoutMills = int(limit.Milliseconds()) })
	addr := hole(t)
	f.registrar.launch([]string{addr}, true)
	f.eventually("the first registration", func() bool { return f.registrar.client.Connected(addr) })
	f.registrar.launch([]string{addr}, true)
	f.stopsWithin(limit / 2)
}

// TestTopicMadeDuringTheFirstRegistration: a name server refuses single topics of a
// broker that it does not know, so the topic's registration waits for the first one.
func TestTopicMadeDuringTheFirstRegistration(t *testing.T) {
	t.Parallel()
	arrived, overtaken := make(chan int, 100), make(chan bool, 1)
	made, second := make(chan struct{}), make(chan struct{}, 100)
	var calls atomic.Int64
	addr := startNameServerOf(t, func(r *remoting.Request) (*protocol.Command, error) {
		b, err := body.DecodeRegisterBroker(r.Body, false, r.Version)
		if err != nil {
			return nil, err
		}
		if calls.Add(1) > 1 {
			second <- struct{}{}
		} else {
			<-made
			select {
			case <-second:
				overtaken <- true
			case <-time.After(grace):
				overtaken <- false
			}
		}
		arrived <- len(b.TopicConfigSerializeWrapper.TopicConfigTable)
		return protocol.NewResponse(code.Success, ""), nil
	})
	f := start(t, func(c *Config, _ *store.Config) { c.NamesrvAddr = addr })
	f.eventually("the first registration", func() bool { return calls.Load() == 1 })
	go func() {
		f.eventually("the topic", func() bool { return f.Topics.Get("T") != nil })
		close(made)
	}()
	f.sendTo("T", "x")
	if <-overtaken {
		t.Error("the topic was registered before the broker was known")
	}
	if first, then := <-arrived, <-arrived; first < 2 || then != 1 {
		t.Errorf("registrations of %d and %d topics, want all and the new one", first, then)
	}
}

// TestStartedWhenRegistered: the start is over when the name servers know the broker; one that is away does not count.
func TestStartedWhenRegistered(t *testing.T) {
	t.Parallel()
	answer, asked, started := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var once sync.Once
	addr := startNameServerOf(t, func(*remoting.Request) (*protocol.Command, error) {
		once.Do(func() { close(asked) })
		<-answer
		return protocol.NewResponse(code.Success, ""), nil
	})
	opt := Options{Started: func() { close(started) }}
	f := startOn(t, opt, func(c *Config, _ *store.Config) {
		c.NamesrvAddr, c.RegisterBrokerTimeoutMills = "127.0.0.1:1;"+addr, 60_000
	})
	<-asked
	select {
	case <-started:
		t.Error("started before it was registered")
	default:
	}
	close(answer)
	f.eventually("the end of the start", func() bool {
		select {
		case <-started:
			return true
		default:
			return false
		}
	})
}

// TestNewTopicDoesNotWaitForWhoIsAway: the name server hangs.
func TestNewTopicDoesNotWaitForWhoIsAway(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *Config, _ *store.Config) {
		c.NamesrvAddr, c.RegisterBrokerTimeoutMills = hole(t), 300
	})
	tried := func() bool {
		f.registrar.mu.Lock()
		defer f.registrar.mu.Unlock()
		return len(f.registrar.registered) > 0
	}
	f.eventually("the name server to be tried", tried)
	if list := f.registrar.present(); len(list) != 0 {
		t.Fatalf("still present: %v", list)
	}
	f.cfg.Change(func(c *Config) { c.RegisterBrokerTimeoutMills = 60_000 })
	f.sendTo("T", "x") // call waits 10 s at most
}

func TestSingleTopicRegistration(t *testing.T) {
	t.Parallel()
	n := startNameServer(t, t.TempDir(), "")
	f := start(t, func(c *Config, _ *store.Config) { c.NamesrvAddr, c.EnableSingleTopicRegister = n.addr, true })
	c := newCaller(t)
	n.route(c, "TBW102", known)
	f.sendTo("T", "x")
	if q := n.route(c, "T", known).QueueDatas[0]; q.WriteQueueNums != 4 || q.BrokerName != "test-a" {
		t.Fatalf("registered as %+v", q)
	}
	f.cfg.Change(func(c *Config) { c.BrokerPermission = int(topic.PermRead) })
	u := topic.NewConfig("U")
	if err := f.Topics.Put(u); err != nil {
		t.Fatal(err)
	}
	f.AnnounceTopic(u)
	if q := n.route(c, "U", known).QueueDatas[0]; q.Perm != topic.PermRead {
		t.Fatalf("a topic of a broker that is read only registered as %+v", q)
	}
}

func TestRegistrationOnlyWhenSomethingChanged(t *testing.T) {
	t.Parallel()
	n := startNameServer(t, t.TempDir(), "")
	f := start(t, func(c *Config, _ *store.Config) { c.NamesrvAddr, c.ForceRegister = n.addr, false })
	n.route(newCaller(t), "TBW102", known)
	version := body.DataVersion(f.Topics.Version())
	if f.registrar.differs(context.Background(), n.addr, &version) {
		t.Fatal("the name server lacks what it was told")
	}
	version = body.DataVersion(f.Topics.Bump())
	if !f.registrar.differs(context.Background(), n.addr, &version) {
		t.Fatal("the name server knows what it was not told")
	}
	gone := &body.DataVersion{}
	if !f.registrar.differs(context.Background(), "127.0.0.1:1", gone) {
		t.Fatal("a name server that does not answer knows everything")
	}
}

func TestBrokerWithAName(t *testing.T) {
	t.Parallel()
	n := startNameServer(t, t.TempDir(), "")
	f := start(t, func(c *Config, _ *store.Config) { c.NamesrvAddr, c.BrokerIP1 = n.addr, "localhost" })
	r := n.route(newCaller(t), "TBW102", known)
	if got, want := r.BrokerDatas[0].BrokerAddrs[0], "localhost:"+strconv.Itoa(int(f.Addr().Port())); got != want {
		t.Fatalf("registered as %s, want %s", got, want)
	}
	if !f.Addr().Addr().IsLoopback() {
		t.Fatalf("message ids name %s", f.Addr())
	}
}

func TestOrderedTopicsOfTheNameServer(t *testing.T) {
	t.Parallel()
	n := startNameServer(t, t.TempDir(), "")
	c := newCaller(t)
	reply, err := callAt(t, c, n.addr, code.PutKVConfig, nil, "namespace", "ORDER_TOPIC_CONFIG", "key", "BenchmarkTest", "value", "test-a:4")
	if err != nil || reply.Response() != code.Success {
		t.Fatalf("%v %+v", err, reply)
	}
	f := start(t, func(c *Config, _ *store.Config) { c.NamesrvAddr = n.addr })
	n.route(c, "BenchmarkTest", known)
	f.eventually("BenchmarkTest to be ordered", func() bool { return f.Topics.Get("BenchmarkTest").Order })
}

func TestRegistrationBody(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	whole := f.registrar.body(nil)
	w := &whole.TopicConfigSerializeWrapper
	if w.TopicConfigTable["TBW102"].Perm != 7 || w.DataVersion != body.DataVersion(f.Topics.Version()) {
		t.Fatalf("whole: TBW102 %+v, version %+v", w.TopicConfigTable["TBW102"], w.DataVersion)
	}
	f.cfg.Change(func(c *Config) { c.BrokerPermission = 4 })
	only := topic.NewConfig("T")
	if err := f.Topics.Put(only); err != nil {
		t.Fatal(err)
	}
	part := f.registrar.body([]string{"T", "not there"}).TopicConfigSerializeWrapper.TopicConfigTable
	if len(part) != 1 || part["T"].Perm != 4 {
		t.Fatalf("one topic of a broker that is read only: %+v", part)
	}
	if only.Perm != 6 {
		t.Fatal("the mask changed the topic itself")
	}
	data, err := body.Encode(whole)
	if err != nil {
		t.Fatal(err)
	}
	for _, member := range []string{`"filterServerList":[]`, `"topicConfigSerializeWrapper":{`, `"topicQueueMappingInfoMap":{}`, `"attributes":{}`} {
		if !strings.Contains(string(data), member) {
			t.Errorf("registration lacks %s", member)
		}
	}
}
