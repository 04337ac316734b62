package client

import (
	"cmp"
	"hash/maphash"
	"maps"
	"slices"
	"strings"

	"github.com/skylarkmq/skylark/filter"
	"github.com/skylarkmq/skylark/message"
)

// Members of a consumer group that subscribe to different things get each other's
// messages: the queues are shared out as if all were alike, and what the last
// heartbeat said holds for the whole group. So messages go missing without a sound.
// The registry knows what each member wants, and which groups do not agree.
//
// A member's subscriptions are compared without their versions, without the group's
// retry topic, and tags as a set.

// want is one set of subscriptions and how many members have it.
type want struct {
	subs    []*filter.Subscription
	members int
	cost    int64
}

// disagreement is what a group keeps while its members differ.
type disagreement struct {
	sinceMs int64
	// What was told last, and when; 0: nothing yet.
	told   uint64
	toldMs int64
}

// Bounds of what is told of one group.
const (
	maxToldVariants = 64
	maxToldClients  = 64
	// maxToldBytes bounds what is compared of one group under the registry's lock: sets
	// that do not fit are counted and not shown.
	maxToldBytes = 1 << 20
	// maxToldEvents is of how many groups is told at a time; the rest waits.
	maxToldEvents = 256
	// maxListed bounds a list of groups, by the clients that it names.
	maxListed = 1 << 17
)

// Conflict is a consumer group whose members subscribe differently.
type Conflict struct {
	Group   string
	SinceMs int64
	Topics  []TopicConflict
	// Clients is the number of members, Sets that of different sets of subscriptions.
	Clients, Sets int
}

// TopicConflict is one topic that members want differently.
type TopicConflict struct {
	Topic    string
	Variants []Variant
}

// Variant is one way in which a topic is wanted. Absent: not at all.
type Variant struct {
	Expression, Type string
	Absent           bool
	Clients          []string // the first of them, sorted
	More             int      // others
}

// ConflictEvent is what an operator should hear.
type ConflictEvent struct {
	What string // "begins", "changes" or "ends"
	Conflict
}

// signature is equal for equal sets of subscriptions. It does not depend on their
// order. 0 is never one.
func (r *Registry) signature(group string, subs []*filter.Subscription) uint64 {
	sum := uint64(1)
	for _, s := range subs {
		if isRetryTopic(group, s.Topic) {
			continue
		}
		var h maphash.Hash
		h.SetSeed(r.seed)
		_, _ = h.WriteString(s.Topic) // never fails
		_ = h.WriteByte(0)
		kind, text := canonical(s)
		_, _ = h.WriteString(kind)
		_ = h.WriteByte(0)
		_, _ = h.WriteString(text)
		sum += h.Sum64()
	}
	return max(sum, 1)
}

// isRetryTopic: of the group, with or without a topic's name behind it.
func isRetryTopic(group, topic string) bool {
	rest, ok := strings.CutPrefix(topic, message.RetryGroupPrefix)
	if ok {
		rest, ok = strings.CutPrefix(rest, group)
	}
	return ok && (rest == "" || rest[0] == '+' || rest[0] == '_')
}

// canonical is a subscription as it is compared and shown: tags sorted, "*" for all.
func canonical(s *filter.Subscription) (kind, text string) {
	kind, text = s.ExpressionType, s.SubString
	if kind == "" {
		kind = filter.Tag
	}
	if !filter.IsTag(kind) || s.ClassFilterMode {
		return kind, text
	}
	if text = strings.TrimSpace(text); text == "" {
		return kind, filter.SubAll
	}
	if !strings.Contains(text, "|") {
		return kind, text
	}
	tags := strings.Split(text, "||")
	for i := range tags {
		tags[i] = strings.TrimSpace(tags[i])
	}
	slices.Sort(tags)
	tags = slices.DeleteFunc(slices.Compact(tags), func(tag string) bool { return tag == "" })
	return kind, strings.Join(tags, " || ")
}

// objects needs the registry's mu: whether the member that was there first, and is
// not this client, wants something else. It returns that member's id.
func (g *group) objects(info *Info, sig uint64) (first string, objects bool) {
	if old := g.channels[info.Channel]; old != nil && old.wants == sig {
		return "", false
	}
	var oldest *Info
	for _, other := range g.channels {
		if other.ClientID == info.ClientID || other.wants == 0 {
			continue
		}
		if oldest == nil || other.joined < oldest.joined {
			oldest = other
		}
	}
	if oldest == nil || oldest.wants == sig {
		return "", false
	}
	return oldest.ClientID, true
}

// want needs mu: a member says what it subscribes to.
func (r *Registry) want(name string, g *group, member *Info, sig uint64, subs []*filter.Subscription) {
	if member == nil || member.wants == sig {
		return
	}
	r.unwant(g, member)
	w := g.wanted[sig]
	if w == nil {
		w = &want{subs: subs, cost: costOfAll(subs)}
		if !r.kept.take(w.cost) {
			return // it is not known what this member wants
		}
		if g.wanted == nil {
			g.wanted = map[uint64]*want{}
		}
		g.wanted[sig] = w
	}
	w.members++
	member.wants = sig
	if len(g.wanted) > 1 && r.differing[name] == nil { // ConflictEvents finds when it ends
		r.differing[name] = &disagreement{sinceMs: r.opt.NowMs()}
	}
}

