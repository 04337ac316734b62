package broker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/broker/assignment"
	"github.com/skylarkmq/skylark/broker/broadcast"
	"github.com/skylarkmq/skylark/broker/client"
	"github.com/skylarkmq/skylark/broker/filterdata"
	"github.com/skylarkmq/skylark/broker/lock"
	"github.com/skylarkmq/skylark/broker/longpoll"
	"github.com/skylarkmq/skylark/broker/offset"
	"github.com/skylarkmq/skylark/broker/schedule"
	"github.com/skylarkmq/skylark/broker/stats"
	"github.com/skylarkmq/skylark/broker/subscription"
	"github.com/skylarkmq/skylark/broker/topic"
	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/metrics"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/store"
	"github.com/skylarkmq/skylark/transaction"
)

// DefaultPort is listenPort when nothing says otherwise.
const DefaultPort = 10911

// Options are what a broker is made of. Sections that are nil have the defaults.
type Options struct {
	Config   *config.Section[Config]
	Accepted *config.Section[Accepted]
	Store    *config.Section[store.Config]
	Server   *config.Section[remoting.Config]
	Client   *config.Section[remoting.ClientConfig]
	// Settings is the flat list that GET_BROKER_CONFIG shows and UPDATE_BROKER_CONFIG
	// changes; made of the sections when nil.
	Settings *config.Set

	// Addr is where to listen instead of bindAddress:listenPort: "127.0.0.1:0" in
	// tests. Then there is no VIP port.
	Addr string

	// NameServers is where to register instead of at those of namesrvAddr, which then is shown and stored and means nothing; may be empty.
	NameServers string

	// MemoryLimit is what MemoryLimit of the settings came to, in bytes; 0 for none.
	MemoryLimit int64
	// QueueFiles is how many files of queues may be open; 0: as many as the store likes.
	QueueFiles int

	// QuickFlush is that of store.Options.
	QuickFlush time.Duration

	// Started is called by Run, once, when the broker serves and each name server has
	// been told of it, or had its time; may be nil.
	Started func()

	Disk  vfs.FS      // the real disk when nil
	Clock clock.Clock // the real clock when nil
	Log   zerolog.Logger
}

// fill gives what is nil its default.
func (o *Options) fill() {
	if o.Config == nil {
		o.Config = config.NewSection(DefaultConfig())
	}
	if o.Accepted == nil {
		o.Accepted = config.NewSection(DefaultAccepted())
	}
	if o.Store == nil {
		o.Store = config.NewSection(store.Defaults())
	}
	if o.Server == nil {
		o.Server = config.NewSection(remoting.DefaultConfig())
	}
	if o.Client == nil {
		o.Client = config.NewSection(remoting.DefaultClientConfig())
	}
	if o.Settings == nil {
		o.Settings = config.NewSet(o.Accepted, o.Config, o.Client, o.Store, o.Server)
	}
	if o.Started == nil {
		o.Started = func() {}
	}
	if o.Disk == nil {
		o.Disk = vfs.Disk
	}
	if o.Clock == nil {
		o.Clock = clock.Real
	}
}

// Broker is one broker. Its registries are exported for package admin.
type Broker struct {
	Store   *store.Store
	Topics  *topic.Registry
	Groups  *subscription.Registry
	Offsets *offset.Table
	Clients *client.Registry
	Locks   *lock.Table
	Holds   *longpoll.Holds
	Stats   *stats.Table
	// Filters is what groups filter by other than tags.
	Filters *filterdata.Table
	// Modes is in which mode groups get their messages.
	Modes *assignment.Modes
	// Broadcasts is how far broadcasting clients have pulled.
	Broadcasts *broadcast.Table
	// Transactions holds the half messages.
	Transactions *transaction.Coordinator
	// Schedule holds back messages with a delay level.
	Schedule *schedule.Schedule

	cfg      *config.Section[Config]
	storeCfg *config.Section[store.Config]
	settings *config.Set
	disk     vfs.FS
	clock    clock.Clock
	log      zerolog.Logger

	addr      netip.AddrPort // brokerIP1:port, what message ids and registrations name
	server    *remoting.Server
	saver     *saver
	registrar *registrar
	uniqIDs   *message.UniqIDs
	wakers    *wakers
	notices   *notices
	routes    *topicRoutes
	conflicts *conflicts
	purges    *purges
	letters   *deadLetters
	send      sender
	replies   replies

	exporter    *metrics.Exporter // nil without
	delayFile   *stateFile
	delayLevels int

	started     func() // see Options
	nameServers string // see Options
	stopped     atomic.Bool
}

// New prepares a broker: it checks the settings, opens and recovers the store,
// loads the state files and listens. Nothing runs before Run.
func New(opt Options) (*Broker, error) {
	opt.fill()
	b := &Broker{
		cfg: opt.Config, storeCfg: opt.Store, settings: opt.Settings,
		disk: opt.Disk, clock: opt.Clock, log: opt.Log, started: opt.Started, nameServers: opt.NameServers,
	}
	if err := b.mayStart(&opt); err != nil {
		return nil, err
	}
	if err := b.newFilters(opt.MemoryLimit); err != nil {
		return nil, err
	}
	b.newRegistries(opt.MemoryLimit)
	if err := b.newSchedule(); err != nil {
		return nil, err
	}
	b.replies.bound(opt.MemoryLimit)
	b.newServer(opt)
	if err := b.open(opt); err != nil {
		b.server.Close()
		if b.exporter != nil {
			b.exporter.Close()
		}
		if b.Store != nil {
			err = errors.Join(err, b.Store.Close())
		}
		return nil, err
	}
	return b, nil
}

