// Package subscription holds the consumer groups of a broker: their settings,
// what they are forbidden to read, automatic creation, and
// subscriptionGroup.json.
//
// Its main type is Registry. It starts no goroutine; who makes it says in Options
// how a change gets to the disk.
package subscription

import (
	"errors"
	"maps"
	"sort"
	"strings"
	"sync"

	"github.com/skylarkmq/skylark/broker/dataversion"
	"github.com/skylarkmq/skylark/broker/snapshot"
	"github.com/skylarkmq/skylark/message"
)

// ErrFull refuses one group more than Options.Max.
var ErrFull = errors.New("subscription: the broker has as many groups as maxGroupNums allows")

// maxForbidden bounds what groups are forbidden to read, in groups times topics: operators name both, and neither has to exist.
const maxForbidden = 1 << 16

// ErrForbiddenFull refuses one more of these.
var ErrForbiddenFull = errors.New("subscription: more topics are forbidden to groups than may be")

// The consumer groups that exist on every broker.
const (
	ToolsConsumer = "TOOLS_CONSUMER"
	SysTrans      = "CID_RMQ_SYS_TRANS"

	systemPrefix = "CID_RMQ_SYS_"
)

// system are the groups every start creates in memory.
var system = []string{
	ToolsConsumer, "FILTERSRV_CONSUMER", "SELF_TEST_C_GROUP", "CID_ONS-HTTP-PROXY",
	"CID_ONSAPI_PULL", "CID_ONSAPI_PERMISSION", "CID_ONSAPI_OWNER", SysTrans,
}

// predefined are the names Java treats as system groups besides the prefix.
var predefined = map[string]bool{
	"DEFAULT_CONSUMER": true, "DEFAULT_PRODUCER": true, ToolsConsumer: true, "SCHEDULE_CONSUMER": true,
	"FILTERSRV_CONSUMER": true, "__MONITOR_CONSUMER": true, "CLIENT_INNER_PRODUCER": true,
	"SELF_TEST_P_GROUP": true, "SELF_TEST_C_GROUP": true, "CID_ONS-HTTP-PROXY": true,
	"CID_ONSAPI_PERMISSION": true, "CID_ONSAPI_OWNER": true, "CID_ONSAPI_PULL": true, SysTrans: true,
}

// IsSystem says whether a group is one of the predefined names or has the prefix.
func IsSystem(group string) bool {
	return predefined[group] || strings.HasPrefix(group, systemPrefix)
}

// HasSystemPrefix says whether a group is made whatever autoCreateSubscriptionGroup
// says.
func HasSystemPrefix(group string) bool { return strings.HasPrefix(group, systemPrefix) }

// producerOnly are the predefined names that are not consumers'.
var producerOnly = map[string]bool{"DEFAULT_PRODUCER": true, "CLIENT_INNER_PRODUCER": true, "SELF_TEST_P_GROUP": true}

// IsSystemPull says whether a group may pull though pull consumers are rejected
// (Java's isSysConsumerGroupPullMessage).
func IsSystemPull(group string) bool { return IsSystem(group) && !producerOnly[group] }

// Options of a Registry; NowMs is needed, the rest may be left out.
type Options struct {
	NowMs func() int64
	// Persist brings the table to the disk and returns when it is there.
	Persist func() error
	// Resave persists when the last save failed; nil: never.
	Resave func() error
	// Dirty asks for the same without waiting: automatic creation happens on
	// paths that must not wait for the disk.
	Dirty func()
	// AutoCreate says whether an unknown group may be created now.
	AutoCreate func(group string) bool
	// Max bounds the number of groups; 0 means no bound.
	Max int
	// Light: every name that begins with %LMQ% is a group with the usual settings,
	// which is not kept (enableLmq).
	Light bool
	// Validate is the rule for group names; "" means legal.
	Validate func(group string) (remark string)
}

// Registry is the table of groups. Look-ups take no lock and allocate nothing.
type Registry struct {
	opt   Options
	table *snapshot.Map[*Group]

	// forbidden is replaced, never changed: group → topic → bits.
	forbidden *snapshot.Map[map[string]int32]

	mu      sync.Mutex // changes of table, forbidden and version
	rows    int        // groups times topics in forbidden
	version dataversion.Version
}

// New returns a registry that holds the system groups.
func New(opt Options) *Registry {
	r := &Registry{opt: opt, table: snapshot.New[*Group](), forbidden: snapshot.New[map[string]int32]()}
	r.version.Timestamp = opt.NowMs()
	for _, name := range system {
		r.table.Set(name, NewGroup(name))
	}
	return r
}

// Lookup finds a group by borrowed bytes; nil when there is none.
func (r *Registry) Lookup(name []byte) *Group {
	g, known := r.table.Lookup(name)
	if !known && r.opt.Light && message.IsLight(name) {
		return NewGroup(string(name))
	}
	return g
}

// Get finds a group by name; nil when there is none. It never creates one:
// commits and resets must not.
func (r *Registry) Get(name string) *Group {
	g, known := r.table.Get(name)
	if !known && r.opt.Light && message.IsLight(name) {
		return NewGroup(name)
	}
	return g
}

