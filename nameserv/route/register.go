package route

import (
	"errors"
	"fmt"
	"strings"

	"github.com/skylarkmq/skylark/remoting/protocol/body"
)

// Registration is one REGISTER_BROKER request, its body decoded.
type Registration struct {
	Cluster, BrokerName, BrokerAddr, HaServerAddr, Zone string

	BrokerID int64
	// HeartbeatTimeoutMs: nil means the default of two minutes.
	HeartbeatTimeoutMs *int64
	// EnableActingMaster: nil comes from brokers before 5.0, which never act as a master.
	EnableActingMaster *bool

	Version body.DataVersion
	Topics  map[string]body.TopicConfig
	// Mappings are the static topics of this broker.
	Mappings map[string]body.TopicQueueMappingInfo
	// FilterServers: nil leaves what is known, empty removes it.
	FilterServers []string
	Channel       Channel
}

// Registered answers a registration: a slave learns its master here.
type Registered struct {
	HaServerAddr, MasterAddr string
	// New: nobody had this broker id. Else Before is who did, when that was another address, and BeforeLives says that it has not been
	// silent for long: two brokers of one name and id take turns then, or a new master is there before the old one is given up.
	New         bool
	Before      string
	BeforeLives bool
	// Notice is due when a smaller broker id appeared and notices are on.
	Notice *MinBrokerChanged
}

var (
	// ErrNotYetRegistered refuses a registration of a single topic by a broker id that is not known: it is the increment
	// of a full registration that did not arrive.
	ErrNotYetRegistered = errors.New("single topic registered before the broker")
	// ErrLimit refuses what would grow the table over its limits.
	ErrLimit = errors.New("route table limit")
	// ErrIllegal refuses names that no broker can have.
	ErrIllegal = errors.New("illegal registration")
)

// Register applies one registration, in the order of RouteInfoManager.registerBroker, but refuses before it changes anything: what
// a refused one left behind in the original, a name without members, would never expire.
func (t *Table) Register(r *Registration) (Registered, error) {
	if err := t.checkNames(r); err != nil {
		return Registered{}, err
	}
	rules := t.rules()

	t.mu.Lock()
	defer t.mu.Unlock()

	self := address{r.Cluster, r.BrokerAddr}
	if _, known := t.lives[self]; !known && len(t.lives) >= t.limits.Brokers {
		return Registered{}, fmt.Errorf("%w: %d live brokers", ErrLimit, len(t.lives))
	}

	if err := t.checkRoom(r); err != nil {
		return Registered{}, err
	}
	if !t.knows(r) && len(r.Topics) == 1 {
		return Registered{}, fmt.Errorf("%w: broker %s id %d addr %s", ErrNotYetRegistered, r.BrokerName, r.BrokerID, r.BrokerAddr)
	}

	b, first, err := t.group(r)
	if err != nil {
		return Registered{}, err
	}
	b.actingMaster = r.EnableActingMaster != nil && *r.EnableActingMaster
	b.zone = r.Zone

	// With no address at all Java takes 0 for the previous minimum, so the first member never counts as a change.
	previousMin, _ := b.minID()
	minChanged := r.BrokerID < previousMin

	// The same address under another id is the same broker after a change of its role.
	for id, m := range b.members {
		if m.addr == r.BrokerAddr && id != r.BrokerID {
			delete(b.members, id)
		}
	}
	if t.stale(b, r) {
		t.dropLive(self)
		return Registered{}, nil
	}
	t.number++
	before, known := b.members[r.BrokerID]
	b.members[r.BrokerID] = member{r.BrokerAddr, t.number}
	first = first || !known

	lowest, _ := b.minID()
	primeSlave := r.EnableActingMaster != nil && r.BrokerID != MasterID && r.BrokerID == lowest
	if r.BrokerID == MasterID || primeSlave {
		t.takeTopics(b, r, rules, first, primeSlave)
	}
	t.takeLive(self, r)

	answer := t.masterOf(b, r)
	if answer.New = !known; known && before.addr != r.BrokerAddr {
		answer.Before = before.addr
		_, answer.BeforeLives = t.lives[address{r.Cluster, before.addr}]
	}
	if minChanged && rules.NotifyMinBrokerIDChanged {
		answer.Notice = newNotice(b, "", r.HaServerAddr)
	}
	return answer, nil
}

func (t *Table) checkNames(r *Registration) error {
	if r.Cluster == "" || r.BrokerName == "" || r.BrokerAddr == "" {
		return fmt.Errorf("%w: cluster %q, broker %q, address %q: none may be empty", ErrIllegal, r.Cluster, r.BrokerName, r.BrokerAddr)
	}
	if !t.fits(r.Cluster, r.BrokerName, r.BrokerAddr, r.HaServerAddr, r.Zone) {
		return fmt.Errorf("%w: a name is longer than %d", ErrIllegal, t.limits.NameLength)
	}
	// Clients split addresses at blanks, commas and semicolons; a line break would forge lines of logs and listings.
	for _, s := range []string{r.Cluster, r.BrokerName, r.BrokerAddr, r.HaServerAddr} {
		if strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c == 0x7f || c == ';' || c == ',' }) {
			return fmt.Errorf("%w: %q holds a blank or a separator", ErrIllegal, s)
		}
	}
	if len(r.FilterServers) > t.limits.FilterServers || !t.fits(r.FilterServers...) {
		return fmt.Errorf("%w: filter servers", ErrLimit)
	}
	return nil
}

