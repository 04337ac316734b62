package broker

import (
	"context"
	"hash/crc32"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/skylarkmq/skylark/broker/topic"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

const (
	firstRepeat    = 10 * time.Second // the first registration after the one at start
	leastPeriod    = 10 * time.Second
	longestPeriod  = 60 * time.Second
	reconnectEvery = time.Second
	unregisterTime = 3 * time.Second
)

// registrar keeps the name servers informed. Each name server is on its own: one
// that is away delays nobody, and is told everything again when it is back.
type registrar struct {
	b      *Broker
	client *remoting.Client

	mu         sync.Mutex
	servers    []string
	registered map[string]bool // whether the last registration there went well
	// flying is where a registration of everything waits for its answer: closed, and gone, when it has it. Only run adds.
	flying  map[string]chan struct{}
	flights sync.WaitGroup // those registrations
}

func newRegistrar(b *Broker, c *remoting.Client) *registrar {
	return &registrar{b: b, client: c, registered: map[string]bool{}, flying: map[string]chan struct{}{}}
}

func (r *registrar) close() { r.client.Close() }

// run registers at start and by the clock, and tries again every second where a
// name server was away or came back, until ctx ends; then it unregisters. It waits
// for no answer: a name server forgets a broker that it did not hear of for two
// minutes, however long another one keeps us waiting.
func (r *registrar) run(ctx context.Context) {
	r.lookup(ctx)
	r.registerAll(ctx, true)
	period := min(max(time.Duration(r.b.cfg.Get().RegisterNameServerPeriod)*time.Millisecond, leastPeriod), longestPeriod)
	repeat := r.b.clock.NewTimer(firstRepeat)
	defer repeat.Stop()
	watch := r.b.clock.NewTicker(reconnectEvery)
	defer watch.Stop()
	addresses := r.b.clock.NewTicker(time.Duration(max(1000, r.b.cfg.Get().UpdateNameServerAddrPeriod)) * time.Millisecond)
	defer addresses.Stop()
	for {
		select {
		case <-ctx.Done():
			r.flights.Wait()
			r.unregister()
			return
		case <-repeat.C():
			r.registerAll(ctx, r.b.cfg.Get().ForceRegister)
			repeat.Reset(period)
		case <-watch.C():
			r.registerLost(ctx)
		case <-addresses.C():
			r.lookup(ctx)
		}
	}
}

// lookup resolves namesrvAddr. A name may stand for several addresses.
func (r *registrar) lookup(ctx context.Context) {
	var servers []string
	for addr := range strings.SplitSeq(r.b.cfg.Get().NamesrvAddr, ";") {
		if addr = strings.TrimSpace(addr); addr != "" {
			servers = append(servers, resolve(ctx, addr)...)
		}
	}
	r.mu.Lock()
	r.servers = servers
	r.mu.Unlock()
}

// resolve keeps an address that it cannot look up: the next connection may do better.
func resolve(ctx context.Context, addr string) []string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || net.ParseIP(host) != nil {
		return []string{addr}
	}
	hosts, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil || len(hosts) == 0 {
		return []string{addr}
	}
	return []string{net.JoinHostPort(hosts[0], port)}
}

func (r *registrar) list() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.servers...)
}

// registerLost registers where the last registration failed, or whose connection
// has ended since: a name server that restarts has forgotten us.
func (r *registrar) registerLost(ctx context.Context) {
	r.launch(ctx, r.idle(func(addr string) bool { return !r.registered[addr] || !r.client.Connected(addr) }), true)
}

// registerAll registers all topics everywhere.
func (r *registrar) registerAll(ctx context.Context, force bool) {
	r.launch(ctx, r.idle(func(string) bool { return true }), force)
}

// idle is the name servers that want wants, but those whose last registration is
// still under way. want is called with mu.
func (r *registrar) idle(want func(addr string) bool) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []string
	for _, addr := range r.servers {
		if r.flying[addr] == nil && want(addr) {
			list = append(list, addr)
		}
	}
	return list
}

// launch sends all topics to name servers and does not wait for the answers. Who
// makes a topic and sees no flight may rely on the next one to tell of it: flights
// are noted before topics are read.
func (r *registrar) launch(ctx context.Context, servers []string, force bool) {
	if len(servers) == 0 {
		return
	}
	r.mu.Lock()
	for _, addr := range servers {
		r.flying[addr] = make(chan struct{})
	}
	r.mu.Unlock()
	send := r.sender(r.body(nil), force)
	for _, addr := range servers {
		r.flights.Go(func() {
			send(ctx, addr)
			r.mu.Lock()
			close(r.flying[addr])
			delete(r.flying, addr)
			r.mu.Unlock()
		})
	}
}

