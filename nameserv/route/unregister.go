package route

// Member identifies one broker process in an unregistration.
type Member struct {
	Cluster, BrokerName, BrokerAddr string
	BrokerID                        int64
	// AsOf is the number of the last registration of anybody when the unregistration came up: what the broker registered since then
	// stays. A broker that comes back at once registers before its departure is applied. The original forgets it then.
	AsOf uint64
}

// Leaving marks a member that asks to be unregistered, as of now.
func (t *Table) Leaving(m Member) Member {
	t.mu.RLock()
	defer t.mu.RUnlock()
	m.AsOf = t.number
	return m
}

// Unregister applies a batch of departures: one pass over all topics serves the whole batch, however many brokers left
// at once. It returns who has left, which is all but those that came back since, and the notices that are due.
func (t *Table) Unregister(batch []Member) (left []Member, due []*MinBrokerChanged) {
	rules := t.rules()
	t.mu.Lock()
	defer t.mu.Unlock()

	removed := make(map[string]struct{})
	reduced := make(map[string]struct{})
	offline := make(map[string]string) // the smallest member of a group that left, by broker name
	for _, m := range batch {
		gone, minGone, back := t.removeMember(m)
		if back {
			continue
		}
		left = append(left, m)
		switch {
		case gone:
			removed[m.BrokerName] = struct{}{}
			delete(offline, m.BrokerName)
		default:
			reduced[m.BrokerName] = struct{}{}
			if minGone {
				offline[m.BrokerName] = m.BrokerAddr
			}
		}
	}
	t.cleanClusters(removed)
	t.cleanTopics(removed, reduced)
	if len(removed) > 0 {
		t.dropMappingsOf(removed)
	}
	if !rules.NotifyMinBrokerIDChanged {
		return left, nil
	}
	for _, name := range sortedKeys(offline) { // now that all have left: who leaves in the same batch is neither told nor named
		// Only groups that know acting masters are told.
		if b := t.brokers[name]; b.actingMaster {
			due = append(due, newNotice(b, offline[name], ""))
		}
	}
	return left, due
}

// removeMember drops one address. gone: the group has no member left and is forgotten. minGone: the smallest id left. back: the
// member has registered again and stays. Its address may be alive under another name only.
func (t *Table) removeMember(m Member) (gone, minGone, back bool) {
	self := address{m.Cluster, m.BrokerAddr}
	l, alive := t.lives[self]
	if back = alive && l.number > m.AsOf; !back {
		t.dropLive(self)
		delete(t.filters, self)
	}

	b, ok := t.brokers[m.BrokerName]
	if !ok {
		return false, false, back
	}
	lowest, any := b.minID()
	for id, holder := range b.members { // an address has one id in a group
		if holder.addr != m.BrokerAddr {
			continue
		}
		if holder.number > m.AsOf {
			return false, false, true
		}
		delete(b.members, id)
	}
	if len(b.members) > 0 {
		return false, any && lowest == m.BrokerID, false
	}
	delete(t.brokers, m.BrokerName)
	return true, false, false
}

// cleanClusters takes the names of forgotten groups out of all clusters: the original leaves them in those that the last member was
// not of, and nobody would ever take them away.
func (t *Table) cleanClusters(removed map[string]struct{}) {
	if len(removed) == 0 {
		return
	}
	for cluster, names := range t.clusters {
		for name := range names {
			if _, gone := removed[name]; gone {
				delete(names, name)
				t.pairs--
			}
		}
		if len(names) == 0 {
			delete(t.clusters, cluster)
		}
	}
}

func (t *Table) cleanTopics(removed, reduced map[string]struct{}) {
	for topic, byBroker := range t.topics {
		for name := range removed {
			// A member of the same batch may have brought the name back to life; the original forgets its topics all the same.
			if _, ok := byBroker[name]; ok {
				t.dropQueueData(topic, name)
			}
		}
		for name := range reduced {
			q, ok := byBroker[name]
			if !ok {
				continue
			}
			b := t.brokers[name]
			if b == nil || !b.actingMaster {
				continue
			}
			if lowest, any := b.minID(); !any || lowest > MasterID {
				q.Perm &^= permWrite
				byBroker[name] = q
			}
		}
	}
}
