package broker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/skylarkmq/skylark/broker/assignment"
	"github.com/skylarkmq/skylark/broker/topic"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// Queues of a topic on all brokers, as the name servers know them: for assignments,
// which need more than this broker's own queues. They are asked for in lanes only.

const (
	routeTime = 3 * time.Second
	maxRoutes = 1 << 14 // topics remembered
	// maxRouteQueues bounds what one topic may have all in all.
	maxRouteQueues = 1 << 17
	// maxKeptQueues bounds those of all topics that are remembered, 40 bytes each; under a
	// memory limit they may take one part in so many of it.
	maxKeptQueues      = 1 << 21
	routeQueueBytes    = 40
	routesOfLimit      = 32
	routeForgottenTime = 10 * time.Minute // after the last question
)

// topicRoutes remembers routes for loadBalancePollNameServerInterval.
type topicRoutes struct {
	b    *Broker
	most int // queues of all topics

	mu   sync.Mutex
	m    map[string]*topicRoute
	kept int // their queues
}

// topicRoute is one topic. Its lock is held while a name server is asked, so that
// clients that ask together cost one question.
type topicRoute struct {
	mu      sync.Mutex
	askedMs int64 // MonoMs
	known   bool
	queues  []assignment.Queue

	usedMs int64 // and counted: under the lock of topicRoutes
	kept   int   // queues that count in it
}

func newTopicRoutes(b *Broker, memoryLimit int64) *topicRoutes {
	t := &topicRoutes{b: b, most: maxKeptQueues, m: map[string]*topicRoute{}}
	if memoryLimit > 0 {
		t.most = min(t.most, int(memoryLimit/routesOfLimit/routeQueueBytes))
	}
	return t
}

// queues are the readable queues of a topic; known is false when no name server
// knows it, or none could be asked yet. It may wait for a name server.
func (t *topicRoutes) queues(name string) (queues []assignment.Queue, known bool) {
	r := t.entry(name)
	r.mu.Lock()
	defer r.mu.Unlock()
	now := t.b.clock.MonoMs()
	if r.known && len(r.queues) > 0 && now-r.askedMs < t.b.cfg.Get().LoadBalancePollNameServerInterval {
		return r.queues, true
	}
	route, err := t.b.registrar.route(name)
	switch {
	case err == nil:
		r.queues, r.known, r.askedMs = readable(name, route), true, now
		t.keep(name, r)
	case errors.Is(err, errNoRoute) && !topic.IsRetry(name): // as in Java; other troubles leave what was known
		r.queues, r.known = nil, false
		t.keep(name, r)
	default:
		t.b.log.Debug().Err(err).Str("topic", name).Msg("route for an assignment")
	}
	return r.queues, r.known
}

// entry finds or makes the entry of a topic; a full table forgets all.
func (t *topicRoutes) entry(name string) *topicRoute {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.m[name]
	if r == nil {
		if len(t.m) >= maxRoutes {
			t.forgetAll()
		}
		r = &topicRoute{}
		t.m[name] = r
	}
	r.usedMs = t.b.clock.MonoMs()
	return r
}

// keep counts the queues of an entry that has changed; when there are too many, all others are forgotten. The entry's lock is held.
func (t *topicRoutes) keep(name string, r *topicRoute) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.m[name] != r {
		return // it was forgotten meanwhile
	}
	if t.kept += len(r.queues) - r.kept; t.kept > t.most {
		t.forgetAll()
		t.m[name], t.kept = r, len(r.queues)
	}
	r.kept = len(r.queues)
}

// forgetAll needs mu.
func (t *topicRoutes) forgetAll() {
	clear(t.m)
	t.kept = 0
}

// sweep forgets what nobody has asked for lately.
func (t *topicRoutes) sweep() {
	before := t.b.clock.MonoMs() - routeForgottenTime.Milliseconds()
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, r := range t.m {
		if r.usedMs < before {
			delete(t.m, name)
			t.kept -= r.kept
		}
	}
}

// readable is MQClientInstance.topicRouteData2TopicSubscribeInfo.
func readable(name string, route *body.TopicRouteData) []assignment.Queue {
	queues := []assignment.Queue{}
	for _, q := range route.QueueDatas {
		if q.Perm&topic.PermRead == 0 {
			continue
		}
		for id := range max(q.ReadQueueNums, 0) {
			if len(queues) >= maxRouteQueues {
				return queues
			}
			queues = append(queues, assignment.Queue{Topic: name, BrokerName: q.BrokerName, ID: id})
		}
	}
	return queues
}

// errNoRoute is a name server's word that it does not know a topic.
var errNoRoute = errors.New("no route")

// route asks the name servers for a topic, one after the other until one answers.
func (r *registrar) route(name string) (*body.TopicRouteData, error) {
	ctx, cancel := context.WithTimeout(context.Background(), routeTime)
	defer cancel()
	err := errors.New("no name server is known: set namesrvAddr")
	for _, addr := range r.present() {
		var reply *protocol.Command
		reply, err = r.client.Call(ctx, addr, protocol.NewRequest(code.GetRouteInfoByTopic, &header.GetRouteInfo{
			Topic: name, AcceptStandardJsonOnly: true,
		}, nil))
		switch {
		case err != nil:
			err = fmt.Errorf("name server %s: %w", addr, err)
		case reply.Response() == code.Success:
			return body.Decode[body.TopicRouteData](reply.Body)
		case reply.Response() == code.TopicNotExist:
			return nil, fmt.Errorf("name server %s: topic %s: %w", addr, name, errNoRoute)
		default:
			err = fmt.Errorf("name server %s: code %d: %s", addr, reply.Code, reply.Remark)
		}
	}
	return nil, err
}
