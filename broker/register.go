package broker

import (
	"context"
	"errors"
	"hash/crc32"
	"maps"
	"net"
	"slices"
	"strconv"
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
	names  resolver // of run alone

	mu         sync.Mutex
	servers    []string
	registered map[string]bool             // whether the last registration there went well
	told       map[string]body.DataVersion // the version of the last one, which may have arrived though it failed
	news       map[string]*news
	flying     map[string]context.CancelFunc // the registrations of everything that run began and that have not ended
	flights    sync.WaitGroup
	sky        context.Context // every flight and announcement ends with it
	land       context.CancelFunc
	turns      map[string]chan struct{} // see inTurn
	stopped    bool                     // see left
}

func newRegistrar(b *Broker, c *remoting.Client) *registrar {
	r := &registrar{
		b: b, client: c, names: resolver{find: net.DefaultResolver.LookupHost}, registered: map[string]bool{}, told: map[string]body.DataVersion{}, news: map[string]*news{},
		flying: map[string]context.CancelFunc{}, turns: map[string]chan struct{}{},
	}
	r.sky, r.land = context.WithCancel(context.Background())
	return r
}

func (r *registrar) close() { r.client.Close() }

// run registers at start and by the clock, and tries again every second where a
// name server was away or came back, until ctx ends; then it unregisters. Before that
// it waits for no answer: a name server forgets a broker that it did not hear of for
// two minutes, however long another one keeps us waiting. started is called when the
// first registrations have ended, well or not.
func (r *registrar) run(ctx context.Context, started func()) {
	r.lookup(ctx)
	first := r.registerAll(true)
	r.flights.Go(func() {
		if first.Wait(); ctx.Err() == nil {
			started()
		}
	})
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
			r.leave()
			return
		case <-repeat.C():
			r.registerAll(r.b.cfg.Get().ForceRegister)
			repeat.Reset(period)
		case <-watch.C():
			r.registerLost()
		case <-addresses.C():
			r.lookup(ctx)
		}
	}
}

// lookup resolves the list of name servers, which may change while the broker runs. An address that
// is not listed any more is no longer told anything; when it comes back, everything.
func (r *registrar) lookup(ctx context.Context) {
	cfg := r.b.cfg.Get()
	list, err := NameServers(r.b.NameServers())
	if err != nil {
		r.b.log.Error().Err(err).Msg("name servers stay as they were")
		return
	}
	servers := r.names.resolve(ctx, list, cfg.FetchNameSrvAddrByDNSLookup)
	r.mu.Lock()
	r.servers = servers
	maps.DeleteFunc(r.registered, func(addr string, _ bool) bool { return !slices.Contains(servers, addr) })
	r.mu.Unlock()
}

func (r *registrar) list() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.servers...)
}

// registerLost registers where the last registration failed, or whose connection
// has ended since: a name server that restarts has forgotten us.
func (r *registrar) registerLost() {
	r.launch(r.idle(func(addr string) bool { return !r.registered[addr] || !r.client.Connected(addr) }), true)
}

