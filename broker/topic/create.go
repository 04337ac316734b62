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

// await returns when a topic that somebody else is making can be seen; it needs mu.
func (r *Registry) await(name string) {
	for r.Get(name) == nil && r.pending[name] != nil {
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

// NeedsGroupTopic says whether CreateForGroups would change anything.
func (r *Registry) NeedsGroupTopic(name []byte, order bool) bool {
	c := r.Lookup(name)
	return c == nil || c.Order != order
}

// CreateForGroups makes sure that groups' topics exist with their order flags
// (Java's createTopicInSendMessageBackMethod) and persists once. It returns the
// topics that are new, which have to be registered.
func (r *Registry) CreateForGroups(list []GroupTopic) (created []*Config, err error) {
	var changed []*Config
	r.mu.Lock()
	for _, g := range list {
		c := r.current(g.Topic)
		switch {
		case c != nil && c.Order == g.Order:
			continue
		case c != nil:
			c = c.Clone()
			c.Order = g.Order
		default:
			c = newConfig(g.Topic, g.QueueNums, PermRead|PermWrite)
			c.TopicSysFlag, c.Order = g.SysFlag, g.Order
			created = append(created, c)
		}
		if err = r.set(c); err != nil {
			break
		}
		changed = append(changed, c)
	}
	r.mu.Unlock()
	if err != nil && len(created) > 0 {
		created = created[:len(created)-1] // the one that did not fit
	}
	err = errors.Join(err, r.arrive(changed))
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, g := range list {
		r.await(g.Topic)
	}
	return created, err
}
