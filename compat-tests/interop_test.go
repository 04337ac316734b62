package compat_test

import (
	"path/filepath"
	"testing"

	"github.com/skylarkmq/skylark/compat-tests/harness"
)

// TestStoreInterop: one server fills a store and is stopped or killed, the other opens the same directory and must serve
// everything that was acknowledged: offsets, bodies, ids, keys, and after a kill light and batch queues. Both ways, because
// an operator must be able to go back.
func TestStoreInterop(t *testing.T) {
	target := harness.TargetOfEnv(t)
	for _, c := range []struct {
		name           string
		writer, reader harness.Target
		crash          bool
	}{
		{"ours stopped then Java", target, harness.Java, false},
		{"ours killed then Java", target, harness.Java, true},
		{"Java stopped then ours", harness.Java, target, false},
		{"Java killed then ours", harness.Java, target, true},
	} {
		if target == harness.Java && c.name[:4] == "ours" {
			continue // the original with itself needs no second direction
		}
		t.Run(c.name, func(t *testing.T) {
			// Light queues need settings that also rename the file of the offsets, which a clean stop is about.
			settings, write, check := map[string]string(nil), "interop-write", "interop-check"
			if c.crash {
				settings, write, check = lightSettings, write+",special-write", check+",special-check"
			}
			cluster := harness.StartMixedCluster(t, target, c.writer, settings)
			manifest := filepath.Join(t.TempDir(), "manifest.tsv")
			args := []string{"-tag", "interop", "-state", manifest}
			runSome(t, harness.Client55, cluster, "interop", write, args...)
			if t.Failed() {
				return // an incomplete store proves nothing
			}
			if c.crash {
				cluster.Broker.Kill()
			} else {
				cluster.Broker.Stop(t)
			}
			// The same port: message ids contain it.
			cluster.Broker = cluster.Broker.Again(t, c.reader, cluster.NameServer)
			runSome(t, harness.Client55, cluster, "interop", check, args...)
			if !c.crash {
				runSome(t, harness.Client55, cluster, "interop", "interop-offsets", args...)
			}
		})
	}
}
