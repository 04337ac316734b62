package compat_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/apache/rocketmq-client-go/v2/rlog"

	"github.com/skylarkmq/skylark/compat-tests/harness"
)

// TestStandalone: one process is name server and broker, told nothing but its ports, directory and
// that its clients are on this machine. What is in its store is
// still there when it is started again.
func TestStandalone(t *testing.T) {
	if harness.TargetOfEnv(t) == harness.Java {
		t.Skip("the original has no standalone role")
	}
	rlog.SetLogLevel("fatal")
	namesrv, broker := harness.FreePort(t), harness.FreeBrokerPort(t)
	c := &goClient{addr: fmt.Sprintf("127.0.0.1:%d", namesrv), broker: fmt.Sprintf("127.0.0.1:%d", broker)}
	dir := t.TempDir()
	start := func(t *testing.T) *harness.Process {
		p := harness.Start(t, "standalone", dir, []string{"HOME=" + dir}, harness.Binary(t), "standalone",
			"-namesrvPort", strconv.Itoa(namesrv), "-listenPort", strconv.Itoa(broker), "-brokerIP1", "127.0.0.1", "-storePathRootDir", dir)
		c.name = harness.AwaitBroker(t, p, c.addr, c.broker)
		return p
	}
	p := start(t)
	t.Run("send", c.sendSync)
	t.Run("push", c.push)
	p.Stop(t)
	start(t)
	t.Run("served after a restart", func(t *testing.T) { c.wantStored(t, "go-sync", 5) })
}
