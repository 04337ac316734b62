package compat_test

import (
	"testing"

	"github.com/skylarkmq/skylark/compat-tests/harness"
)

// TestConsuming: what both clients see of resets, of queues that the broker shares, of locks that are taken over, and of what
// operators ask them through the broker.
func TestConsuming(t *testing.T) {
	const locks = "5000" // ms; the scenario waits for one to be over, and clients renew theirs every 2 s
	consuming(t, "consuming", "reset-online,orderly-takeover,server-assigned,asked-consumer", map[string]string{"rebalanceLockMaxLiveTime": locks})
}

// TestResetPushed: the broker tells consumers of a reset by a request of its own, as before 5.0.
func TestResetPushed(t *testing.T) {
	consuming(t, "reset-pushed", "reset-online", map[string]string{"useServerSideResetOffset": "false"})
}

// consuming runs scenarios with both clients, side by side where the machine has room for it.
func consuming(t *testing.T, golden, only string, settings map[string]string) {
	t.Helper()
	cluster := harness.StartCluster(t, harness.TargetOfEnv(t), settings)
	for _, module := range []string{harness.Client49, harness.Client55} {
		version := module[len("client-"):]
		t.Run(module, func(t *testing.T) {
			beside(t)
			transcript := harness.Runner{Module: module, Class: scenarios, Args: []string{
				"-n", cluster.NameServer.Addr, "-only", only, "-tag", "c" + version[2:],
			}}.Run(t)
			harness.CompareGolden(t, golden+"-"+version, transcript, true)
		})
	}
}

// TestKeptSubscription: a client with heartbeats of version 2 that kept a newer subscription to itself goes on. With the original it does
// not: its broker asks for nothing then.
func TestKeptSubscription(t *testing.T) {
	if harness.TargetOfEnv(t) == harness.Java {
		t.Skip("the original refuses the pulls of such a client until its group changes")
	}
	beside(t)
	cluster := harness.StartCluster(t, harness.Skylark, nil)
	harness.Runner{Module: harness.Client55, Class: scenarios, Args: []string{
		"-n", cluster.NameServer.Addr, "-only", "kept-subscription", "-tag", "kept",
	}}.Run(t)
}
