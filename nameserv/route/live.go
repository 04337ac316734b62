package route

import (
	"math"

	"github.com/skylarkmq/skylark/remoting/protocol/body"
)

// Touch counts a heartbeat. An unknown broker stays unknown: it has to register.
func (t *Table) Touch(cluster, addr string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l, ok := t.lives[address{cluster, addr}]; ok {
		l.lastUpdateMs = t.clock.NowMs()
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

// Expired lists the brokers that were silent for longer than they promised to be.
func (t *Table) Expired() []Departure {
	now := t.clock.NowMs()
	t.mu.RLock()
	defer t.mu.RUnlock()
	var gone []Departure
	for a, l := range t.lives {
		if deadline(l) < now {
			gone = append(gone, Departure{Member: t.member(a), Channel: l.channel})
		}
	}
	return gone
}

func deadline(l *live) int64 {
	if l.timeoutMs > math.MaxInt64-l.lastUpdateMs {
		return math.MaxInt64
	}
	return l.lastUpdateMs + l.timeoutMs
}

// ByChannel finds the broker that registered on a connection. Of several (a broker container shares one) it finds one,
// as the original does.
func (t *Table) ByChannel(ch Channel) (Member, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.channels[ch] == 0 {
		return Member{}, false
	}
	for a, l := range t.lives {
		if l.channel == ch {
			return t.member(a), true
		}
	}
	return Member{}, false
}

// member finds who registered an address. Groups of the same cluster come first; a group that was created by another cluster may
// hold it too, because broker names are global. The original misses that case and never forgets such a broker.
func (t *Table) member(a address) Member {
	m := Member{Cluster: a.cluster, BrokerAddr: a.addr}
	for _, b := range t.brokers {
		for id, addr := range b.addrs {
			if addr != a.addr {
				continue
			}
			if b.cluster == a.cluster {
				m.BrokerName, m.BrokerID = b.name, id
				return m
			}
			if _, ours := t.clusters[a.cluster][b.name]; ours {
				m.BrokerName, m.BrokerID = b.name, id
			}
		}
	}
	return m
}