// registerAll registers all topics everywhere.
func (r *registrar) registerAll(force bool) *sync.WaitGroup {
	return r.launch(r.idle(func(string) bool { return true }), force)
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

// launch sends all topics to name servers and does not wait for the answers; who wants
// to can. Whoever announced something to one that was away meanwhile is served here.
func (r *registrar) launch(servers []string, force bool) *sync.WaitGroup {
	var mine sync.WaitGroup
	mine.Add(len(servers))
	for _, addr := range servers {
		ctx, cancel := context.WithCancel(r.sky)
		r.mu.Lock()
		r.flying[addr] = cancel
		r.mu.Unlock()
		r.flights.Go(func() {
			defer mine.Done()
			r.inTurn(ctx, addr, func() {
				if !r.left() { // its turn may come after that of leave
					r.take(addr)
					r.register(ctx, addr, nil, force)
					r.tell(ctx, addr)
				}
			})
			r.mu.Lock()
			delete(r.flying, addr)
			r.mu.Unlock()
			cancel()
		})
	}
	return &mine
}

// inTurn runs do when nobody else has something on its way to a name server; false
// when ctx ended before. What is told is read in turn, so that what arrives last is
// what was true last.
func (r *registrar) inTurn(ctx context.Context, addr string, do func()) bool {
	r.mu.Lock()
	turn := r.turns[addr]
	if turn == nil {
		turn = make(chan struct{}, 1)
		r.turns[addr] = turn
	}
	r.mu.Unlock()
	select {
	case turn <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	defer func() { <-turn }()
	do()
	return true
}

// quiet waits until nothing is on its way to a name server that was encoded before the call, but at most until ctx ends.
func (r *registrar) quiet(ctx context.Context) {
	var wg sync.WaitGroup
	for _, addr := range r.present() {
		wg.Go(func() { r.inTurn(ctx, addr, func() {}) })
	}
	wg.Wait()
}

// present is the name servers but those that are known to be away: a new topic does
// not wait for them, they are told everything when they are back.
func (r *registrar) present() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []string
	for _, addr := range r.servers {
		if r.here(addr) {
			list = append(list, addr)
		}
	}
	return list
}

// here is false for a name server that is known to be away. It is called with mu.
func (r *registrar) here(addr string) bool {
	ok, tried := r.registered[addr]
	return ok || !tried
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

// body is a registration of all topics, or of those of some names that there are.
func (r *registrar) body(only []string) *body.RegisterBrokerBody {
	var table map[string]*topic.Config
	version := r.b.Topics.Version() // before the topics: they may be newer than it says, not older
	if only == nil {
		table, version = r.b.Topics.Snapshot()
	} else {
		table = make(map[string]*topic.Config, len(only))
		for _, name := range only {
			if c := r.b.Topics.Get(name); c != nil {
				table[name] = c
			}
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

// register brings a registration to a name server, in turn; without force only when
// it lacks something.
func (r *registrar) register(ctx context.Context, addr string, only []string, force bool) {
	ctx, cancel := context.WithTimeout(ctx, r.limit())
	defer cancel()
	reg := r.body(only)
	version := reg.TopicConfigSerializeWrapper.DataVersion
	if only != nil && len(reg.TopicConfigSerializeWrapper.TopicConfigTable) == 0 {
		return // deleted meanwhile
	}
	if !force && !r.differs(ctx, addr, &version) {
		return
	}
	data, err := body.Encode(reg)
	if err != nil {
		r.b.log.Error().Err(err).Msg("registration not written")
		return
	}
	r.registerAt(ctx, addr, data, version)
}

// limit is how long a registration may take.
func (r *registrar) limit() time.Duration {
	return time.Duration(r.b.cfg.Get().RegisterBrokerTimeoutMills) * time.Millisecond
}

func (r *registrar) registerAt(ctx context.Context, addr string, data []byte, version body.DataVersion) {
	cfg := r.b.cfg.Get()
	cmd := protocol.NewRequest(code.RegisterBroker, &header.RegisterBroker{
		BrokerName: cfg.BrokerName, BrokerAddr: r.b.advertised(), ClusterName: cfg.BrokerClusterName, BrokerId: cfg.BrokerID,
		HaServerAddr: hostPort(cfg.BrokerIP2, strconv.Itoa(r.b.storeCfg.Get().HaListenPort)),
		BodyCrc32:    int32(crc32.ChecksumIEEE(data) & 0x7fffffff),
	}, data)
	r.mu.Lock()
	r.told[addr] = version
	r.mu.Unlock()
	reply, err := r.client.Call(ctx, addr, cmd)
	ok := err == nil && reply.Response() == code.Success
	r.mu.Lock()
	before, known := r.registered[addr]
	if slices.Contains(r.servers, addr) { // else it is not listed any more, and told everything when it is again
		r.registered[addr] = ok
	}
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

// leave unregisters at all name servers, after what is on its way there: it could
// overtake an unregistration. A name server that does not answer keeps it for
// unregisterTime; our end of the connections is what it hears then.
func (r *registrar) leave() {
	r.mu.Lock()
	r.stopped = true
	r.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), unregisterTime)
	defer cancel()
	var wg sync.WaitGroup
	for _, addr := range r.list() {
		wg.Go(func() { r.leaveAt(ctx, addr) })
	}
	wg.Wait()
	r.land() // some may be under way to an address that is not in the list any more
	r.flights.Wait()
}

// left says whether the broker takes its leave: nothing is registered any more.
func (r *registrar) left() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stopped
}

func (r *registrar) leaveAt(ctx context.Context, addr string) {
	if !r.client.Connected(addr) {
		r.ground(addr) // it has sent nothing yet
	}
	cfg := r.b.cfg.Get()
	cmd := protocol.NewRequest(code.UnregisterBroker, &header.UnRegisterBroker{
		BrokerName: cfg.BrokerName, BrokerAddr: r.b.advertised(), ClusterName: cfg.BrokerClusterName, BrokerId: cfg.BrokerID,
	}, nil)
	var err error
	mine := r.inTurn(ctx, addr, func() {
		if r.client.Connected(addr) {
			_, err = r.client.Call(ctx, addr, cmd)
		}
	})
	if !mine {
		r.ground(addr)
		if err = ctx.Err(); r.client.Connected(addr) {
			err = errors.Join(err, r.client.OneWay(addr, cmd))
		}
	}
	if err != nil {
		r.b.log.Warn().Err(err).Str("nameServer", addr).Msg("not unregistered")
	}
}

// ground ends the registration of everything that is under way to a name server.
func (r *registrar) ground(addr string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if end := r.flying[addr]; end != nil {
		end()
	}
}

// NameServers is the list of those where the broker registers.
func (b *Broker) NameServers() string {
	if b.nameServers != "" {
		return b.nameServers
	}
	return b.cfg.Get().NamesrvAddr
}

// advertised is the address that is registered.
func (b *Broker) advertised() string {
	return hostPort(b.cfg.Get().BrokerIP1, strconv.Itoa(int(b.addr.Port())))
}
