package compat_test

import (
	"testing"

	"github.com/skylarkmq/skylark/compat-tests/harness"
)

// shortLevels are delay levels that a test can wait for; retries begin with the third.
var shortLevels = map[string]string{"messageDelayLevel": "1s 1s 1s 1s 2s 1s"}

// TestRetryAndDelay: messages that fail until they are dead letters, that are given back by hand, that hold their queue up,
// and that are sent with a delay.
func TestRetryAndDelay(t *testing.T) {
	beside(t)
	cluster := harness.StartCluster(t, harness.TargetOfEnv(t), shortLevels)
	for _, module := range []string{harness.Client49, harness.Client55} {
		t.Run(module, func(t *testing.T) {
			version := module[len("client-"):]
			transcript := harness.Runner{Module: module, Class: scenarios, Args: []string{
				"-n", cluster.NameServer.Addr, "-only", "retry-dead-letter,retry-pull,retry-orderly,delayed-send", "-tag", "rd" + version[2:],
			}}.Run(t)
			harness.CompareGolden(t, "retry-"+version, transcript, true)
		})
	}
}

// TestDelayTakeover: levels that one server leaves half delivered, and messages that wait for their retry, are delivered by
// the other: each once after a clean stop, each at least once after a kill.
func TestDelayTakeover(t *testing.T) {
	target := harness.TargetOfEnv(t)
	for _, c := range []struct {
		name          string
		first, second harness.Target
		crash         bool
	}{
		{"ours stopped then Java", target, harness.Java, false},
		{"ours killed then Java", target, harness.Java, true},
		{"Java stopped then ours", harness.Java, target, false},
		{"Java killed then ours", harness.Java, target, true},
		{"ours killed then ours", target, target, true},
	} {
		if target == harness.Java && c.name != "Java stopped then ours" {
			continue // the original with itself needs it once
		}
		t.Run(c.name, func(t *testing.T) {
			cluster := harness.StartMixedCluster(t, target, c.first, map[string]string{"messageDelayLevel": "1s 30s"})
			runSome(t, harness.Client55, cluster, "delay-takeover", "delay-begin", "-tag", "takeover")
			if t.Failed() {
				return
			}
			end := "delay-end-once"
			if c.crash {
				cluster.Broker.Kill()
				end = "delay-end"
			} else {
				cluster.Broker.Stop(t)
			}
			cluster.Broker = cluster.Broker.Again(t, c.second, cluster.NameServer)
			runSome(t, harness.Client55, cluster, "delay-takeover", end, "-tag", "takeover")
		})
	}
}
