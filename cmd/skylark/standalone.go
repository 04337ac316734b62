package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/broker"
	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/nameserv"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/store"
)

const standaloneDir = "skylark-data"

// standaloneFlags are the few settings that a first try may need; everything else is in a broker.conf given with -c.
type standaloneFlags struct {
	configFile  string
	listenPort  int
	namesrvPort int
	storePath   string
	brokerIP    string
}

func (o *standaloneFlags) register(f *flag.FlagSet) {
	f.StringVar(&o.configFile, "c", "", "`file` of broker settings")
	f.IntVar(&o.listenPort, "listenPort", broker.DefaultPort, "`port` of the broker")
	f.IntVar(&o.namesrvPort, "namesrvPort", 9876, "`port` of the name server")
	f.StringVar(&o.storePath, "storePathRootDir", standaloneDir, "`directory` of everything that is kept")
	f.StringVar(&o.brokerIP, "brokerIP1", "", "`address` that clients are told for the broker, instead of the one by which they came")
}

// runStandalone is a name server and a broker in one process: nothing to configure, everything in one directory.
func runStandalone(c *call) error {
	var o standaloneFlags
	flags := c.flags()
	o.register(flags)
	if err := c.parse(flags); err != nil {
		return err
	}
	given := make(map[string]bool)
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })

	spareProcessor()
	log := logger(c.stderr)
	alone, err := newStandalone(&o, given, log)
	if err != nil {
		return c.notInitialized(err)
	}
	ctx, stop := untilStopped(log) // before scripts hear that they may stop it
	defer stop()
	alone.settings.identity(log, "standalone").Stringer("address", alone.broker.Addr()).Stringer("namesrv", alone.namesrv.Addr()).Msg("started")
	warnUnknown(log, o.configFile, alone.settings.all.Unknown())
	alone.settings.files.warn(log, alone.settings.wanted)
	warnOpen(log)
	alone.started = func() { bootSuccess(c, alone.broker, alone.settings) }
	err = alone.run(ctx)
	log.Info().Msg("broker and name server stopped")
	return err
}

type standalone struct {
	namesrv  *nameserv.Nameserv
	broker   *broker.Broker
	settings *brokerSettings
	local    netip.AddrPort // what the broker registers
	started  func()         // called when it has
}

// newStandalone opens both, the name server first: the broker has to know its port.
func newStandalone(o *standaloneFlags, given map[string]bool, log zerolog.Logger) (*standalone, error) {
	a := &standalone{settings: newBrokerSettings(), started: func() {}}
	a.settings.servers = 2
	if err := a.configure(o, given); err != nil {
		return nil, err
	}
	opt, err := a.settings.options(log)
	if err != nil {
		return nil, err
	}
	opt.Started = func() { a.started() }
	starting := a.settings.identity(log, "standalone")
	starting.Int("listenPort", a.settings.server.Get().ListenPort).Int("namesrvPort", o.namesrvPort).Msg("starting")
	if others := a.settings.own.Get().NamesrvAddr; others != "" {
		log.Warn().Str("namesrvAddr", others).Msg("standalone registers at its own name server only; skylark broker registers at these")
	}
	if a.namesrv, err = a.newNamesrv(o, log); err != nil {
		return nil, err
	}
	addr, err := a.namesrv.Listen()
	if err != nil {
		return nil, err
	}
	opt.NameServers = loopback(addr) // not as namesrvAddr: that may change, and is written into the file
	if a.broker, err = broker.New(opt); err != nil {
		a.namesrv.Close()
		return nil, err
	}
	a.local = a.broker.Addr()
	return a, nil
}

// configure applies, each over the one before: what standalone means, the file, the command line.
func (a *standalone) configure(o *standaloneFlags, given map[string]bool) error {
	a.settings.store.Change(func(c *store.Config) { c.StorePathRootDir = standaloneDir })
	if err := load(o.configFile, a.settings.all); err != nil {
		return exit{exitFailed, err.Error()}
	}
	if given["listenPort"] {
		a.settings.server.Change(func(c *remoting.Config) { c.ListenPort = o.listenPort })
	}
	root := a.settings.store.Get().StorePathRootDir
	if given["storePathRootDir"] {
		root = o.storePath
	}
	root, err := filepath.Abs(root)
	if err != nil {
		return fmt.Errorf("storePathRootDir: %w", err)
	}
	a.settings.store.Change(func(c *store.Config) { c.StorePathRootDir = root })
	a.settings.own.Change(func(c *broker.Config) {
		c.BrokerConfigPath = o.configFile
		if given["brokerIP1"] {
			c.BrokerIP1 = o.brokerIP
		}
		if o.configFile == "" {
			c.BrokerConfigPath = filepath.Join(root, "config", "broker.properties")
		}
	})
	return nil
}

func (a *standalone) newNamesrv(o *standaloneFlags, log zerolog.Logger) (*nameserv.Nameserv, error) {
	root := a.settings.store.Get().StorePathRootDir
	chosen := a.settings.own.Get().BrokerIP1 != broker.DefaultConfig().BrokerIP1 // somebody knows better which address is reachable
	server := *a.settings.server.Get()                                           // same TLS, same budgets
	server.ListenPort = o.namesrvPort
	own := nameserv.Defaults()
	own.ListenPort, own.BindAddress = o.namesrvPort, server.BindAddress
	own.KvConfigPath = filepath.Join(root, "namesrv", "kvConfig.json")
	own.ConfigStorePath = filepath.Join(root, "namesrv", "namesrv.properties")
	return nameserv.New(nameserv.Options{
		Config: config.NewSection(own), Server: config.NewSection(server),
		// Whatever address a client came in by leads to the broker too: it is this process.
		RewriteLocal: func(addr string) bool { return !chosen && addr == a.local.String() },
	}, log.With().Str("role", "namesrv").Logger())
}

// run stops the broker first: it has to unregister, and to finish with the clients that the name server sent.
func (a *standalone) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	nsCtx, stopNs := context.WithCancel(context.WithoutCancel(ctx))
	defer stopNs()
	nsDone := make(chan error, 1)
	go func() {
		err := a.namesrv.Run(nsCtx)
		cancel() // one without the other is of no use
		nsDone <- err
	}()
	err := a.broker.Run(ctx)
	stopNs()
	return errors.Join(err, <-nsDone)
}

// loopback is how this process reaches a listener of its own.
func loopback(addr net.Addr) string {
	ap, err := netip.ParseAddrPort(addr.String())
	if err != nil || !ap.Addr().IsUnspecified() {
		return addr.String()
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(int(ap.Port())))
}
