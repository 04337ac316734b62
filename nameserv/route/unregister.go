package route

// Member identifies one broker process in an unregistration.
type Member struct {
	Cluster, BrokerName, BrokerAddr string
	BrokerID                        int64
}

// Unregister applies a batch of departures: one pass over all topics serves the whole batch, however many brokers left
// at once. It returns the notices that are due.
func (t *Table) Unregister(batch []Member) []*MinBrokerChanged {
	rules := t.rules()
	t.mu.Lock()
	defer t.mu.Unlock()

	removed := make(map[string]struct{})
	reduced := make(map[string]struct{})
	offline := make(map[string]string) // the smallest member of a group that left, by broker name
	for _, m := range batch {
		gone, minGone := t.removeMember(m)
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
	if !rules.NotifyMinBrokerIDChanged {
		return nil
	}
	var due []*MinBrokerChanged
	for _, name := range sortedKeys(offline) { // now that all have left: who leaves in the same batch is neither told nor named
		// Only groups that know acting masters are told.
		if b := t.brokers[name]; b.actingMaster {
			due = append(due, newNotice(b, offline[name], ""))
		}
	}
	return due
}

// removeMember drops one address. gone: the group has no member left and is forgotten. minGone: the smallest id left.
func (t *Table) removeMember(m Member) (gone, minGone bool) {
	self := address{m.Cluster, m.BrokerAddr}
	t.dropLive(self)
	delete(t.filters, self)

	b, ok := t.brokers[m.BrokerName]
	if !ok {
		return false, false
	}
	lowest, any := b.minID()
	minGone = any && lowest == m.BrokerID
	for id, addr := range b.addrs {
		if addr == m.BrokerAddr {
			delete(b.addrs, id)
		}
	}
	if len(b.addrs) > 0 {
		return false, minGone
	}
	delete(t.brokers, m.BrokerName)
	return true, false
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