// unwant needs mu: a member goes, or changes its mind.
func (r *Registry) unwant(g *group, member *Info) {
	w := g.wanted[member.wants]
	if w == nil {
		return
	}
	if w.members--; w.members == 0 {
		delete(g.wanted, member.wants)
		r.kept.give(w.cost)
	}
	member.wants = 0
}

// Conflicts are the groups whose members differ now, or the one that is named, by
// name; of very many it takes some.
func (r *Registry) Conflicts(name string) (list []Conflict) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	named := 0
	for group, d := range r.differing {
		if g := r.consumers[group]; g != nil && len(g.wanted) > 1 && (name == "" || name == group) && named < maxListed {
			c := g.conflict(group, d)
			list = append(list, c)
			named += c.named()
		}
	}
	slices.SortFunc(list, func(a, b Conflict) int { return strings.Compare(a.Group, b.Group) })
	return list
}

// ConflictCount is how many groups have differed for longer than graceMs.
func (r *Registry) ConflictCount(graceMs int64) (n int64) {
	now := r.opt.NowMs()
	r.mu.RLock()
	defer r.mu.RUnlock()
	for name, d := range r.differing {
		if g := r.consumers[name]; g != nil && len(g.wanted) > 1 && now-d.sinceMs >= graceMs {
			n++
		}
	}
	return n
}

// ConflictEvents are what is to be told since the last call: a conflict that has
// lasted graceMs begins, one that was told changes (not more often than everyMs) or
// ends.
func (r *Registry) ConflictEvents(graceMs, everyMs int64) (list []ConflictEvent) {
	now := r.opt.NowMs()
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, d := range r.differing {
		g := r.consumers[name]
		if g == nil || len(g.wanted) < 2 {
			if d.told != 0 {
				list = append(list, ConflictEvent{"ends", Conflict{Group: name, SinceMs: d.sinceMs}})
			}
			delete(r.differing, name)
			continue
		}
		var sum uint64
		for sig := range g.wanted {
			sum += sig
		}
		sum = max(sum, 1)
		switch {
		case len(list) >= maxToldEvents || d.told == sum || now-d.sinceMs < graceMs || d.told != 0 && now-d.toldMs < everyMs:
		case d.told == 0:
			list = append(list, ConflictEvent{"begins", g.conflict(name, d)})
			d.told, d.toldMs = sum, now
		default:
			list = append(list, ConflictEvent{"changes", g.conflict(name, d)})
			d.told, d.toldMs = sum, now
		}
	}
	slices.SortFunc(list, func(a, b ConflictEvent) int { return strings.Compare(a.Group, b.Group) })
	return list
}

// conflict needs the registry's mu. It looks at the sets that most members have.
func (g *group) conflict(name string, d *disagreement) Conflict {
	c := Conflict{Group: name, SinceMs: d.sinceMs, Clients: len(g.channels), Sets: len(g.wanted)}
	ids := map[uint64][]string{} // by set
	for _, info := range g.channels {
		ids[info.wants] = append(ids[info.wants], info.ClientID)
	}
	sets := slices.SortedFunc(maps.Keys(g.wanted), func(a, b uint64) int {
		if n := g.wanted[b].members - g.wanted[a].members; n != 0 {
			return n
		}
		return cmp.Compare(a, b)
	})
	room := maxToldBytes
	sets = slices.DeleteFunc(sets[:min(len(sets), maxToldVariants)], func(sig uint64) bool {
		size := g.wanted[sig].size()
		fits := size <= room
		if fits {
			room -= size
		}
		return !fits
	})
	ways := make([]map[string]way, len(sets)) // by topic
	topics := map[string]struct{}{}
	for i, sig := range sets {
		ways[i] = map[string]way{}
		for _, s := range g.wanted[sig].subs {
			if isRetryTopic(name, s.Topic) {
				continue
			}
			kind, text := canonical(s)
			ways[i][s.Topic] = way{kind, text, true}
			topics[s.Topic] = struct{}{}
		}
	}
	for _, topic := range slices.Sorted(maps.Keys(topics)) {
		clients := map[way][]string{}
		for i, sig := range sets {
			w := ways[i][topic]
			clients[w] = append(clients[w], ids[sig]...)
		}
		if len(clients) > 1 {
			c.Topics = append(c.Topics, TopicConflict{topic, variants(clients)})
		}
		if len(c.Topics) == maxToldVariants {
			break
		}
	}
	return c
}

// size is about what it costs to compare and keep it.
func (w *want) size() (n int) {
	for _, s := range w.subs {
		n += 64 + len(s.Topic) + len(s.SubString)
	}
	return n
}

// named is how many clients it names, and at least 1.
func (c *Conflict) named() int {
	n := 1
	for i := range c.Topics {
		for j := range c.Topics[i].Variants {
			n += len(c.Topics[i].Variants[j].Clients)
		}
	}
	return n
}

// way is how one set wants one topic; the zero value: not at all.
type way struct {
	kind, text string
	wanted     bool
}

// variants puts those of most clients first.
func variants(clients map[way][]string) (list []Variant) {
	for w, ids := range clients {
		slices.Sort(ids)
		n := min(len(ids), maxToldClients)
		list = append(list, Variant{Type: w.kind, Expression: w.text, Absent: !w.wanted, Clients: ids[:n], More: len(ids) - n})
	}
	slices.SortFunc(list, func(a, b Variant) int {
		return cmp.Or(len(b.Clients)+b.More-len(a.Clients)-a.More, strings.Compare(a.Expression, b.Expression), strings.Compare(a.Type, b.Type))
	})
	return list
}