// Find is Get, and creates the group when the settings allow it, as most of
// Java's look-ups do (findSubscriptionGroupConfig).
func (r *Registry) Find(name string) *Group {
	if g := r.Get(name); g != nil {
		return g
	}
	if r.opt.AutoCreate == nil || !r.opt.AutoCreate(name) {
		return nil
	}
	if r.opt.Validate != nil && r.opt.Validate(name) != "" {
		return nil
	}
	r.mu.Lock()
	g := r.Get(name)
	if g == nil {
		g = NewGroup(name)
		if r.set(g) != nil {
			g = nil
		}
	}
	r.mu.Unlock()
	if g != nil && r.opt.Dirty != nil {
		r.opt.Dirty()
	}
	return g
}

// Len is the number of groups.
func (r *Registry) Len() int { return r.table.Len() }

// Version is the present DataVersion.
func (r *Registry) Version() dataversion.Version {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.version
}

// All is every group, sorted by name.
func (r *Registry) All() []*Group {
	list := make([]*Group, 0, r.table.Len())
	r.table.Range(func(_ string, g *Group) bool { list = append(list, g); return true })
	sort.Slice(list, func(i, j int) bool { return list[i].GroupName < list[j].GroupName })
	return list
}

// Snapshot is both tables and the version that belongs to them.
func (r *Registry) Snapshot() (groups map[string]*Group, forbidden map[string]map[string]int32, v dataversion.Version) {
	r.mu.Lock()
	defer r.mu.Unlock()
	groups = make(map[string]*Group, r.table.Len())
	r.table.Range(func(name string, g *Group) bool { groups[name] = g; return true })
	forbidden = map[string]map[string]int32{}
	r.forbidden.Range(func(name string, t map[string]int32) bool { forbidden[name] = t; return true })
	return groups, forbidden, r.version
}

// Put stores groups as they are, moves the version once a group, and persists
// once. The registry owns the configs from here on.
func (r *Registry) Put(list ...*Group) error {
	r.mu.Lock()
	for _, g := range list {
		if err := r.set(g); err != nil {
			r.mu.Unlock()
			return err
		}
	}
	r.mu.Unlock()
	return r.persist()
}

// set needs mu.
func (r *Registry) set(g *Group) error {
	if r.opt.Light && message.IsLight(g.GroupName) {
		return nil // as Java: accepted, and never kept
	}
	if r.opt.Max > 0 && r.table.Len() >= r.opt.Max && r.Get(g.GroupName) == nil {
		return ErrFull
	}
	if g.Attributes == nil {
		g.Attributes = map[string]string{}
	}
	if g.GroupRetryPolicy == nil {
		g.GroupRetryPolicy = &RetryPolicy{Type: "CUSTOMIZED"}
	}
	r.table.Set(g.GroupName, g)
	r.version = r.version.Next(r.opt.NowMs())
	return nil
}

// Delete removes a group and what it is forbidden, and says whether it was there.
func (r *Registry) Delete(name string) (bool, error) {
	r.mu.Lock()
	found := r.table.Delete(name)
	r.forbid(name, nil)
	if found {
		r.version = r.version.Next(r.opt.NowMs())
	}
	r.mu.Unlock()
	if found {
		return true, r.persist()
	}
	if r.opt.Resave != nil { // who repeats it must not hear that all is well
		return false, r.opt.Resave()
	}
	return false, nil
}

// ForbiddenRead is the index of the bit that forbids a group to read a topic.
const ForbiddenRead = 2

// Forbidden says whether one bit is set for a group and a topic.
func (r *Registry) Forbidden(group, topic string, bit int) bool {
	t, ok := r.forbidden.Get(group)
	return ok && t[topic]&(1<<bit) != 0
}

// SetForbidden sets or clears one bit. Clearing the last bit of one topic forgets
// the whole group's row, as Java's updateForbiddenValue does, and without moving
// the version.
func (r *Registry) SetForbidden(group, topic string, bit int, on bool) error {
	r.mu.Lock()
	old, _ := r.forbidden.Get(group)
	value := old[topic]
	if on {
		value |= 1 << bit
	} else {
		value &^= 1 << bit
	}
	if value <= 0 {
		r.forbid(group, nil)
		r.mu.Unlock()
		return nil
	}
	if _, known := old[topic]; !known && r.rows >= maxForbidden {
		r.mu.Unlock()
		return ErrForbiddenFull
	}
	next := maps.Clone(old)
	if next == nil {
		next = map[string]int32{}
	}
	next[topic] = value
	r.forbid(group, next)
	r.version = r.version.Next(r.opt.NowMs())
	r.mu.Unlock()
	return r.persist()
}

// forbid needs mu; it is the only writer of forbidden. An empty row is none.
func (r *Registry) forbid(group string, topics map[string]int32) {
	old, _ := r.forbidden.Get(group)
	if r.rows += len(topics) - len(old); len(topics) == 0 {
		r.forbidden.Delete(group)
		return
	}
	r.forbidden.Set(group, topics)
}

func (r *Registry) persist() error {
	if r.opt.Persist == nil {
		return nil
	}
	return r.opt.Persist()
}
