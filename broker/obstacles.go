package broker

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/store"
)

// ErrRefused: settings ask for what this version lacks, and to go on without it would lose messages or leave a door open that the
// operator closed; or they cannot be meant.
var ErrRefused = errors.New("broker: the settings stop the start")

const (
	trustedNetwork = "take the setting away, and keep the ports in a trusted network"
	runAlone       = "take the setting away: the broker runs alone"
)

// Obstacles lists what settings beside the store's own say of a start: what stops it, and what an operator relied on and is not there.
// New refuses by it, `skylark store takeover --check` shows it, and updateBrokerConfig lets nobody add to it.
func Obstacles(c *Config, a *Accepted, st *store.Config, server *remoting.Config) []store.Obstacle {
	return append(append(stopping(c, a, st, server), unreachable(c)...), missing(c, a, st)...)
}

func stopping(c *Config, a *Accepted, st *store.Config, server *remoting.Config) (found []store.Obstacle) {
	for _, s := range []struct {
		on                    bool
		setting, what, wayOut string
	}{
		{a.AclEnable, "aclEnable=true", "access rules are not in this version", trustedNetwork},
		{a.AuthenticationEnabled, "authenticationEnabled=true", "users are not in this version", trustedNetwork},
		{a.AuthorizationEnabled, "authorizationEnabled=true", "access rules are not in this version", trustedNetwork},
		{
			c.AdminAccess != "" && c.AdminAccess != adminOpen, "adminAccess other than " + adminOpen,
			"whoever reaches the port may ask for what operators ask for", trustedNetwork,
		},
		{
			strings.TrimSpace(a.MessageStorePlugIn) != "", "messageStorePlugIn",
			"plug-ins are not in this version: groups would go on behind what is only in a tiered store", "let consumers read to where the log begins, then take the setting away",
		},
		{a.EnableControllerMode, "enableControllerMode=true", "replicated groups under a controller are not in this version", runAlone},
		{a.EnableSlaveActingMaster, "enableSlaveActingMaster=true", "replication is not in this version", runAlone},
		{st.BrokerRole == store.Slave, "brokerRole=SLAVE", "replication is not in this version", "take over the master, and stop the slave"},
		{
			st.BrokerRole == store.SyncMaster && st.InSyncReplicas > 1, "inSyncReplicas above 1 with brokerRole=SYNC_MASTER",
			"replication is not in this version: no replica confirms a message", "set inSyncReplicas=1, or brokerRole=ASYNC_MASTER",
		},
		{
			strings.TrimSpace(c.BrokerName) == "" || strings.TrimSpace(c.BrokerClusterName) == "", "brokerName, brokerClusterName",
			"one of them is blank", "name both",
		},
	} {
		if s.on {
			found = append(found, store.Obstacle{Stops: true, Setting: s.setting, What: s.what, WayOut: s.wayOut})
		}
	}
	return append(found, malformed(c, st, server)...)
}

// unreachable says whether clients cannot be told of an address. It may wait for a look-up.
func unreachable(c *Config) []store.Obstacle {
	if _, err := c.address(); err != nil {
		return []store.Obstacle{{Stops: true, Setting: "brokerIP1", What: err.Error(), WayOut: "set it to the address by which clients reach this host"}}
	}
	return nil
}

// malformed are values that cannot be meant.
func malformed(c *Config, st *store.Config, server *remoting.Config) (found []store.Obstacle) {
	add := func(err error, setting, wayOut string) {
		if err != nil {
			found = append(found, store.Obstacle{Stops: true, Setting: setting, What: err.Error(), WayOut: wayOut})
		}
	}
	_, err := NameServers(c.NamesrvAddr)
	add(err, "namesrvAddr", "list host:port, separated by ;")
	_, err = store.ParseDelayLevels(st.MessageDelayLevel)
	add(err, "messageDelayLevel", "list the times of the levels, such as 1s 5s 10m")
	add(remoting.CheckTLS(server), "tls.server.…", "correct the settings, or take them away")
	return found
}

// missing is what the start goes on without although a setting switches it on.
func missing(c *Config, a *Accepted, st *store.Config) (found []store.Obstacle) {
	for _, s := range []struct {
		on                    bool
		setting, what, wayOut string
	}{
		{
			a.FetchNamesrvAddrByAddressServer && strings.TrimSpace(c.NamesrvAddr) == "", "fetchNamesrvAddrByAddressServer=true",
			"no address server is asked for name servers: the broker is registered nowhere", "name them in namesrvAddr, or with -n",
		},
		{
			a.DisableConsumeIfConsumerReadSlowly, "disableConsumeIfConsumerReadSlowly=true",
			"consumer groups that fall behind are not switched off", "watch mqadmin consumerProgress; updateSubGroup -s false switches a group off",
		},
		{
			st.ColdDataFlowControlEnable, "coldDataFlowControlEnable=true",
			"groups that read old messages are not slowed down; such reads wait on a lane of their own", "nothing to do, or take the setting away",
		},
		{
			a.RecallMessageEnable, "recallMessageEnable=true",
			"messages for any time are not in this version, and none is recalled", "take the setting away",
		},
	} {
		if s.on {
			found = append(found, store.Obstacle{Setting: s.setting, What: s.what, WayOut: s.wayOut})
		}
	}
	return found
}

// startsWith says what stops a start when settings have changed, and does not stop it without the change.
func (b *Broker) startsWith(changed map[string]string) (err error) {
	if len(changed) == 0 {
		return nil
	}
	now, err := b.nextStart(nil)
	if err != nil {
		return err
	}
	then, err := b.nextStart(changed)
	for _, o := range then {
		if !slices.Contains(now, o) {
			err = errors.Join(err, errors.New(o.String()))
		}
	}
	return err
}

// nextStart is what stops a start with the recorded settings and some changed. No request changes brokerIP1, which is not looked up
// here: without DNS each change would wait for it twice, under the lock of all changes, and be refused when it fails in other words.
func (b *Broker) nextStart(changed map[string]string) ([]store.Obstacle, error) {
	values := make(map[string]string)
	for _, item := range b.settings.Stored() {
		values[item[0]] = item[1]
	}
	maps.Copy(values, changed)
	var o Options
	o.fill()
	if _, err := o.Settings.Apply(values, false); err != nil {
		return nil, err
	}
	st := o.Store.Get()
	return slices.DeleteFunc(append(stopping(o.Config.Get(), o.Accepted.Get(), st, o.Server.Get()), store.SettingObstacles(st)...),
		func(o store.Obstacle) bool { return !o.Stops }), nil
}