// announce tells each name server that is present of a change and waits for all.
func (r *registrar) announce(tell func(addr string)) {
	var wg sync.WaitGroup
	for _, addr := range r.present() {
		wg.Go(func() {
			if r.knownAt(addr) {
				tell(addr)
			}
		})
	}
	wg.Wait()
}

// knownAt waits for a registration that is under way to a name server and says
// whether the broker is known there. One that does not know the broker refuses
// single topics; the registration that it still gets tells of them.
func (r *registrar) knownAt(addr string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if flight := r.flying[addr]; flight != nil {
		r.mu.Unlock()
		<-flight
		r.mu.Lock()
	}
	return r.registered[addr]
}

// present is the name servers but those that are known to be away: a new topic does
// not wait for them, they are told everything when they are back.
func (r *registrar) present() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []string
	for _, addr := range r.servers {
		if ok, tried := r.registered[addr]; ok || !tried {
			list = append(list, addr)
		}
	}
	return list
}

// masked is a topic's permission as name servers hear of it: less than it has when
// the broker itself is not fully open; that is how an operator closes one broker.
func (r *registrar) masked(perm int32) int32 {
	mask := int32(r.b.cfg.Get().BrokerPermission)
	if mask&(topic.PermRead|topic.PermWrite) != topic.PermRead|topic.PermWrite {
		return perm & mask
	}
	return perm
}

// body is a registration.
func (r *registrar) body(only []*topic.Config) *body.RegisterBrokerBody {
	var table map[string]*topic.Config
	version := r.b.Topics.Version()
	if only == nil {
		table, version = r.b.Topics.Snapshot()
	} else {
		table = make(map[string]*topic.Config, len(only))
		for _, c := range only {
			table[c.TopicName] = c
		}
	}
	out := &body.RegisterBrokerBody{FilterServerList: []string{}}
	w := &out.TopicConfigSerializeWrapper
	w.DataVersion = body.DataVersion(version)
	w.TopicConfigTable = make(map[string]body.TopicConfig, len(table))
	w.TopicQueueMappingInfoMap = map[string]body.TopicQueueMappingInfo{}
	w.TopicQueueMappingDetailMap = map[string]body.TopicQueueMappingDetail{}
	for name, c := range table {
		t := body.TopicConfig(*c)
		t.Perm = r.masked(t.Perm)
		w.TopicConfigTable[name] = t
	}
	return out
}

// sender encodes a registration once; what it returns brings it to a name server.
func (r *registrar) sender(reg *body.RegisterBrokerBody, force bool) func(ctx context.Context, addr string) {
	data, err := body.Encode(reg)
	if err != nil {
		r.b.log.Error().Err(err).Msg("registration not written")
		return func(context.Context, string) {}
	}
	limit := time.Duration(r.b.cfg.Get().RegisterBrokerTimeoutMills) * time.Millisecond
	return func(ctx context.Context, addr string) {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		if force || r.differs(ctx, addr, &reg.TopicConfigSerializeWrapper.DataVersion) {
			r.registerAt(ctx, addr, data)
		}
	}
}

func (r *registrar) registerAt(ctx context.Context, addr string, data []byte) {
	cfg := r.b.cfg.Get()
	cmd := protocol.NewRequest(code.RegisterBroker, &header.RegisterBroker{
		BrokerName: cfg.BrokerName, BrokerAddr: r.b.advertised(), ClusterName: cfg.BrokerClusterName, BrokerId: cfg.BrokerID,
		HaServerAddr: net.JoinHostPort(cfg.BrokerIP2, strconv.Itoa(r.b.storeCfg.Get().HaListenPort)),
		BodyCrc32:    int32(crc32.ChecksumIEEE(data) & 0x7fffffff),
	}, data)
	reply, err := r.client.Call(ctx, addr, cmd)
	ok := err == nil && reply.Response() == code.Success
	r.mu.Lock()
	before, known := r.registered[addr]
	r.registered[addr] = ok
	r.mu.Unlock()
	switch {
	case ok:
		if !before {
			r.b.log.Info().Str("nameServer", addr).Msg("registered")
		}
		r.order(reply.Body)
	case before || !known:
		event := r.b.log.Warn().Err(err).Str("nameServer", addr)
		if reply != nil {
			event = event.Int32("code", reply.Code).Str("remark", reply.Remark)
		}
		event.Msg("registration failed; trying again every second")
	}
}

