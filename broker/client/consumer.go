package client

import (
	"maps"
	"sort"

	"github.com/skylarkmq/skylark/filter"
)

// RegisterConsumer notes one client of one consumer group, and says whether the
// group's members or the topics it subscribes to changed. What the last heartbeat
// said holds for the whole group: type, model, start, and the set of topics.
func (r *Registry) RegisterConsumer(info Info, c Consumer) (changed bool) {
	changed, _ = r.JoinConsumer(info, c)
	return changed
}

// JoinConsumer is RegisterConsumer; with RejectConflict it may refuse, and then
// names the member that objects. A client that was a member is none any more.
func (r *Registry) JoinConsumer(info Info, c Consumer) (changed bool, objector string) {
	info.LastUpdateMs, info.heardMs = r.opt.NowMs(), r.opt.MonoMs()
	var sig uint64
	if !c.WithoutSub {
		sig = r.signature(c.Group, c.Subscriptions)
	}
	r.mu.Lock()
	g := r.consumers[c.Group]
	if g != nil && sig != 0 && c.RejectConflict {
		if first, objects := g.objects(&info, sig); objects {
			told := r.expel(info.Channel, &c)
			r.mu.Unlock()
			r.tell(told)
			return false, first
		}
	}
	if g == nil {
		if len(r.consumers) >= maxGroups || !r.kept.take(groupCost+memberCost) {
			r.mu.Unlock()
			return false, ""
		}
		r.kept.give(memberCost) // it is there for the first member
		g = &group{
			channels: map[Channel]*Info{}, subs: map[string]*filter.Subscription{}, topics: map[string]struct{}{},
		}
		r.consumers[c.Group] = g
	}
	g.consumeType, g.messageModel, g.fromWhere = c.ConsumeType, c.MessageModel, c.ConsumeFromWhere
	g.lastUpdateMs = info.LastUpdateMs
	changed = r.joinConsumer(c.Group, g, info)
	if sig != 0 {
		r.want(c.Group, g, g.channels[info.Channel], sig, c.Subscriptions)
	}
	if !c.WithoutSub && r.updateSubscriptions(c.Group, g, c.Subscriptions) {
		changed = true
	}
	var told []change
	if changed && c.Notify && g.messageModel != Broadcasting {
		told = append(told, change{group: c.Group, channels: g.list()})
	}
	r.mu.Unlock()
	r.tell(told)
	return changed, ""
}

// expel needs mu. A member that was refused would keep its queues, and the connection with all its other groups would be closed for want
// of heartbeats. It hears of the change, too, so that it lets the queues go.
func (r *Registry) expel(ch Channel, c *Consumer) []change {
	left, removed := r.removeConsumer(c.Group, ch)
	if !removed {
		return nil
	}
	r.leave(ch)
	if !c.Notify || left.model == Broadcasting {
		return nil
	}
	left.channels = append(r.channelsOf(c.Group), ch)
	return []change{left}
}

// joinConsumer needs mu; true for a connection that was not in the group.
func (r *Registry) joinConsumer(name string, g *group, info Info) bool {
	if old := g.channels[info.Channel]; old != nil {
		info.joined, info.wants = old.joined, old.wants
		*old = info
		return false
	}
	if len(g.channels) >= maxClientsPerGroup || !r.kept.take(memberCost) {
		return false
	}
	r.joins++
	info.joined = r.joins
	g.channels[info.Channel] = &info
	r.member(info.Channel).consumers[name] = struct{}{}
	return true
}

// updateSubscriptions needs mu. New and missing topics are a change; a newer
// version of a known one is taken without being one.
func (r *Registry) updateSubscriptions(name string, g *group, subs []*filter.Subscription) (changed bool) {
	wanted := make(map[string]bool, len(subs))
	for _, s := range subs {
		old := g.subs[s.Topic]
		switch {
		case old == nil && (len(g.subs) >= maxSubscriptions || !r.kept.take(costOf(s))):
			continue
		case old == nil:
			g.subs[s.Topic] = s
			changed = true
		case s.SubVersion > old.SubVersion && r.kept.take(costOf(s)-costOf(old)):
			g.subs[s.Topic] = s
		}
		r.subscribe(s.Topic, name, g) // again: there may have been no room for its row
		wanted[s.Topic] = true
	}
	for topic, s := range g.subs {
		if !wanted[topic] {
			delete(g.subs, topic)
			r.kept.give(costOf(s))
			changed = true
		}
	}
	return changed
}

