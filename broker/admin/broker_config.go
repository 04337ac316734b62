package admin

import (
	"fmt"
	"slices"
	"strings"

	"github.com/skylarkmq/skylark/internal/javajson"
	"github.com/skylarkmq/skylark/internal/properties"
	"github.com/skylarkmq/skylark/internal/statefile"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// blackList is the original's: names that it refuses whatever their value, besides those of configBlackList.
var blackList = []string{"brokerConfigPath", "rocketmqHome", "configBlackList"}

// fixed are names that are decided on this host alone, although the original records most of them: who the broker is and where it
// listens, what its files are cut to, and the bounds that protect it.
var fixed = []string{
	"brokerName", "brokerClusterName", "brokerId", "brokerIP1", "brokerIP2", "listenPort", "haListenPort", "bindAddress",
	"metricsPromExporterHost", "metricsPromExporterPort",
	"maxHashSlotNum", "maxIndexNum",
	"memoryLimit", "eventLoops", "maxConnections", "maxInFlightPerConnection", "maxLaneBytes", "maxPartialBytes", "maxPendingBytes",
	"maxPendingBytesPerConnection", "pausePendingBytesPerConnection", "maxTopicNums", "maxGroupNums", "maxHeldPulls", "maxHeldPullsPerQueue",
}

// maxConfigBody: an update holds at most every name there is.
const maxConfigBody = 1 << 20

// mayChange says whether a request may give a name another value. What is not hot counts at the next start, as in the original.
func mayChange(name string) bool {
	lower := strings.ToLower(name)
	for _, part := range []string{"path", "password", "secret", "tls.", "credential", "filesize"} {
		if strings.Contains(lower, part) {
			return false // files, keys and secrets never come from the network
		}
	}
	return !slices.Contains(fixed, name)
}

// updateBrokerConfig answers UPDATE_BROKER_CONFIG. Unknown names are ignored, as in the original; a refused one refuses the whole
// request, and so do values with which the next start would be refused: nobody can stop it from outside. The merged configuration is
// written to brokerConfigPath.
func (a *Admin) updateBrokerConfig(r *remoting.Request) (*protocol.Command, error) {
	if len(r.Body) == 0 {
		return success()
	}
	if len(r.Body) > maxConfigBody {
		return nil, remoting.Failf(code.SystemError, "configuration of %d bytes, at most %d", len(r.Body), maxConfigBody)
	}
	asked, err := properties.Parse(r.Body)
	if err != nil {
		return nil, remoting.Fail(code.SystemError, "string2Properties error")
	}
	rules := a.Rules()
	a.asked(r).Strs("names", asked.Keys()).Msg("configuration asked for")
	applied, err := a.applyConfig(&rules, asked)
	if _, permission := asked.Get("brokerPermission"); applied && permission {
		a.Topics.Bump() // name servers take permissions only with another version
		a.Announce()
	}
	if err != nil {
		return nil, err
	}
	return success()
}

// admitConfig refuses what must not change. Tools send back what they were shown: a value that is there already is no change.
func (a *Admin) admitConfig(rules *Rules, asked *properties.Map) error {
	black := append(strings.Split(rules.ConfigBlackList, ";"), blackList...)
	present, changed := a.present(), make(map[string]string)
	for _, name := range asked.Keys() {
		value, _ := asked.Get(name)
		old, known := present[name]
		if slices.Contains(black, name) || (!known || old != value) && !mayChange(name) {
			return remoting.Fail(code.NoPermission, "Can not update config in black list.")
		}
		if known && old != value {
			changed[name] = value
		}
	}
	if err := a.StartsWith(changed); err != nil {
		return remoting.Fail(code.NoPermission, "Can not update config, the next start would be refused: "+err.Error())
	}
	return nil
}

func (a *Admin) present() map[string]string {
	all := make(map[string]string)
	for _, item := range a.Settings.Flat() {
		all[item[0]] = item[1]
	}
	return all
}

// applyConfig changes the names that are known, if all may change, and saves the whole. A change holds although it could not be saved: applied says so
// beside the error. It is saved then by the next request, whatever that one changes.
func (a *Admin) applyConfig(rules *Rules, asked *properties.Map) (applied bool, err error) {
	a.changes.Lock()
	defer a.changes.Unlock()
	if err := a.admitConfig(rules, asked); err != nil {
		return false, err
	}
	known := make(map[string]string)
	for name, old := range a.present() {
		if v, ok := asked.Get(name); ok && v != old {
			known[name] = v
		}
	}
	if len(known) > 0 {
		changed, err := a.Settings.Apply(known, true)
		if err != nil {
			return false, fmt.Errorf("update configuration: %w", err)
		}
		a.tellRecorded(rules, changed)
		a.configVersion = a.configVersion.Next(a.Clock.NowMs())
		a.configUnsaved = true
	}
	if !a.configUnsaved {
		return true, nil
	}
	if err := a.saveConfig(rules); err != nil {
		return true, err
	}
	a.configUnsaved = false
	return true, nil
}

// tellRecorded names the settings that do nothing yet.
func (a *Admin) tellRecorded(rules *Rules, changed []string) {
	cold := slices.DeleteFunc(changed, func(name string) bool { hot, _ := a.Settings.Hot(name); return hot })
	if len(cold) > 0 {
		a.Log.Warn().Strs("names", cold).Str("file", rules.ConfigPath).Msg("settings recorded: they count at the next start with this file")
	}
}

// saveConfig writes the whole configuration, with the secrets that listings hide.
func (a *Admin) saveConfig(rules *Rules) error {
	if rules.ConfigPath == "" {
		return nil
	}
	if err := statefile.Replace(a.Disk, rules.ConfigPath, format(a.Settings.Stored())); err != nil {
		return fmt.Errorf("update configuration: %w", err)
	}
	return nil
}

// getBrokerConfig answers GET_BROKER_CONFIG: `name=value` lines, sorted, without secrets.
func (a *Admin) getBrokerConfig(*remoting.Request) (*protocol.Command, error) {
	a.changes.Lock()
	version, err := javajson.Marshal(a.configVersion)
	a.changes.Unlock()
	if err != nil {
		return nil, err
	}
	answer := protocol.NewResponse(code.Success, "")
	answer.Header = &header.GetBrokerConfigResponse{Version: string(version)}
	answer.Body = format(a.Settings.Flat())
	return answer, nil
}

func format(items [][2]string) []byte {
	var all properties.Map
	for _, item := range items {
		all.Set(item[0], item[1])
	}
	return properties.Format(&all)
}