// mayStart refuses settings that stop, and logs what is missing.
func (b *Broker) mayStart(opt *Options) (err error) {
	if b.storeCfg.Get().BrokerRole != store.Slave { // BrokerStartup does the same
		b.cfg.Change(func(c *Config) { c.BrokerID = 0 })
	}
	own := *b.cfg.Get()
	own.NamesrvAddr = b.NameServers()
	for _, o := range Obstacles(&own, opt.Accepted.Get(), b.storeCfg.Get(), opt.Server.Get()) {
		if o.Stops {
			err = errors.Join(err, fmt.Errorf("%w: %s", ErrRefused, o))
		} else {
			b.log.Warn().Str("setting", o.Setting).Str("wayOut", o.WayOut).Msg("broker: " + o.What)
		}
	}
	return err
}

// newRegistries makes the tables, still empty but for what every start has.
func (b *Broker) newRegistries(memoryLimit int64) {
	cfg := b.cfg.Get()
	now := b.clock.NowMs
	light := b.storeCfg.Get().EnableLmq
	b.Topics = topic.New(topic.Options{
		NowMs: now, Max: cfg.MaxTopicNums, Light: light,
		Persist: func() error { return b.saver.topics.persist() },
		System: topic.System{
			ClusterName: cfg.BrokerClusterName, BrokerName: cfg.BrokerName,
			AutoCreateTopic: cfg.AutoCreateTopicEnable, ClusterTopic: cfg.ClusterTopicEnable, BrokerTopic: cfg.BrokerTopicEnable,
			TraceTopic: cfg.TraceTopicEnable, TraceTopicName: cfg.MsgTraceTopicName,
			TimerWheel:       b.storeCfg.Get().TimerWheelEnable,
			DefaultQueueNums: int32(cfg.DefaultTopicQueueNums), ReviveQueue: int32(cfg.ReviveQueueNum),
		},
	})
	b.Groups = subscription.New(subscription.Options{
		NowMs: now, Max: cfg.MaxGroupNums, Light: light, Validate: topic.ValidateGroup, AutoCreate: b.mayCreateGroup,
		Persist: func() error { return b.saver.groups.persist() },
		Resave:  func() error { return b.saver.groups.resave() },
		Dirty:   func() { b.saver.markGroups() },
	})
	b.Offsets = offset.New(offset.Options{
		NowMs: now, Light: light,
		VersionStep:     func() int64 { return b.cfg.Get().ConsumerOffsetUpdateVersionStep },
		ServerSideReset: func() bool { return b.cfg.Get().UseServerSideResetOffset },
		Skipped:         b.skippedOffsets,
		Known:           b.consumes,
		MemoryLimit:     memoryLimit,
	})
	b.notices, b.conflicts = newNotices(b), newConflicts(b)
	b.Clients = client.New(client.Options{
		NowMs: now, MonoMs: b.clock.MonoMs, SubscriptionExpiredMs: cfg.SubscriptionExpiredTimeout, IDsChanged: b.notices.idsChanged,
		GroupGone: b.Filters.Unregister, MemoryLimit: memoryLimit,
	})
	b.Locks = lock.New(lock.Options{NowMs: b.clock.MonoMs, MaxLiveMs: func() int64 { return b.cfg.Get().RebalanceLockMaxLiveTime }, MemoryLimit: memoryLimit})
	b.Broadcasts = b.newBroadcasts()
	b.Modes, b.routes = assignment.NewModes(), newTopicRoutes(b, memoryLimit)
	b.Holds = longpoll.New(longpoll.Options{
		Clock: b.clock, MaxHolds: cfg.MaxHeldPulls, MaxPerQueue: cfg.MaxHeldPullsPerQueue,
		MaxOffset: func(topic string, queue int32) int64 { return b.Store.MaxOffset(topic, queue) },
	})
	counted := stats.Options{Clock: b.clock, Cluster: cfg.BrokerClusterName, IsSystem: b.Topics.IsSystem, MemoryLimit: memoryLimit}
	if light {
		counted.FoldLight = func() bool { return !b.cfg.Get().EnableLmqStats }
	}
	b.Stats = stats.New(counted)
	b.wakers = newWakers(b)
	b.saver, b.purges, b.letters = b.newSaver(), newPurges(b), newDeadLetters(b)
}

// mayCreateGroup says whether an unknown consumer group may be made now.
func (b *Broker) mayCreateGroup(group string) bool {
	cfg := b.cfg.Get()
	return cfg.AutoCreateSubscriptionGroup || cfg.EnableCreateSysGroup && subscription.HasSystemPrefix(group)
}