// subscribe needs mu. As in Java a group stays listed under a topic it once
// subscribed to until the whole group is gone, or has been under too many.
func (r *Registry) subscribe(topic, name string, g *group) {
	if _, listed := g.topics[topic]; listed {
		return
	}
	if len(g.topics) >= maxTopicRows {
		for old := range g.topics {
			if g.subs[old] == nil {
				r.unlist(old, name, g)
			}
		}
	}
	if !r.kept.take(costOfRow(topic)) {
		return
	}
	g.topics[topic] = struct{}{}
	set := r.topicGroups[topic]
	if set == nil {
		set = map[string]struct{}{}
		r.topicGroups[topic] = set
	}
	set[name] = struct{}{}
}

// unlist needs mu.
func (r *Registry) unlist(topic, name string, g *group) {
	delete(g.topics, topic)
	r.kept.give(costOfRow(topic))
	set := r.topicGroups[topic]
	delete(set, name)
	if len(set) == 0 {
		delete(r.topicGroups, topic)
	}
}

func (g *group) list() []Channel {
	channels := make([]Channel, 0, len(g.channels))
	for ch := range g.channels {
		channels = append(channels, ch)
	}
	return channels
}

// UnregisterConsumer takes a connection out of a group and tells the others if
// the group wants that.
func (r *Registry) UnregisterConsumer(name string, ch Channel, notify bool) {
	r.mu.Lock()
	g := r.consumers[name]
	if g == nil {
		r.mu.Unlock()
		return
	}
	c, removed := r.removeConsumer(name, ch)
	if m := r.byChannel[ch]; m != nil && removed {
		delete(m.consumers, name)
		r.leave(ch)
	}
	notify = notify && c.model != Broadcasting
	if notify {
		c.channels = r.channelsOf(name)
	}
	r.mu.Unlock()
	if notify {
		r.tell([]change{c})
	}
}

// channelsOf needs mu.
func (r *Registry) channelsOf(name string) []Channel {
	if g := r.consumers[name]; g != nil {
		return g.list()
	}
	return []Channel{}
}

// removeConsumer needs mu; the group goes with its last connection. The change does not list those left: thousands may be removed at once.
func (r *Registry) removeConsumer(name string, ch Channel) (c change, removed bool) {
	g := r.consumers[name]
	if g == nil {
		return change{group: name}, false
	}
	if info := g.channels[ch]; info != nil {
		removed = true
		r.unwant(g, info)
		r.kept.give(memberCost)
	}
	delete(g.channels, ch)
	if m := r.byChannel[ch]; m != nil {
		delete(m.consumers, name)
	}
	c = change{group: name, model: g.messageModel}
	if len(g.channels) == 0 {
		delete(r.consumers, name)
		if r.opt.GroupGone != nil {
			r.opt.GroupGone(name)
		}
		for topic := range g.topics {
			r.unlist(topic, name, g)
		}
		for _, s := range g.subs {
			r.kept.give(costOf(s))
		}
		r.kept.give(groupCost)
	}
	return c, removed
}

// NoteGone tells GroupGone again of a group without a connection, for who noted something of a group that it had joined: its
// connection may have gone between.
func (r *Registry) NoteGone(name string) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.consumers[name] == nil && r.opt.GroupGone != nil {
		r.opt.GroupGone(name)
	}
}

// Behind notes that a connection pulls for a group with a newer version of its subscription than this broker has, or with an expression that
// this broker has not: a Java client leaves a heartbeat out when another is on its way, and the fingerprint of the next one does not show the version.
func (r *Registry) Behind(name string, ch Channel) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if g := r.consumers[name]; g != nil && g.channels[ch] != nil {
		g.channels[ch].behind = true
	}
}

