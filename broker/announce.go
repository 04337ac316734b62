package broker

import (
	"context"
	"sync"

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

// Announce tells the name servers everything again and waits for them.
func (b *Broker) Announce() { b.registrar.announce(func(n *news) { n.all = true }) }

// announce tells each name server that is present of a change and waits for all.
// Who waits for its turn there is served by whoever has it before.
func (r *registrar) announce(add func(*news)) {
	var wg sync.WaitGroup
	for _, addr := range r.present() {
		r.mu.Lock()
		n := r.news[addr]
		if n == nil {
			n = &news{topics: map[string]struct{}{}}
			r.news[addr] = n
		}
		add(n)
		r.mu.Unlock()
		wg.Go(func() { r.inTurn(context.Background(), addr, func() { r.tell(addr) }) }) // each turn has a limit of its own
	}
	wg.Wait()
}

// tell brings a name server its news, in turn.
func (r *registrar) tell(addr string) {
	r.mu.Lock()
	n, known, told := r.news[addr], r.registered[addr] && !r.stopped, r.told[addr]
	delete(r.news, addr)
	r.mu.Unlock()
	if n == nil {
		return
	}
	if body.DataVersion(r.b.Topics.Version()) == told {
		// It was told of another change with this version already, and takes another configuration only with another version.
		r.b.Topics.Bump()
	}
	if !known {
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
		r.single(addr, names)
		return
	}
	r.register(context.Background(), addr, names, true)
}

// single registers topics by REGISTER_TOPIC_IN_NAMESRV.
func (r *registrar) single(addr string, names []string) {
	ctx, cancel := context.WithTimeout(context.Background(), r.limit())
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
