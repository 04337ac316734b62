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

// Departure is a broker to be unregistered, and the connection it had. Known is false when the address table does not
// hold the broker any more, so that there is nothing to unregister.
type Departure struct {
	Member  Member
	Channel Channel
	Known   bool
}

// Expired lists the brokers that were silent for longer than they promised to be.
func (t *Table) Expired() []Departure {
	now := t.clock.NowMs()
	t.mu.RLock()
	defer t.mu.RUnlock()
	var gone []Departure
	for a, l := range t.lives {
		if deadline(l) < now {
			m, known := t.member(a)
			gone = append(gone, Departure{Member: m, Channel: l.channel, Known: known})
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
			return t.member(a)
		}
	}
	return Member{}, false
}

func (t *Table) member(a address) (Member, bool) {
	for _, b := range t.brokers {
		if b.cluster != a.cluster {
			continue
		}
		for id, addr := range b.addrs {
			if addr == a.addr {
				return Member{Cluster: a.cluster, BrokerName: b.name, BrokerAddr: addr, BrokerID: id}, true
			}
		}
	}
	return Member{Cluster: a.cluster, BrokerAddr: a.addr}, false
}
