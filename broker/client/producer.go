package client

import "sort"

// RegisterProducer notes one client of one producer group.
func (r *Registry) RegisterProducer(group string, info Info) {
	if len(group) > MaxGroupName {
		return
	}
	info.LastUpdateMs, info.heardMs = r.opt.NowMs(), r.opt.MonoMs()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refreshProducer(group, info.Channel) {
		return
	}
	clients := r.producers[group]
	if clients == nil {
		if len(r.producers) >= maxGroups || !r.kept.take(groupCost+memberCost) {
			return
		}
		r.kept.give(memberCost) // it is there for the first member
		clients = map[Channel]*Info{}
		r.producers[group] = clients
	}
	if len(clients) >= maxClientsPerGroup || !r.kept.take(memberCost) {
		return
	}
	clients[info.Channel] = &info
	r.producerByID[info.ClientID] = info.Channel
	m := r.member(info.Channel)
	m.producers[group] = struct{}{}
	m.ids[info.ClientID]++
}

// RefreshProducer notes that a client of a producer group is there; one that is not in it stays out.
func (r *Registry) RefreshProducer(group string, ch Channel) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refreshProducer(group, ch)
}

// refreshProducer needs mu. It is false for a connection that is not in the group.
func (r *Registry) refreshProducer(group string, ch Channel) bool {
	old := r.producers[group][ch]
	if old == nil {
		return false
	}
	old.LastUpdateMs, old.heardMs = r.opt.NowMs(), r.opt.MonoMs()
	if _, found := r.producerByID[old.ClientID]; !found { // another connection of this client took the id, and ended
		r.producerByID[old.ClientID] = ch
	}
	return true
}

// UnregisterProducer takes a connection out of a group.
func (r *Registry) UnregisterProducer(group string, ch Channel) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.removeProducer(group, ch)
	r.leave(ch)
}

// removeProducer needs mu.
func (r *Registry) removeProducer(group string, ch Channel) {
	clients := r.producers[group]
	info := clients[ch]
	if info == nil {
		return
	}
	delete(clients, ch)
	r.kept.give(memberCost)
	if len(clients) == 0 {
		delete(r.producers, group)
		r.kept.give(groupCost)
	}
	m := r.member(ch)
	delete(m.producers, group)
	if m.ids[info.ClientID]--; m.ids[info.ClientID] > 0 {
		return // the client has other groups on this connection; Java forgets it with the first
	}
	delete(m.ids, info.ClientID)
	if r.producerByID[info.ClientID] == ch {
		delete(r.producerByID, info.ClientID)
	}
}

// ProducerGroup is a copy of a group's clients; ok is false when there are none.
func (r *Registry) ProducerGroup(group string) (list []Info, ok bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	clients, ok := r.producers[group]
	return sortedInfos(clients), ok
}

// Producers is a copy of all producer groups.
func (r *Registry) Producers() map[string][]Info {
	r.mu.RLock()
	defer r.mu.RUnlock()
	all := make(map[string][]Info, len(r.producers))
	for name, clients := range r.producers {
		all[name] = sortedInfos(clients)
	}
	return all
}

// FindProducer finds a producer's connection by client id.
func (r *Registry) FindProducer(clientID string) (Channel, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	ch, ok := r.producerByID[clientID]
	return ch, ok
}

func sortedInfos(clients map[Channel]*Info) []Info {
	list := make([]Info, 0, len(clients))
	for _, info := range clients {
		list = append(list, *info)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].ClientID < list[j].ClientID })
	return list
}
