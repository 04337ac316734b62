package broker

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/store"
)

func TestObstacles(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		settings string // name=value, separated by blanks
		names    string // the setting that is named; "" when there is nothing
		stops    bool
	}{
		{"", "", false},
		{"aclEnable=true", "aclEnable", true},
		{"authenticationEnabled=true", "authenticationEnabled", true},
		{"authorizationEnabled=true", "authorizationEnabled", true},
		{"adminAccess=loopback", "adminAccess", true},
		{"adminAccess=open", "", false},
		{"messageStorePlugIn=org.apache.rocketmq.tieredstore.TieredMessageStore", "messageStorePlugIn", true},
		{"enableControllerMode=true", "enableControllerMode", true},
		{"enableSlaveActingMaster=true", "enableSlaveActingMaster", true},
		{"brokerRole=SLAVE brokerId=1", "brokerRole", true},
		{"brokerRole=SYNC_MASTER inSyncReplicas=2", "inSyncReplicas", true},
		{"brokerRole=SYNC_MASTER", "", false},
		{"brokerRole=ASYNC_MASTER brokerId=1", "", false},
		{"brokerName=", "brokerName", true},
		{"brokerIP1=no..name", "brokerIP1", true},
		{"namesrvAddr=a", "namesrvAddr", true},
		{"messageDelayLevel=1x", "messageDelayLevel", true},
		{"tls.server.mode=strict", "tls.server", true},
		{"tls.server.keyPath=/none tls.server.certPath=/none tls.server.keyPassword=x", "tls.server", true},
		{"fetchNamesrvAddrByAddressServer=true", "fetchNamesrvAddrByAddressServer", false},
		{"fetchNamesrvAddrByAddressServer=true namesrvAddr=a:1", "", false},
		{"disableConsumeIfConsumerReadSlowly=true", "disableConsumeIfConsumerReadSlowly", false},
		{"coldDataFlowControlEnable=true", "coldDataFlowControlEnable", false},
		{"recallMessageEnable=true", "recallMessageEnable", false},
	} {
		o := optionsOf(t, row.settings)
		found := Obstacles(o.Config.Get(), o.Accepted.Get(), o.Store.Get(), o.Server.Get())
		if row.names == "" {
			if len(found) > 0 {
				t.Errorf("%s: %v", row.settings, found)
			}
			continue
		}
		if len(found) != 1 || !strings.HasPrefix(found[0].Setting, row.names) || found[0].Stops != row.stops || found[0].WayOut == "" {
			t.Errorf("%s: %+v", row.settings, found)
		}
	}
}

// optionsOf are the sections of a broker.conf with these settings.
func optionsOf(t *testing.T, settings string) Options {
	t.Helper()
	own, st := DefaultConfig(), store.Defaults()
	own.NamesrvAddr, own.BrokerIP1, own.BrokerIP2 = "", "127.0.0.1", "127.0.0.1"
	small(&st)
	st.StorePathRootDir = t.TempDir()
	o := Options{Config: config.NewSection(own), Store: config.NewSection(st), Addr: "127.0.0.1:0"}
	o.fill()
	values := map[string]string{}
	for word := range strings.FieldsSeq(settings) {
		name, value, _ := strings.Cut(word, "=")
		values[name] = value
	}
	if _, err := o.Settings.Apply(values, false); err != nil {
		t.Fatal(err)
	}
	return o
}

// logging makes a broker that does not run, with these settings, and what it says in its log, of a level at least.
func logging(t *testing.T, least zerolog.Level, settings string) (*Broker, *bytes.Buffer) {
	t.Helper()
	log := new(bytes.Buffer)
	o := optionsOf(t, settings)
	o.Log = zerolog.New(log).Level(least)
	b, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b, log
}

// TestChangeWithoutDNS: what brokerIP1 stands for at the moment is not asked for by a change of something else.
func TestChangeWithoutDNS(t *testing.T) {
	t.Parallel()
	o := optionsOf(t, "brokerIP1=no.such.name.invalid")
	b := &Broker{settings: o.Settings}
	found, err := b.nextStart(map[string]string{"namesrvAddr": "a"})
	if err != nil || len(found) != 1 || found[0].Setting != "namesrvAddr" {
		t.Errorf("%+v %v", found, err)
	}
	if err := b.startsWith(map[string]string{"fileReservedTime": "71"}); err != nil {
		t.Error(err)
	}
}

// TestStartWithObstacles: what stops is told all at once, what is missing is a warning that names the setting.
func TestStartWithObstacles(t *testing.T) {
	t.Parallel()
	_, err := New(optionsOf(t, "aclEnable=true namesrvAddr=a"))
	if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "aclEnable") || !strings.Contains(err.Error(), "namesrvAddr") {
		t.Errorf("%v", err)
	}
	b, log := logging(t, zerolog.TraceLevel, "disableConsumeIfConsumerReadSlowly=true brokerId=3")
	if !strings.Contains(log.String(), `"setting":"disableConsumeIfConsumerReadSlowly=true"`) {
		t.Errorf("log %s", log.String())
	}
	if id := b.cfg.Get().BrokerID; id != 0 {
		t.Errorf("a master has brokerId %d", id)
	}
}
