package nameserv

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/nameserv/kv"
	"github.com/skylarkmq/skylark/nameserv/route"
	"github.com/skylarkmq/skylark/remoting"
)

// Options are what a name server is made of. Only Config is required.
type Options struct {
	Config *config.Section[Config]
	// Server are the settings of the network layer.
	Server *config.Section[remoting.Config]
	// Settings is the flat list that GET_NAMESRV_CONFIG shows and UPDATE_NAMESRV_CONFIG changes; made of Config and Server when
	// nil.
	Settings *config.Set
	// RewriteLocal says of a broker address that it is in this process. Route answers then carry, instead of its host, the local
	// address by which the asking client reached the name server: that one works for it. For standalone mode.
	RewriteLocal func(brokerAddr string) bool

	Disk   vfs.FS      // the real disk when nil
	Clock  clock.Clock // the real clock when nil
	Limits route.Limits
}

// ErrUnsupported refuses a start with settings that would be ignored otherwise.
var ErrUnsupported = errors.New("not supported by this version of the name server")

// Nameserv is one name server.
type Nameserv struct {
	opt      Options
	cfg      *config.Section[Config]
	settings *config.Set
	disk     vfs.FS
	clock    clock.Clock
	log      zerolog.Logger

	routes *route.Table
	kv     *kv.Table
	server *remoting.Server
	client *remoting.Client // for notices to brokers

	departures chan []route.Member
	notices    chan *route.MinBrokerChanged
	started    time.Time // when route queries may begin to be answered, with needWaitForService

	// changes makes one step of a change of the routes and its notice: members must hear last of what was last.
	changes sync.Mutex

	configWrite sync.Mutex

	mu   sync.Mutex
	addr net.Addr
}

// New loads the key-value configuration and starts nothing.
func New(opt Options, log zerolog.Logger) (*Nameserv, error) {
	if opt.Config == nil {
		opt.Config = config.NewSection(Defaults())
	}
	if opt.Server == nil {
		opt.Server = config.NewSection(remoting.DefaultConfig())
	}
	if opt.Settings == nil {
		// The name server's own section comes last: its port is the one that is listed.
		opt.Settings = config.NewSet(opt.Server, opt.Config)
	}
	if opt.Disk == nil {
		opt.Disk = vfs.Disk
	}
	if opt.Clock == nil {
		opt.Clock = clock.Real
	}
	if opt.Limits == (route.Limits{}) {
		opt.Limits = route.DefaultLimits
	}
	n := &Nameserv{
		opt: opt, cfg: opt.Config, settings: opt.Settings, disk: opt.Disk, clock: opt.Clock, log: log,
		departures: make(chan []route.Member, max(1, opt.Config.Get().UnRegisterBrokerQueueCapacity)),
		notices:    make(chan *route.MinBrokerChanged, noticeQueue),
	}
	if c := n.cfg.Get(); c.ClusterTest || c.EnableControllerInNamesrv {
		return nil, fmt.Errorf("name server: clusterTest=%v, enableControllerInNamesrv=%v: %w", c.ClusterTest, c.EnableControllerInNamesrv, ErrUnsupported)
	}
	var err error
	if n.kv, err = kv.Open(opt.Disk, n.cfg.Get().KvConfigPath, kv.DefaultLimits); err != nil {
		return nil, fmt.Errorf("name server: %w", err)
	}
	if damaged := n.kv.Damaged(); damaged != nil {
		log.Error().Err(damaged).Str("file", n.cfg.Get().KvConfigPath).Msg("KV configuration is damaged; its .bak, the state before the last change, is used")
	}
	n.routes = route.NewTable(opt.Clock, opt.Limits, n.rules)
	n.server = remoting.NewServer(*opt.Server.Get(), log)
	calls := remoting.DefaultClientConfig()
	calls.ConnectTimeoutMillis = noticeConnectMs
	n.client = remoting.NewClient(calls, log)
	remoting.Mount(n.server, n, routes)
	n.server.OnClose(n.channelClosed)
	return n, nil
}

func (n *Nameserv) rules() route.Rules {
	c := n.cfg.Get()
	return route.Rules{
		DeleteTopicWithBrokerRegistration: c.DeleteTopicWithBrokerRegistration,
		NotifyMinBrokerIDChanged:          c.NotifyMinBrokerIDChanged,
		SupportActingMaster:               c.SupportActingMaster,
	}
}

// Listen opens the port. Run does it when nobody has; a caller that needs the address first calls it before.
func (n *Nameserv) Listen() (net.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.addr != nil {
		return n.addr, nil
	}
	c := n.cfg.Get()
	addr, err := n.server.Listen(net.JoinHostPort(c.BindAddress, strconv.Itoa(c.ListenPort)))
	if err != nil {
		return nil, fmt.Errorf("name server: listen on %s port %d: %w", c.BindAddress, c.ListenPort, err)
	}
	n.addr = addr
	return addr, nil
}

// Addr is where it listens; nil before Listen or Run.
func (n *Nameserv) Addr() net.Addr {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.addr
}

// Close releases the port of a name server that was never run.
func (n *Nameserv) Close() { n.server.Close() }

// Run serves until ctx ends, and returns when every goroutine it started has ended.
func (n *Nameserv) Run(ctx context.Context) error {
	if _, err := n.Listen(); err != nil {
		return err
	}
	defer n.client.Close()
	n.started = n.clock.Now()

	// The workers outlive the server by a moment: closing connections still submit departures, and nobody waits for them.
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	var workers sync.WaitGroup
	workers.Go(func() { n.scanSilent(work) })
	workers.Go(func() { n.applyDepartures(work) })
	workers.Go(func() { n.sendNotices(work) })

	err := n.server.Run(ctx)
	stop()
	workers.Wait()
	if err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("name server: %w", err)
	}
	return nil
}
