package route

import "github.com/skylarkmq/skylark/remoting/protocol/body"

// Touch counts a heartbeat. An unknown broker stays unknown: it has to register.
func (t *Table) Touch(cluster, addr string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l, ok := t.lives[address{cluster, addr}]; ok {
		l.lastUpdateMs = t.clock.MonoMs()
	}
}

// DataVersion is what the broker registered last.
func (t *Table) DataVersion(cluster, addr string) (body.DataVersion, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	l, ok := t.lives[address{cluster, addr}]
	if !ok {
		return body.DataVersion{}, false
	}
	return l.version, true
}

// Departure is a broker to be unregistered, and the connection it had. The broker name is empty when the address table does not
// hold the broker any more; unregistering it then only forgets that it was alive.
type Departure struct {
	Member  Member
	Channel Channel
}

// Expired lists the brokers that were silent for longer than they promised to be, and the members of groups that nobody keeps alive: a
// broker may have registered one address under two names, or have left under a wrong one. The original keeps those for ever.
func (t *Table) Expired() []Departure {
	now := t.clock.MonoMs()
	t.mu.RLock()
	defer t.mu.RUnlock()
	var silent []address
	heard := make(map[string]struct{}, len(t.lives))
	for a, l := range t.lives {
		heard[a.addr] = struct{}{}
		if l.lastUpdateMs+l.timeoutMs < now {
			silent = append(silent, a)
		}
	}
	var gone []Departure
	for i, m := range t.members(silent) {
		gone = append(gone, Departure{Member: m, Channel: t.lives[silent[i]].channel})
	}
	for _, b := range t.brokers {
		for id, m := range b.members {
			if _, ok := heard[m.addr]; !ok {
				left := Member{Cluster: b.cluster, BrokerName: b.name, BrokerAddr: m.addr, BrokerID: id, AsOf: t.number}
				gone = append(gone, Departure{Member: left})
			}
		}
	}
	return gone
}

// ByChannel finds the brokers that registered on a connection: a broker container shares one. The original finds one of them, and
// the others stay until they time out.
func (t *Table) ByChannel(ch Channel) []Member {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.channels[ch] == 0 {
		return nil
	}
	list := make([]address, 0, t.channels[ch])
	for a, l := range t.lives {
		if l.channel == ch {
			list = append(list, a)
		}
	}
	return t.members(list)
}

// members finds who registered each address, in one pass over the groups.
func (t *Table) members(list []address) []Member {
	if len(list) == 0 {
		return nil
	}
	found := make([]Member, len(list))
	at := make(map[string][]*Member, len(list))
	for i, a := range list {
		found[i] = Member{Cluster: a.cluster, BrokerAddr: a.addr, AsOf: t.number}
		at[a.addr] = append(at[a.addr], &found[i])
	}
	for _, b := range t.brokers {
		for id, holder := range b.members {
			for _, m := range at[holder.addr] {
				if t.speaksFor(b, m) {
					m.BrokerName, m.BrokerID = b.name, id
				}
			}
		}
	}
	return found
}

// speaksFor says whether a group that holds the address of m is taken for its own. Groups of the same cluster come first; a group that
// was created by another cluster may hold it too, because broker names are global. The original misses that case and never forgets
// such a broker.
func (t *Table) speaksFor(b *broker, m *Member) bool {
	if b.cluster == m.Cluster {
		return true
	}
	_, ours := t.clusters[m.Cluster][b.name]
	return ours && m.BrokerName == ""
}
