package compat_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/skylarkmq/skylark/compat-tests/harness"
)

// The blocks with every setting of a server. They are not compared as a whole: the original lists the settings of
// features that another server need not have, and ours has limits of its own.
var allSettings = []string{"getBrokerConfig all", "getNamesrvConfig"}

// noSuchThing are settings of the original that ours leaves out: there is no installation directory.
var noSuchThing = []string{"rocketmqHome"}

// TestMQAdmin runs the official operator's tool of 5.5.0: what it prints must be what it prints against the original.
func TestMQAdmin(t *testing.T) {
	beside(t)
	asShipped := map[string]string{} // the settings are shown
	for name := range harness.Patience {
		asShipped[name] = ""
	}
	cluster := harness.StartCluster(t, harness.TargetOfEnv(t), asShipped)
	transcript := harness.Runner{
		Module: harness.MQAdmin,
		Class:  "skylarkmq.compat.mqadmin.Main",
		IPv4:   true,
		Args:   []string{"-n", cluster.NameServer.Addr, "-b", cluster.Broker.Addr},
	}.Run(t)
	harness.CompareGolden(t, "mqadmin-5.5.0", transcript, true, allSettings...)
	for _, block := range allSettings {
		compareSettings(t, harness.GoldenSection(t, "mqadmin-5.5.0", block), harness.FindSection(t, transcript, block))
	}
}

// TestMQAdminTraces asks the same tool what became of messages whose clients have enableMsgTrace.
func TestMQAdminTraces(t *testing.T) {
	beside(t)
	cluster := harness.StartCluster(t, harness.TargetOfEnv(t), map[string]string{"traceTopicEnable": "true", "messageDelayLevel": "1s 2s"})
	transcript := harness.Runner{
		Module: harness.MQAdmin,
		Class:  "skylarkmq.compat.mqadmin.Main",
		IPv4:   true,
		Args:   []string{"-n", cluster.NameServer.Addr, "-b", cluster.Broker.Addr, "-session", "traces"},
	}.Run(t)
	harness.CompareGolden(t, "mqadmin-traces-5.5.0", transcript, true)
}

// compareSettings: a setting that both servers have must have the same default. Those only the original has are logged,
// so that a reader sees what is not there.
func compareSettings(t *testing.T, original, ours []string) {
	t.Helper()
	want, got := byName(original), byName(ours)
	var missing []string
	for _, name := range slices.Sorted(maps.Keys(want)) {
		switch value, ok := got[name]; {
		case slices.Contains(noSuchThing, name):
		case !ok:
			missing = append(missing, name)
		case value != want[name]:
			t.Errorf("setting %s: original %q, this server %q", name, want[name], value)
		}
	}
	t.Logf("%d of %d settings of the original are not shown: %s", len(missing), len(want), strings.Join(missing, " "))
}

func byName(lines []string) map[string]string {
	settings := map[string]string{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, " =")
		settings[name] = strings.TrimSpace(value)
	}
	return settings
}
