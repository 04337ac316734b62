package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/skylarkmq/skylark/internal/memlimit"
	"github.com/skylarkmq/skylark/remoting"
)

// How a memory limit is spent. The collector keeps what Go allocates below the heap's part. The rest is for what Go does not see: pages of
// the log, the queues and the index, which a control group charges to the process, and the kernel's buffers of the connections.
const (
	heapOfLimit    = 2  // one part in
	pendingOfLimit = 8  // answers that clients do not read, all together
	partialOfLimit = 8  // unfinished requests
	lanesOfLimit   = 8  // requests that wait for a lane
	oneOfLimit     = 16 // answers that one client does not read
	leastLimit     = 64 << 20
)

// limitMemory finds what the process may use, tells the collector its part, and returns the whole in bytes; 0: there is no limit.
func limitMemory(setting string) (int64, error) {
	limit, err := memoryOf(setting)
	if limit > 0 && os.Getenv("GOMEMLIMIT") == "" { // who sets GOMEMLIMIT has chosen the heap's part
		debug.SetMemoryLimit(limit / heapOfLimit)
	}
	return limit, err
}

// memoryOf is what a memoryLimit comes to on this host.
func memoryOf(setting string) (int64, error) {
	switch setting {
	case "off":
		return 0, nil
	case "":
		return memlimit.Group(), nil
	}
	limit, err := memlimit.Parse(setting)
	if err != nil {
		return 0, fmt.Errorf("memoryLimit: %w", err)
	}
	if limit < leastLimit {
		return 0, fmt.Errorf("memoryLimit: %s is too little to work with: want at least %d MiB, or off", setting, leastLimit>>20)
	}
	if group := memlimit.Group(); group > 0 {
		limit = min(limit, group)
	}
	return limit, nil
}

// boundNetwork lowers what connections may hold to parts of the limit.
func boundNetwork(c *remoting.Config, limit int64) {
	if limit <= 0 {
		return
	}
	c.MaxPendingBytes = min(c.MaxPendingBytes, limit/pendingOfLimit)
	c.MaxPartialBytes = min(c.MaxPartialBytes, limit/partialOfLimit)
	c.MaxLaneBytes = min(c.MaxLaneBytes, limit/lanesOfLimit)
	c.MaxPendingBytesPerConnection = min(c.MaxPendingBytesPerConnection, limit/oneOfLimit)
	c.PausePendingBytesPerConnection = min(c.PausePendingBytesPerConnection, c.MaxPendingBytesPerConnection/2)
}
