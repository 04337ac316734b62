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

// immutable names never change at run time although the settings may say that they could: what the original's black list has, and
// features that a start refuses, so that nobody can make the next start fail from outside.
var immutable = []string{
	"brokerConfigPath", "rocketmqHome", "configBlackList", "brokerRole", "inSyncReplicas", "enableControllerMode", "enableDLegerCommitLog",
	"aclEnable", "authenticationEnabled", "authorizationEnabled", "adminAccess",
}

// maxConfigBody: an update holds at most every name there is.
const maxConfigBody = 1 << 20

// mutable says whether a name may change while the broker runs. Of the names it knows those marked hot are the list of what is
// allowed; the original has a list of what is not, with three names, and takes paths, ports and identities, which then count at
// the next start. Names nobody knows are ignored later.
func (a *Admin) mutable(name string) bool {
	lower := strings.ToLower(name)
	for _, part := range []string{"path", "password", "secret", "tls.", "credential"} {
		if strings.Contains(lower, part) {
			return false // files, keys and secrets never come from the network
		}
	}
	hot, known := a.Settings.Hot(name)
	return hot || !known
}

// updateBrokerConfig answers UPDATE_BROKER_CONFIG. Unknown names are ignored, as in the original; a refused one refuses the whole
// request. The merged configuration is written to brokerConfigPath.
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
	black := strings.Split(rules.ConfigBlackList, ";")
	present := a.present()
	for _, name := range asked.Keys() {
		value, _ := asked.Get(name)
		listed := slices.Contains(immutable, name) || slices.Contains(black, name)
		if old, known := present[name]; !listed && known && old == value {
			continue // tools send back what they were shown
		}
		if listed || !a.mutable(name) {
			return nil, remoting.Fail(code.NoPermission, "Can not update config in black list.")
		}
	}
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

func (a *Admin) present() map[string]string {
	all := make(map[string]string)
	for _, item := range a.Settings.Flat() {
		all[item[0]] = item[1]
	}
	return all
}

// applyConfig changes the names that are known and saves the whole. A change holds although it could not be saved: applied says so
// beside the error. It is saved then by the next request, whatever that one changes.
func (a *Admin) applyConfig(rules *Rules, asked *properties.Map) (applied bool, err error) {
	a.changes.Lock()
	defer a.changes.Unlock()
	known := make(map[string]string)
	for name, old := range a.present() {
		if v, ok := asked.Get(name); ok && v != old {
			known[name] = v
		}
	}
	if len(known) > 0 {
		if _, err := a.Settings.Apply(known, true); err != nil {
			return false, fmt.Errorf("update configuration: %w", err)
		}
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

// saveConfig writes the whole configuration, with the secrets that listings hide.
func (a *Admin) saveConfig(rules *Rules) error {
	if rules.ConfigPath == "" {
		return nil
	}
	if err := statefile.Save(a.Disk, rules.ConfigPath, format(a.Settings.Stored())); err != nil {
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
