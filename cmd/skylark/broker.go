package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/broker"
	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/store"
)

// brokerSettings are all sections of a broker, and the flat list over them.
type brokerSettings struct {
	own      *config.Section[broker.Config]
	accepted *config.Section[broker.Accepted]
	store    *config.Section[store.Config]
	server   *config.Section[remoting.Config]
	client   *config.Section[remoting.ClientConfig]
	all      *config.Set
	servers  int   // that clients connect to, in this process
	memory   int64 // what memoryLimit came to, once options were made
	files    descriptors
	wanted   int // maxConnections as it is set
}

func newBrokerSettings() *brokerSettings {
	server := remoting.DefaultConfig()
	server.ListenPort = broker.DefaultPort
	files := store.Defaults()
	files.StorePathRootDir = filepath.Join(home(), "store")
	s := &brokerSettings{
		own:      config.NewSection(broker.DefaultConfig()),
		accepted: config.NewSection(broker.DefaultAccepted()),
		store:    config.NewSection(files),
		server:   config.NewSection(server),
		client:   config.NewSection(remoting.DefaultClientConfig()),
		servers:  1,
	}
	s.all = config.NewSet(s.accepted, s.own, s.client, s.store, s.server)
	return s
}

// home is where the original keeps its data: the user's, or the working directory where there is no user.
func home() string {
	dir, err := os.UserHomeDir()
	if err != nil {
		return "."
	}
	return dir
}

// options are complete once the settings are: what they say of memory, and the limit of
// open files, is acted on here.
func (s *brokerSettings) options(log zerolog.Logger) (broker.Options, error) {
	limit, err := limitMemory(s.own.Get().MemoryLimit)
	if err != nil {
		return broker.Options{}, exit{exitFailed, err.Error()}
	}
	s.memory, s.files = limit, spend(openFilesLimit(), storeFiles, s.servers)
	s.server.Limit(func(c *remoting.Config) {
		boundNetwork(c, limit)
		s.wanted = c.MaxConnections
		s.files.bound(c)
	})
	return broker.Options{
		Config: s.own, Accepted: s.accepted, Store: s.store, Server: s.server, Client: s.client, Settings: s.all, Log: log, MemoryLimit: limit, QueueFiles: s.files.files / ofQueues,
	}, nil
}

// obstacles are what the settings say of a start, but for those of the store.
func (s *brokerSettings) obstacles() []store.Obstacle {
	found := broker.Obstacles(s.own.Get(), s.accepted.Get(), s.store.Get(), s.server.Get())
	if _, err := memoryOf(s.own.Get().MemoryLimit); err != nil {
		found = append(found, store.Obstacle{Stops: true, Setting: "memoryLimit", What: err.Error(), WayOut: "set it to more, or take it away"})
	}
	return found
}

// load reads the settings file, which updateBrokerConfig will write back, and then what the command line says.
func (s *brokerSettings) load(o *options) error {
	if err := load(o.configFile, s.all); err != nil {
		return exit{exitFailed, err.Error()}
	}
	s.own.Change(func(c *broker.Config) {
		if o.configFile != "" {
			c.BrokerConfigPath = o.configFile
		}
		if c.BrokerConfigPath == "" { // as BrokerPathConfigHelper has it
			c.BrokerConfigPath = filepath.Join(home(), "store", "config", "broker.properties")
		}
		if o.namesrvAddr != "" {
			c.NamesrvAddr = o.namesrvAddr
		}
	})
	return checkNamesrvAddr(s.own.Get().NamesrvAddr)
}

// runBroker is `mqbroker [-c file] [-n addr] [-p] [-m] [-h]`.
func runBroker(c *call) error {
	var o options
	flags := c.flags()
	o.register(flags, true)
	if err := c.parse(flags); err != nil {
		return err
	}
	settings := newBrokerSettings()
	if err := settings.load(&o); err != nil {
		return err
	}
	if o.print(c, settings.all) {
		return nil
	}

	spareProcessor()
	log := logger(c.stderr)
	opt, err := settings.options(log)
	if err != nil {
		return err
	}
	settings.identity(log, "broker").Int("listenPort", settings.server.Get().ListenPort).Msg("starting")
	var b *broker.Broker
	opt.Started = func() { bootSuccess(c, b, settings) }
	if b, err = broker.New(opt); err != nil {
		return c.notInitialized(err)
	}
	ctx, stop := untilStopped(log) // before scripts hear that they may stop it
	defer stop()
	settings.identity(log, "broker").Stringer("address", b.Addr()).Msg("started")
	warnUnknown(log, o.configFile, settings.all.Unknown())
	settings.files.warn(log, settings.wanted)
	warnOpen(log)
	err = b.Run(ctx)
	log.Info().Msg("broker stopped")
	return err
}

// identity is that of a broker, once options were made.
func (s *brokerSettings) identity(log zerolog.Logger, role string) *zerolog.Event {
	c := s.own.Get()
	return identity(log, role, s.memory).
		Str("broker", c.BrokerName).Str("cluster", c.BrokerClusterName).
		Str("namesrvAddr", c.NamesrvAddr).Str("storePath", s.store.Get().StorePathRootDir)
}

// bootSuccess is the line that scripts written for the Java broker wait for: name servers know the broker then.
func bootSuccess(c *call, b *broker.Broker, s *brokerSettings) {
	fmt.Fprintf(c.stdout, "The broker[%s, %s] boot success. serializeType=JSON", s.own.Get().BrokerName, b.Addr())
	if list := b.NameServers(); list != "" {
		fmt.Fprintf(c.stdout, " and name server is %s", list)
	}
	fmt.Fprintln(c.stdout)
}
