package topic

import (
	"errors"
	"strings"
)

// OnSend says what a send to an unknown topic asks for.
type OnSend struct {
	Topic      string
	Template   string // the request's defaultTopic, normally TBW102
	QueueNums  int32
	SysFlag    int32
	AutoCreate bool // autoCreateTopicEnable now
}

// CreateOnSend makes the topic of a send from its template, by the rules of
// Java's createTopicInSendMessageMethod; a retry topic that the template refuses
// is made with one queue. nil: the topic does not exist and may not be made.
// created tells a new topic, which has to be registered, from one that another
// sender made first.
func (r *Registry) CreateOnSend(q OnSend) (c *Config, created bool, err error) {
	c, created, err = r.createOnSend(q)
	if created && err == nil {
		err = r.arrive([]*Config{c})
	}
	return c, created, err
}

// await returns when a topic that somebody else is making can be seen, or one that is
// deleted is gone; it needs mu.
func (r *Registry) await(name string) {
	for r.leaving[name] || r.Get(name) == nil && r.pending[name] != nil {
		r.published.Wait()
	}
}

// awaitGone returns when a topic that is being deleted is gone, with all that is of its
// name; it needs mu.
func (r *Registry) awaitGone(name string) {
	for r.leaving[name] {
		r.published.Wait()
	}
}

func (r *Registry) createOnSend(q OnSend) (*Config, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.await(q.Topic)
	if c := r.Get(q.Topic); c != nil {
		return c, false, nil
	}
	c := r.fromTemplate(q)
	if c == nil && strings.HasPrefix(q.Topic, RetryPrefix) {
		c = newConfig(q.Topic, 1, PermRead|PermWrite)
		c.TopicSysFlag = q.SysFlag
	}
	if c == nil {
		return nil, false, nil
	}
	if err := r.set(c); err != nil {
		return nil, false, err
	}
	return c, true, nil
}

// fromTemplate needs mu. With autoCreateTopicEnable=false Java takes INHERIT away
// from a TBW102 that topics.json still has, for good; so do we.
func (r *Registry) fromTemplate(q OnSend) *Config {
	t := r.Get(q.Template)
	if t == nil {
		return nil
	}
	if q.Template == AutoCreateKey && !q.AutoCreate && t.Inherited() {
		t = t.Clone()
		t.Perm = PermRead | PermWrite
		r.table.Set(q.Template, t)
	}
	if !t.Inherited() {
		return nil
	}
	c := newConfig(q.Topic, max(0, min(q.QueueNums, t.WriteQueueNums)), t.Perm&^PermInherit)
	c.TopicSysFlag = q.SysFlag
	c.TopicFilterType = t.TopicFilterType
	return c
}

// GroupTopic is a retry or DLQ topic that belongs to a consumer group.
type GroupTopic struct {
	Topic     string
	QueueNums int32
	Order     bool
	SysFlag   int32
}

// roomIn says whether a topic is there with as many queues, to write and to read.
func (g *GroupTopic) roomIn(c *Config) bool { return c != nil && c.Queues() >= g.QueueNums }

// Fits says whether CreateForGroups would leave the topic as it is; nil is one that is
// not there.
func (g *GroupTopic) Fits(c *Config) bool { return g.roomIn(c) && c.Order == g.Order }

// in is the topic as it has to be, made from what is there. One with fewer queues than
// the group has by now grows: what is given back is spread over the group's number of
// queues, and consumers read those that the topic has. Java leaves it as it is.
func (g *GroupTopic) in(c *Config) *Config {
	if c == nil {
		c = newConfig(g.Topic, g.QueueNums, PermRead|PermWrite)
		c.TopicSysFlag, c.Order = g.SysFlag, g.Order
		return c
	}
	c = c.Clone()
	c.Order = g.Order
	c.ReadQueueNums, c.WriteQueueNums = max(c.ReadQueueNums, g.QueueNums), max(c.WriteQueueNums, g.QueueNums)
	return c
}

// CreateForGroups makes sure that groups' topics exist with their order flags (Java's
// createTopicInSendMessageBackMethod) and as many queues as asked for, and persists
// once. It returns the topics that are new or have grown, which have to be registered.
func (r *Registry) CreateForGroups(list []GroupTopic) (grown []*Config, err error) {
	var changed []*Config
	r.mu.Lock()
	for i := range list {
		g := &list[i]
		r.awaitGone(g.Topic)
		before := r.current(g.Topic)
		if g.Fits(before) {
			continue
		}
		c := g.in(before)
		if err = r.set(c); err != nil {
			break
		}
		changed = append(changed, c)
		if !g.roomIn(before) {
			grown = append(grown, c)
		}
	}
	r.mu.Unlock()
	err = errors.Join(err, r.arrive(changed))
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range list {
		r.awaitRoom(&list[i])
	}
	return grown, err
}

// awaitRoom returns when the queues that somebody else is making can be seen; it needs mu.
func (r *Registry) awaitRoom(g *GroupTopic) {
	for r.pending[g.Topic] != nil && !g.roomIn(r.Get(g.Topic)) {
		r.published.Wait()
	}
}
