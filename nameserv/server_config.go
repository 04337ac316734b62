package nameserv

import (
	"fmt"
	"slices"
	"strings"

	"github.com/skylarkmq/skylark/internal/properties"
	"github.com/skylarkmq/skylark/internal/statefile"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// immutable is the black list of the original; the attack of CVE-2023-37582 was to move configStorePath. Of all other names those
// marked hot may change.
var immutable = []string{"configBlackList", "configStorePath", "kvConfigPath", "rocketmqHome"}

// maxConfigBody: an update holds at most every name there is.
const maxConfigBody = 1 << 20

// updateConfig answers UPDATE_NAMESRV_CONFIG. Names that nobody knows are ignored, as in the original; a refused name refuses the
// whole request.
func (n *Nameserv) updateConfig(r *remoting.Request) (*protocol.Command, error) {
	if len(r.Body) > maxConfigBody {
		return nil, remoting.Failf(code.SystemError, "configuration of %d bytes, at most %d", len(r.Body), maxConfigBody)
	}
	asked, err := properties.Parse(r.Body)
	if err != nil {
		return nil, remoting.Fail(code.SystemError, "string2Properties error")
	}
	black := strings.Split(n.cfg.Get().ConfigBlackList, ";")
	for _, name := range asked.Keys() {
		hot, known := n.settings.Hot(name)
		if slices.Contains(immutable, name) || slices.Contains(black, name) || known && !hot {
			return nil, remoting.Fail(code.NoPermission, "Can not update config in black list.")
		}
	}
	if err := n.applyConfig(asked); err != nil {
		return nil, err
	}
	n.log.Info().Strs("names", asked.Keys()).Stringer("remote", r.Conn.RemoteAddr()).Msg("configuration updated")
	return protocol.NewResponse(code.Success, ""), nil
}

func (n *Nameserv) applyConfig(asked *properties.Map) error {
	n.configWrite.Lock()
	defer n.configWrite.Unlock()
	known := make(map[string]string)
	for _, item := range n.settings.Flat() {
		if v, ok := asked.Get(item[0]); ok {
			known[item[0]] = v
		}
	}
	if len(known) == 0 {
		return nil
	}
	if _, err := n.settings.Apply(known, true); err != nil {
		return fmt.Errorf("update configuration: %w", err)
	}
	if err := statefile.Replace(n.disk, n.cfg.Get().ConfigStorePath, format(n.settings.Stored())); err != nil {
		return fmt.Errorf("update configuration: %w", err)
	}
	return nil
}

// getConfig answers GET_NAMESRV_CONFIG: `name=value` lines, sorted, without secrets; the file has those.
func (n *Nameserv) getConfig(*remoting.Request) (*protocol.Command, error) {
	answer := protocol.NewResponse(code.Success, "")
	answer.Body = format(n.settings.Flat())
	return answer, nil
}

func format(items [][2]string) []byte {
	var all properties.Map
	for _, item := range items {
		all.Set(item[0], item[1])
	}
	return properties.Format(&all)
}
