package main

import (
	"fmt"

	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/nameserv"
	"github.com/skylarkmq/skylark/remoting"
)

// runNamesrv is `mqnamesrv [-c file] [-p] [-n addr] [-h]`.
func runNamesrv(c *call) error {
	var o options
	flags := c.flags()
	o.register(flags, false) // -n is taken and means nothing here, as in the original
	if err := c.parse(flags); err != nil {
		return err
	}
	own := config.NewSection(nameserv.Defaults())
	server := config.NewSection(remoting.DefaultConfig())
	all := config.NewSet(server, own)
	if err := load(o.configFile, all); err != nil {
		return exit{exitFailed, err.Error()}
	}
	if o.configFile != "" {
		own.Change(func(s *nameserv.Config) { s.ConfigStorePath = o.configFile })
	}
	if o.print(c, all) {
		return nil
	}

	log := logger(c.stderr)
	memory, err := limitMemory("")
	if err != nil {
		return err
	}
	files, wanted := spend(openFilesLimit(), namesrvFiles, 1), server.Get().MaxConnections
	server.Limit(func(c *remoting.Config) {
		boundNetwork(c, memory)
		files.bound(c)
	})
	identity(log, "namesrv", memory).Int("listenPort", own.Get().ListenPort).Str("kvConfigPath", own.Get().KvConfigPath).Msg("starting")
	ns, err := nameserv.New(nameserv.Options{Config: own, Server: server, Settings: all}, log)
	if err != nil {
		return c.notInitialized(err)
	}
	addr, err := ns.Listen()
	if err != nil {
		return err
	}
	ctx, stop := untilStopped(log) // before scripts hear that they may stop it
	defer stop()
	identity(log, "namesrv", memory).Stringer("address", addr).Str("kvConfigPath", own.Get().KvConfigPath).Msg("started")
	warnUnknown(log, o.configFile, all.Unknown())
	files.warn(log, wanted)
	warnOpen(log)
	fmt.Fprintf(c.stdout, "The Name Server boot success. serializeType=JSON, address %s\n", listenText(own.Get()))
	err = ns.Run(ctx)
	log.Info().Msg("name server stopped")
	return err
}

// listenText is the address as the original prints it: what was configured, not what the system calls it.
func listenText(c *nameserv.Config) string { return fmt.Sprintf("%s:%d", c.BindAddress, c.ListenPort) }