// checkRoom refuses, before anything is changed, what would not fit: a refused stranger must not take a broker id over.
func (t *Table) checkRoom(r *Registration) error {
	if r.BrokerID != MasterID && r.EnableActingMaster == nil {
		return nil // the topics of such a slave never count
	}
	fresh := 0
	for _, c := range r.Topics {
		if _, mine := t.topics[c.TopicName][r.BrokerName]; !mine {
			fresh++
		}
	}
	if t.queueDatas+fresh > t.limits.QueueDatas {
		return fmt.Errorf("%w: %d topic entries and %d more, at most %d", ErrLimit, t.queueDatas, fresh, t.limits.QueueDatas)
	}
	return t.checkRoomForMappings(r)
}

// knows says whether the group has a member with the id of a registration.
func (t *Table) knows(r *Registration) bool {
	b, ok := t.brokers[r.BrokerName]
	if !ok {
		return false
	}
	_, ok = b.members[r.BrokerID]
	return ok
}

// group finds or creates the broker group of a registration and says whether it is new. Groups are bounded apart from live brokers:
// one broker may register under several names.
func (t *Table) group(r *Registration) (b *broker, first bool, err error) {
	b, known := t.brokers[r.BrokerName]
	_, paired := t.clusters[r.Cluster][r.BrokerName]
	if !known && len(t.brokers) >= t.limits.Brokers || !paired && t.pairs >= t.limits.Brokers {
		return nil, false, fmt.Errorf("%w: %d broker names, %d in clusters", ErrLimit, len(t.brokers), t.pairs)
	}
	if !paired {
		if t.clusters[r.Cluster] == nil {
			t.clusters[r.Cluster] = make(map[string]struct{}, 1)
		}
		t.clusters[r.Cluster][r.BrokerName] = struct{}{}
		t.pairs++
	}
	if !known {
		b = &broker{cluster: r.Cluster, name: r.BrokerName, members: make(map[int64]member, 1)}
		t.brokers[r.BrokerName] = b
	}
	return b, !known, nil
}

// stale reports that the id belongs to another address whose state version is newer: a former master of controller mode
// cannot take id 0 back.
func (t *Table) stale(b *broker, r *Registration) bool {
	holder, ok := b.members[r.BrokerID]
	if !ok || holder.addr == r.BrokerAddr {
		return false
	}
	l, ok := t.lives[address{r.Cluster, holder.addr}]
	return ok && l.version.StateVersion > r.Version.StateVersion
}

func (t *Table) takeTopics(b *broker, r *Registration, rules Rules, first, primeSlave bool) {
	if rules.DeleteTopicWithBrokerRegistration && len(r.Mappings) == 0 {
		for topic, byBroker := range t.topics {
			if _, mine := byBroker[b.name]; !mine {
				continue
			}
			if _, stays := r.Topics[topic]; !stays {
				t.dropQueueData(topic, b.name)
			}
		}
	}

	l, known := t.lives[address{r.Cluster, r.BrokerAddr}]
	changed := !known || l.version != r.Version
	for _, c := range r.Topics {
		if c.TopicName == "" || !t.fits(c.TopicName) {
			continue
		}
		if !first && !changed {
			if _, mine := t.topics[c.TopicName][b.name]; mine {
				continue
			}
		}
		q := body.QueueData{
			BrokerName: b.name, ReadQueueNums: c.ReadQueueNums, WriteQueueNums: c.WriteQueueNums,
			Perm: c.Perm, TopicSysFlag: c.TopicSysFlag,
		}
		if primeSlave && b.actingMaster {
			q.Perm &^= permWrite // an acting master serves readers only
		}
		t.putQueueData(c.TopicName, q)
	}
	t.takeMappings(r, changed || first)
}

func (t *Table) takeLive(self address, r *Registration) {
	timeout := defaultHeartbeatTimeout.Milliseconds()
	if r.HeartbeatTimeoutMs != nil {
		timeout = min(*r.HeartbeatTimeoutMs, maxHeartbeatTimeout.Milliseconds())
	}
	t.setLive(self, &live{
		lastUpdateMs: t.clock.MonoMs(), timeoutMs: timeout, version: r.Version,
		channel: r.Channel, haServerAddr: r.HaServerAddr, number: t.number,
	})
	switch {
	case r.FilterServers == nil:
	case len(r.FilterServers) == 0:
		delete(t.filters, self)
	default:
		t.filters[self] = r.FilterServers
	}
}

// masterOf fills the addresses a slave needs; a master that is not alive is not named.
func (t *Table) masterOf(b *broker, r *Registration) Registered {
	if r.BrokerID == MasterID {
		return Registered{}
	}
	master, ok := b.members[MasterID]
	if !ok {
		return Registered{}
	}
	l, ok := t.lives[address{r.Cluster, master.addr}]
	if !ok {
		return Registered{}
	}
	return Registered{HaServerAddr: l.haServerAddr, MasterAddr: master.addr}
}

// RegisterTopic adds queues of one topic, for brokers that register single topics. It stops in silence at the first
// queue of an unknown broker, as the original does.
func (t *Table) RegisterTopic(topic string, queues []body.QueueData) {
	if topic == "" || !t.fits(topic) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.topics[topic]; !known {
		// A new topic appears whole or not at all.
		for i := range queues {
			if t.brokers[queues[i].BrokerName] == nil {
				return
			}
		}
	}
	for i := range queues {
		if t.brokers[queues[i].BrokerName] == nil || !t.putQueueData(topic, queues[i]) {
			return
		}
	}
}