func (b *Broker) newServer(opt Options) {
	serverCfg := *opt.Server.Get()
	serverCfg.Clock = opt.Clock
	b.server = remoting.NewServer(serverCfg, opt.Log)
	clientCfg := *opt.Client.Get()
	clientCfg.Clock = opt.Clock
	b.registrar = newRegistrar(b, remoting.NewClient(clientCfg, opt.Log))
	b.server.OnClose(b.channelClosed)
	b.server.OnDrain(b.drainHolds)
}

// open takes the port, the store and the state files. Port 0 must be listened on
// before the store can know which address message ids name; any other is opened
// last, when requests can be answered.
func (b *Broker) open(opt Options) error {
	ip, err := b.cfg.Get().address()
	if err != nil {
		return err
	}
	listenFirst := opt.Addr != ""
	port := opt.Server.Get().ListenPort
	if port == 0 {
		port = DefaultPort
	}
	if listenFirst {
		if port, err = b.listen(opt.Addr); err != nil {
			return err
		}
	}
	b.addr = netip.AddrPortFrom(ip, uint16(port))
	if b.storeCfg.Get().HaListenPort <= 0 { // the released originals decide so before they read the file (BrokerStartup)
		b.storeCfg.Change(func(c *store.Config) { c.HaListenPort = port + 1 })
	}
	b.uniqIDs = message.NewUniqIDs(b.clock, ip)
	if err := b.saver.topics.load(); err != nil { // recovery asks which topics have batch queues
		return err
	}
	if b.Store, err = store.Open(b.storeCfg, store.Options{
		FS: b.disk, Clock: b.clock, Log: b.log, StoreHost: b.addr, QueueType: b.queueType, PrePut: b.prePut, BitMaps: bitMaps{b}, MemoryLimit: opt.MemoryLimit, QueueFiles: opt.QueueFiles, QuickFlush: opt.QuickFlush,
		Unconsumed: b.unconsumed,
	}); err != nil {
		return err
	}
	if err := errors.Join(b.saver.load(), b.delayFile.load(), b.purges.load(), b.letters.load()); err != nil {
		return err
	}
	b.warnPop()
	if b.Store.Recovered() {
		b.clampOffsets()
	}
	b.Transactions = b.newTransactions()
	if err := b.transactionsReadable(); err != nil {
		return err
	}
	b.Transactions.Load()
	b.Store.OnArrival(b.arrived)
	b.send.init(b)
	b.mount()
	if b.exporter, err = b.newExporter(); err != nil {
		return err
	}
	if listenFirst {
		return nil
	}
	return b.listenPorts(opt.Server.Get().BindAddress, port)
}

// listenPorts opens the main port and the VIP port two below, which serves the
// same table.
func (b *Broker) listenPorts(bind string, port int) error {
	for _, p := range []int{port, max(0, port-2)} {
		if _, err := b.listen(net.JoinHostPort(bind, strconv.Itoa(p))); err != nil {
			return err
		}
	}
	return nil
}

func (b *Broker) listen(addr string) (port int, err error) {
	a, err := b.server.Listen(addr)
	if err != nil {
		return 0, err
	}
	return a.(*net.TCPAddr).Port, nil
}

// queueType is the store's question for topics with batch consume queues.
func (b *Broker) queueType(name string) store.QueueType {
	if c := b.Topics.Get(name); c != nil && c.Attributes[attributeQueueType] == queueTypeBatch {
		return store.QueueBatch
	}
	return store.QueueSimple
}

// Addr is brokerIP1 with the port that is listened on.
func (b *Broker) Addr() netip.AddrPort { return b.addr }

// Run serves until ctx ends, or a part that nothing works without fails; then
// everything is stopped, saved and closed.
func (b *Broker) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	storeCtx, stopStore := context.WithCancel(context.Background())
	defer stopStore()
	backCtx, stopBack := context.WithCancel(context.Background())
	defer stopBack()

	var storeDone, back sync.WaitGroup
	var storeErr error
	storeDone.Go(func() {
		storeErr = b.Store.Run(storeCtx)
		cancel()
	})
	for _, part := range []func(context.Context){
		b.Holds.Run, b.wakers.run, b.saver.run, b.scanClients, b.scanBroadcasts, b.notices.run, b.replies.run, b.Stats.Run, b.Transactions.Run, b.Schedule.Run,
	} {
		back.Go(func() { part(backCtx) })
	}
	if b.exporter != nil {
		back.Go(func() { b.exporter.Run(backCtx) })
	}
	var registering sync.WaitGroup
	registering.Go(func() { b.registrar.run(ctx, b.started) })

	serveErr := b.server.Run(ctx)
	cancel()
	registering.Wait()
	b.stopped.Store(true)
	stopBack()
	back.Wait()
	saveErr := b.saver.close()
	stopStore()
	storeDone.Wait()
	b.registrar.close()
	return errors.Join(serveErr, storeErr, saveErr, b.Store.Close())
}

// Close gives back what New took, when Run was never called.
func (b *Broker) Close() error {
	b.server.Close()
	if b.exporter != nil {
		b.exporter.Close()
	}
	b.registrar.close()
	return b.Store.Close()
}