// order takes the ordered topics out of an answer.
func (r *registrar) order(data []byte) {
	if len(data) == 0 {
		return
	}
	kv, err := body.Decode[body.KVTable](data)
	if err != nil {
		r.b.log.Warn().Err(err).Msg("ordered topics in the name server's answer not understood")
		return
	}
	names := make([]string, 0, len(kv.Table))
	for name := range kv.Table {
		names = append(names, name)
	}
	if err := r.b.Topics.SetOrder(names); err != nil {
		r.b.log.Error().Err(err).Msg("ordered topics not saved")
	}
}

// differs asks a name server whether it lacks our present topics; when it does not
// say, it does.
func (r *registrar) differs(ctx context.Context, addr string, version *body.DataVersion) bool {
	cfg := r.b.cfg.Get()
	data, err := body.Encode(version)
	if err != nil {
		return true
	}
	cmd := protocol.NewRequest(code.QueryDataVersion, &header.QueryDataVersion{
		BrokerName: cfg.BrokerName, BrokerAddr: r.b.advertised(), ClusterName: cfg.BrokerClusterName, BrokerId: cfg.BrokerID,
	}, data)
	reply, err := r.client.Call(ctx, addr, cmd)
	if err != nil || reply.Response() != code.Success {
		return true
	}
	return reply.Fields.String("changed") != "false"
}

func (r *registrar) unregister() {
	ctx, cancel := context.WithTimeout(context.Background(), unregisterTime)
	defer cancel()
	cfg := r.b.cfg.Get()
	cmd := protocol.NewRequest(code.UnregisterBroker, &header.UnRegisterBroker{
		BrokerName: cfg.BrokerName, BrokerAddr: r.b.advertised(), ClusterName: cfg.BrokerClusterName, BrokerId: cfg.BrokerID,
	}, nil)
	var wg sync.WaitGroup
	for _, addr := range r.list() {
		if !r.client.Connected(addr) {
			continue
		}
		wg.Go(func() {
			if _, err := r.client.Call(ctx, addr, cmd); err != nil {
				r.b.log.Warn().Err(err).Str("nameServer", addr).Msg("not unregistered")
			}
		})
	}
	wg.Wait()
}

// AnnounceTopic tells the name servers of one new or changed topic and waits for
// them.
func (b *Broker) AnnounceTopic(list ...*topic.Config) {
	if b.cfg.Get().EnableSingleTopicRegister {
		for _, c := range list {
			b.registrar.single(c)
		}
		return
	}
	b.registrar.tell(list)
}

// Announce tells the name servers everything again and waits for them.
func (b *Broker) Announce() { b.registrar.tell(nil) }

// tell registers some topics, or all, as they are when a name server's turn comes:
// what it heard before is no newer.
func (r *registrar) tell(only []*topic.Config) {
	r.announce(func(addr string) { r.sender(r.body(only), true)(context.Background(), addr) }) // it has a limit of its own
}

// single registers one topic by REGISTER_TOPIC_IN_NAMESRV.
func (r *registrar) single(c *topic.Config) {
	cfg := r.b.cfg.Get()
	data, err := body.Encode(body.TopicRouteData{QueueDatas: []body.QueueData{{
		BrokerName: cfg.BrokerName, Perm: r.masked(c.Perm), ReadQueueNums: c.ReadQueueNums, WriteQueueNums: c.WriteQueueNums,
		TopicSysFlag: c.TopicSysFlag,
	}}})
	if err != nil {
		r.b.log.Error().Err(err).Msg("registration of one topic not written")
		return
	}
	limit := time.Duration(cfg.RegisterBrokerTimeoutMills) * time.Millisecond
	cmd := protocol.NewRequest(code.RegisterTopicInNamesrv, &header.RegisterTopic{Topic: c.TopicName}, data)
	r.announce(func(addr string) {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		if _, err := r.client.Call(ctx, addr, cmd); err != nil {
			r.b.log.Warn().Err(err).Str("nameServer", addr).Str("topic", c.TopicName).Msg("topic not registered")
		}
	})
}

// advertised is the address that is registered.
func (b *Broker) advertised() string {
	return net.JoinHostPort(b.cfg.Get().BrokerIP1, strconv.Itoa(int(b.addr.Port())))
}
