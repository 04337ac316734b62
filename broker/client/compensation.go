package client

import "github.com/skylarkmq/skylark/filter"

// compensated is what pulls themselves say of a group that does not, or not yet,
// heart-beat here: lite pull consumers and those behind a proxy. It answers
// questions about subscriptions and is never taken for a list of members.
type compensated struct {
	consumeType, messageModel string
	subs                      map[string]*filter.Subscription
}

// refreshMs is how stale SubVersion of a repeated subscription may become; it must
// stay far below SubscriptionExpiredMs.
const refreshMs = 60_000

// Compensate notes how a pulling group consumes.
func (r *Registry) Compensate(group, consumeType, messageModel string) {
	r.mu.RLock()
	c := r.compensation[group]
	same := c != nil && c.consumeType == consumeType && c.messageModel == messageModel
	r.mu.RUnlock()
	if same {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.compensate(group); c != nil {
		c.consumeType, c.messageModel = consumeType, messageModel
	}
}

// compensate needs mu for writing; nil when the table is full.
func (r *Registry) compensate(group string) *compensated {
	c := r.compensation[group]
	if c == nil && len(r.compensation) < maxCompensatedGroups && r.kept.take(groupCost) {
		c = &compensated{subs: map[string]*filter.Subscription{}}
		r.compensation[group] = c
	}
	return c
}

// CompensateSubscription parses and notes the subscription that came with a pull.
// A pull repeats it every time, so the parsed one of the last time is used again.
func (r *Registry) CompensateSubscription(group, topic string, expression, expressionType []byte) (*filter.Subscription, error) {
	now := r.opt.NowMs()
	r.mu.RLock()
	var known *filter.Subscription
	if c := r.compensation[group]; c != nil {
		known = c.subs[topic]
	}
	r.mu.RUnlock()
	if known != nil && now-known.SubVersion < refreshMs && sameExpression(known, expression, expressionType) {
		return known, nil
	}
	s, err := filter.Build(topic, string(expression), string(expressionType), now)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.compensate(group); c != nil {
		r.keepCompensation(c, s)
	}
	return s, nil
}

// keepCompensation needs mu for writing.
func (r *Registry) keepCompensation(c *compensated, s *filter.Subscription) {
	more := costOf(s)
	if old := c.subs[s.Topic]; old != nil {
		more -= costOf(old)
	} else if len(c.subs) >= maxSubscriptions {
		return
	}
	if r.kept.take(more) {
		c.subs[s.Topic] = s
	}
}

func sameExpression(s *filter.Subscription, expression, expressionType []byte) bool {
	sameType := string(expressionType) == s.ExpressionType || len(expressionType) == 0 && s.ExpressionType == filter.Tag
	return sameType && (string(expression) == s.SubString || len(expression) == 0 && s.SubString == filter.SubAll)
}

// AnySubscription is what a group wants of a topic by its heartbeats, else by its
// pulls; nil when neither says.
func (r *Registry) AnySubscription(group, topic string) *filter.Subscription {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if g := r.consumers[group]; g != nil && g.subs[topic] != nil {
		return g.subs[topic]
	}
	if c := r.compensation[group]; c != nil {
		return c.subs[topic]
	}
	return nil
}

// expireCompensation needs mu for writing. A group without subscriptions goes
// too; Java forgets those never.
func (r *Registry) expireCompensation(now int64) {
	for name, c := range r.compensation {
		for topic, s := range c.subs {
			if now-s.SubVersion > r.opt.SubscriptionExpiredMs {
				delete(c.subs, topic)
				r.kept.give(costOf(s))
			}
		}
		if len(c.subs) == 0 && r.consumers[name] == nil {
			delete(r.compensation, name)
			r.kept.give(groupCost)
		}
	}
}
