package broker

import (
	"context"
	"sync"
	"time"

	"github.com/skylarkmq/skylark/broker/topic"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// news is what a name server has to be told of: all topics, or some.
type news struct {
	all    bool
	topics map[string]struct{}
}

// AnnounceTopic tells the name servers of new or changed topics and waits for them.
func (b *Broker) AnnounceTopic(list ...*topic.Config) {
	names := make([]string, len(list))
	for i, c := range list {
		names[i] = c.TopicName
	}
	b.registrar.announce(func(n *news) {
		for _, name := range names {
			n.topics[name] = struct{}{}
		}
	})
}

// deletionTold is how long the answer to a deletion waits for registrations: mqadmin waits 5 s for it.
const deletionTold = 3 * time.Second

// topicsGone waits until no registration is under way any more that has a topic which is deleted by now: one that arrived after
// the operator told the name servers of the deletion would bring its route back.
func (b *Broker) topicsGone() {
	ctx, cancel := context.WithCancel(b.registrar.sky)
	defer cancel()
	limit := b.clock.NewTimer(deletionTold)
	defer limit.Stop()
	quiet := make(chan struct{})
	go func() {
		defer close(quiet)
		b.registrar.quiet(ctx)
	}()
	select {
	case <-limit.C():
		cancel()
		<-quiet
	case <-quiet:
	}
}

// Announce tells the name servers everything again and waits for them.
func (b *Broker) Announce() { b.registrar.announce(func(n *news) { n.all = true }) }

// announce tells each name server that is present of a change and waits for all.
// Who waits for its turn there is served by whoever has it before. A broker that stops
// ends what is under way when it has said so everywhere: lanes wait for this.
func (r *registrar) announce(add func(*news)) {
	var wg sync.WaitGroup
	for _, addr := range r.list() {
		if !r.note(addr, add) {
			continue // the registration that brings it back tells it
		}
		wg.Go(func() {
			r.inTurn(r.sky, addr, func() { r.tell(r.sky, addr) }) // each turn has a limit of its own
		})
	}
	wg.Wait()
}

// note adds to the news of a name server and says whether that is here. In one step: who
// registers there takes the news after it is.
func (r *registrar) note(addr string, add func(*news)) (here bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.news[addr]
	if n == nil {
		n = &news{topics: map[string]struct{}{}}
		r.news[addr] = n
	}
	add(n)
	return r.here(addr)
}

// take takes the news of a name server, in turn; nil when there are none.
func (r *registrar) take(addr string) *news {
	r.mu.Lock()
	n, told := r.news[addr], r.told[addr]
	delete(r.news, addr)
	r.mu.Unlock()
	if n != nil && body.DataVersion(r.b.Topics.Version()) == told {
		// It was told of another change with this version already, and takes another configuration only with another version.
		r.b.Topics.Bump()
	}
	return n
}

// tell brings a name server its news, in turn.
func (r *registrar) tell(ctx context.Context, addr string) {
	n := r.take(addr)
	r.mu.Lock()
	known := r.registered[addr] && !r.stopped
	r.mu.Unlock()
	if n == nil || !known {
		return // it refuses single topics; the registration that it still gets tells of them
	}
	names := make([]string, 0, len(n.topics))
	for name := range n.topics {
		names = append(names, name)
	}
	switch {
	case n.all || !r.client.Connected(addr):
		names = nil // one that has forgotten the broker would take some topics for all
	case r.b.cfg.Get().EnableSingleTopicRegister:
		r.single(ctx, addr, names)
		return
	}
	r.register(ctx, addr, names, true)
}

// single registers topics by REGISTER_TOPIC_IN_NAMESRV.
func (r *registrar) single(ctx context.Context, addr string, names []string) {
	ctx, cancel := context.WithTimeout(ctx, r.limit())
	defer cancel()
	var wg sync.WaitGroup
	for _, name := range names {
		c := r.b.Topics.Get(name)
		if c == nil {
			continue // deleted meanwhile
		}
		data, err := body.Encode(body.TopicRouteData{QueueDatas: []body.QueueData{{
			BrokerName: r.b.cfg.Get().BrokerName, Perm: r.masked(c.Perm), ReadQueueNums: c.ReadQueueNums, WriteQueueNums: c.WriteQueueNums,
			TopicSysFlag: c.TopicSysFlag,
		}}})
		if err != nil {
			r.b.log.Error().Err(err).Msg("registration of one topic not written")
			continue
		}
		cmd := protocol.NewRequest(code.RegisterTopicInNamesrv, &header.RegisterTopic{Topic: name}, data)
		wg.Go(func() {
			if _, err := r.client.Call(ctx, addr, cmd); err != nil {
				r.b.log.Warn().Err(err).Str("nameServer", addr).Str("topic", name).Msg("topic not registered")
			}
		})
	}
	wg.Wait()
}
