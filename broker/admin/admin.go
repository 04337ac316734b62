// Package admin answers the requests of operators: mqadmin, the dashboard, and slaves that copy tables. One file a request; routes.go
// lists them. It holds no state but the version of the configuration: everything belongs to the broker's registries.
package admin

import (
	"net/netip"
	"sync"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/broker/broadcast"
	"github.com/skylarkmq/skylark/broker/client"
	"github.com/skylarkmq/skylark/broker/dataversion"
	"github.com/skylarkmq/skylark/broker/filterdata"
	"github.com/skylarkmq/skylark/broker/offset"
	"github.com/skylarkmq/skylark/broker/purged"
	"github.com/skylarkmq/skylark/broker/schedule"
	"github.com/skylarkmq/skylark/broker/stats"
	"github.com/skylarkmq/skylark/broker/subscription"
	"github.com/skylarkmq/skylark/broker/topic"
	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
)

// Rules are the settings that these requests obey, read at each of them.
type Rules struct {
	BrokerName  string
	ClusterName string
	// Addr is what clients call this broker: brokerIP1 and the main port.
	Addr  netip.AddrPort
	Slave bool

	ValidateSystemTopic bool // validateSystemTopicWhenUpdateTopic
	MixedMessageType    bool // enableMixedMessageType
	ClearRetryTopic     bool // clearRetryTopicWhenDeleteTopic
	AutoDeleteStats     bool // autoDeleteUnusedStats
	SplitMetadata       bool // enableSplitMetadata
	SplitMetadataSize   int
	ServerSideReset     bool // useServerSideResetOffset
	StartAccept         int64

	ConfigPath      string // brokerConfigPath: where updates are written
	ConfigBlackList string
}

// Deps are the parts of a broker that these requests read and change. All are needed, but Announce and AnnounceTopic, which tell the
// name servers everything, or of some topics.
type Deps struct {
	Rules    func() Rules
	Settings *config.Set
	Store    *store.Store
	Topics   *topic.Registry
	Groups   *subscription.Registry
	Offsets  *offset.Table
	// Broadcasts are the offsets of broadcasting clients.
	Broadcasts *broadcast.Table
	Clients    *client.Registry
	Filters    *filterdata.Table
	Stats      *stats.Table
	Schedule   *schedule.Schedule
	Server     *remoting.Server
	Disk       vfs.FS
	Clock      clock.Clock
	Log        zerolog.Logger

	// TopicsGone waits until what is on its way to the name servers has no deleted topic any more; may be nil.
	TopicsGone    func()
	Announce      func()
	AnnounceTopic func(...*topic.Config)
	// StartsWith says why the next start would be refused when these settings changed to these values.
	StartsWith func(changed map[string]string) error
	// Purge hides what is before the marks from readers, for good.
	Purge func([]purged.Mark) error
	// MoreInfo adds to the runtime info what the original does not know; may be nil.
	MoreInfo func(set func(name string, n int64))
}

// Admin is the state that handlers share.
type Admin struct {
	Deps

	// changes lets one change of topics, groups or configuration run at a time, as the original's synchronized methods do: each
	// compares, changes, saves and announces.
	changes       sync.Mutex
	configVersion dataversion.Version // guarded by changes
	configUnsaved bool                // the file lacks a change, as a save failed; guarded by changes
}

// New prepares the handlers.
func New(d Deps) *Admin {
	if d.Announce == nil {
		d.Announce = func() {}
	}
	if d.AnnounceTopic == nil {
		d.AnnounceTopic = func(...*topic.Config) {}
	}
	return &Admin{Deps: d, configVersion: dataversion.Version{Timestamp: d.Clock.NowMs()}}
}

// maxQueues bounds walks over the queues of a topic, whatever its configuration says.
const maxQueues = 1 << 16

func queueCount(n int32) int32 { return min(max(n, 0), maxQueues) }

func (a *Admin) queue(r *Rules, topicName string, id int32) body.MessageQueue {
	return body.MessageQueue{BrokerName: r.BrokerName, QueueId: id, Topic: topicName}
}

func success() (*protocol.Command, error) { return protocol.NewResponse(code.Success, ""), nil }

func jsonAnswer(v any) (*protocol.Command, error) {
	data, err := body.Encode(v)
	if err != nil {
		return nil, err
	}
	answer := protocol.NewResponse(code.Success, "")
	answer.Body = data
	return answer, nil
}

// audit logs who made messages unreadable: never below warn, so that it stays in any log.
func (a *Admin) audit(r *remoting.Request, command string) *zerolog.Event {
	return a.Log.Warn().Str("audit", command).Stringer("remote", r.Conn.RemoteAddr())
}

// asked logs who changes what.
func (a *Admin) asked(r *remoting.Request) *zerolog.Event {
	return a.Log.Info().Stringer("request", r.Request()).Stringer("remote", r.Conn.RemoteAddr())
}
