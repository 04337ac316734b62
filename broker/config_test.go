package broker

import (
	"os"
	"strings"
	"testing"

	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/store"
)

// settings is the flat list as getBrokerConfig shows it.
func settings() (*config.Set, *config.Section[Config], *config.Section[Accepted]) {
	own, accepted := config.NewSection(DefaultConfig()), config.NewSection(DefaultAccepted())
	return config.NewSet(accepted, own, config.NewSection(remoting.DefaultClientConfig()), config.NewSection(store.Defaults()),
		config.NewSection(remoting.DefaultConfig())), own, accepted
}

func TestEverySettingOfJavaIsListed(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/settings-5.5.0.txt")
	if err != nil {
		t.Fatal(err)
	}
	set, _, _ := settings()
	listed := map[string]string{}
	for _, kv := range set.Flat() {
		listed[kv[0]] = kv[1]
	}
	for line := range strings.Lines(string(data)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		got, ok := listed[name]
		switch {
		case !ok:
			t.Errorf("%s is not listed", name)
		case value != "?" && got != value:
			t.Errorf("%s=%s, want %s", name, got, value)
		}
	}
}

func TestSettingsAreBoundAsInJava(t *testing.T) {
	t.Parallel()
	set, own, accepted := settings()
	if _, err := set.Apply(map[string]string{
		"brokerName": " b ", "brokerPermission": "4", "longPollingEnable": "TRUE", "traceOn": "yes", "registerNameServerPeriod": "abc",
		"reviveMaxSlow": "9", "somethingElse": "kept", "initAuthenticationUser": `{"password":"x"}`,
	}, false); err != nil {
		t.Fatal(err)
	}
	c := own.Get()
	if c.BrokerName != "b" || c.BrokerPermission != 4 || !c.LongPollingEnable || c.TraceOn || c.RegisterNameServerPeriod != 30_000 {
		t.Fatalf("bound %+v", c)
	}
	if accepted.Get().ReviveMaxSlow != 9 {
		t.Fatal("an accepted setting is not kept")
	}
	for _, kv := range set.Flat() {
		if kv[0] == "somethingElse" && kv[1] != "kept" || strings.Contains(kv[1], "password") {
			t.Errorf("listed %s=%s", kv[0], kv[1])
		}
	}
}
