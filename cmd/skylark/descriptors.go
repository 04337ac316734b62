package main

import (
	"syscall"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/remoting"
)

// How the limit of open files is spent. Connections take what they get: without a share
// of its own a store could open no file while many clients are there, and nothing could
// be sent, nor read. Go raises the limit of the process to the hard one before main.
const (
	// storeFiles: 512 of queues, the newest of the log and those that consumers far behind
	// read, of the index, state files, and what is none: loops, new connections on their way to one.
	storeFiles   = 1024
	namesrvFiles = 64
	ofFiles      = 2 // one part of the limit in so many is the most that is kept for files
	ofQueues     = 2 // one part of the files in so many is the queues'
)

// descriptors is what a limit comes to.
type descriptors struct {
	limit       int // 0: there is none, or nobody knows
	files       int // kept for files
	connections int // at most, of each server
}

// spend divides a limit between files and the connections of some servers.
func spend(limit, files, servers int) descriptors {
	if limit <= 0 {
		return descriptors{}
	}
	files = min(files, limit/ofFiles)
	return descriptors{limit, files, max(1, (limit-files)/servers)}
}

// openFilesLimit is the limit of this process, 0 when it does not matter.
func openFilesLimit() int {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil || l.Cur > 1<<30 {
		return 0
	}
	return int(l.Cur)
}

// bound lowers what a server takes on.
func (d *descriptors) bound(c *remoting.Config) {
	if d.limit > 0 {
		c.MaxConnections = min(c.MaxConnections, d.connections)
	}
}

// warn says that fewer connections are taken than the settings want.
func (d *descriptors) warn(log zerolog.Logger, wanted int) {
	if d.limit == 0 || d.connections >= wanted {
		return
	}
	log.Warn().Int("openFilesLimit", d.limit).Int("keptForFiles", d.files).Int("maxConnections", wanted).Int("connections", d.connections).
		Msg("the limit of open files allows fewer connections than maxConnections: more are closed at once, so that the rest is there for files; raise it (ulimit -n, LimitNOFILE=)")
}