// Fingerprint notes a group's subscription fingerprint (heartbeat V2) and says
// whether the client must send its subscriptions again: another one was seen
// last, the client repeats nothing and this broker knows nothing, or it is Behind.
func (r *Registry) Fingerprint(name string, fingerprint int32, withoutSub bool, ch Channel) (resend bool) {
	if len(name) > MaxGroupName {
		return false // no such group is kept
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	last, seen := r.fingerprints[name]
	if seen || len(r.fingerprints) < maxGroups {
		r.fingerprints[name] = fingerprint
	}
	if seen && last != fingerprint {
		return true
	}
	g := r.consumers[name]
	return withoutSub && (g == nil || len(g.subs) == 0 || g.channels[ch] != nil && g.channels[ch].behind)
}

// Subscription finds what a group that is online wants of a topic; sub is nil
// when it does not subscribe to it.
func (r *Registry) Subscription(name, topic string) (sub *filter.Subscription, model string, online bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	g := r.consumers[name]
	if g == nil {
		return nil, "", false
	}
	return g.subs[topic], g.messageModel, true
}

// HasConsumer says whether a connection is in a consumer group, and the group's
// consume type ("" when it is not online).
func (r *Registry) HasConsumer(name string, ch Channel) (consumeType string, member bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	g := r.consumers[name]
	if g == nil {
		return "", false
	}
	_, member = g.channels[ch]
	return g.consumeType, member
}

// BroadcastClient is the id of a connection's client when its group broadcasts and
// is pushed to; "" otherwise.
func (r *Registry) BroadcastClient(name string, ch Channel) string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	g := r.consumers[name]
	if g == nil || g.messageModel != Broadcasting || g.consumeType != ConsumePassively {
		return ""
	}
	if info := g.channels[ch]; info != nil {
		return info.ClientID
	}
	return ""
}

// ConsumerGroup is a copy of a group that is online; clients in order of their ids.
func (r *Registry) ConsumerGroup(name string) (Group, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	g := r.consumers[name]
	if g == nil {
		return Group{}, false
	}
	out := Group{
		Name: name, ConsumeType: g.consumeType, MessageModel: g.messageModel, ConsumeFromWhere: g.fromWhere,
		Subscriptions: maps.Clone(g.subs), LastUpdateMs: g.lastUpdateMs,
	}
	for _, info := range g.channels {
		out.Clients = append(out.Clients, *info)
	}
	sort.Slice(out.Clients, func(i, j int) bool { return out.Clients[i].ClientID < out.Clients[j].ClientID })
	return out, true
}

// ClientIDs are the ids of a group's connections, sorted; an id appears once a
// connection.
func (r *Registry) ClientIDs(name string) []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	g := r.consumers[name]
	if g == nil {
		return nil
	}
	ids := make([]string, 0, len(g.channels))
	for _, info := range g.channels {
		ids = append(ids, info.ClientID)
	}
	sort.Strings(ids)
	return ids
}

// FindConsumer finds a client of a group by its id.
func (r *Registry) FindConsumer(name, clientID string) (Info, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if g := r.consumers[name]; g != nil {
		for _, info := range g.channels {
			if info.ClientID == clientID {
				return *info, true
			}
		}
	}
	return Info{}, false
}

// ConsumersOf are the groups online that subscribe to a topic, sorted.
func (r *Registry) ConsumersOf(topic string) []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	names := make([]string, 0, len(r.topicGroups[topic]))
	for name := range r.topicGroups[topic] {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// MinVersion is the smallest client version in a group; ok is false when it is
// not online.
func (r *Registry) MinVersion(name string) (version int32, ok bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	g := r.consumers[name]
	if g == nil {
		return 0, false
	}
	for _, info := range g.channels {
		if !ok || info.Version < version {
			version, ok = info.Version, true
		}
	}
	return version, ok
}
