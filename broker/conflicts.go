package broker

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/skylarkmq/skylark/broker/client"
	"github.com/skylarkmq/skylark/internal/loglimit"
	"github.com/skylarkmq/skylark/metrics"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// Conflicting subscriptions within a consumer group: the registry of clients finds
// them at the heartbeat; here they are logged, refused and shown.

// conflictRoutes: request of `skylark admin group conflicts`.
var conflictRoutes = []remoting.Route[*Broker]{
	remoting.Handle(code.SkylarkConflicts, remoting.Admin, (*Broker).listConflicts),
}

// conflictEvery is the least time between two lines about changes of one conflict.
const conflictEvery = 60_000

// refusalEvery is the least time between two lines about refused clients: each tries again with its next heartbeat.
const refusalEvery = time.Second

// What a line names at most.
const (
	lineTopics  = 3
	lineWays    = 4
	lineClients = 5
)

type conflicts struct {
	b        *Broker
	rejected atomic.Int64
	told     loglimit.Every // of refusals
}

func newConflicts(b *Broker) *conflicts { return &conflicts{b: b} }

// tell logs what began, changed and ended since the last call: a line each.
func (c *conflicts) tell() {
	for _, e := range c.b.Clients.ConflictEvents(c.b.cfg.Get().SubscriptionConflictGraceTime, conflictEvery) {
		if e.What == "ends" {
			c.b.log.Info().Str("group", e.Group).Str("event", e.What).Msg("members of a consumer group agree again")
			continue
		}
		c.b.log.Warn().Int("clients", e.Clients).Int("sets", e.Sets).Str("difference", difference(&e.Conflict)).Str("group", e.Group).
			Str("event", e.What).Msg("members of a consumer group subscribe differently: they get each other's messages")
	}
}

func (c *conflicts) figures() metrics.Conflicts {
	return metrics.Conflicts{
		Groups: c.b.Clients.ConflictCount(c.b.cfg.Get().SubscriptionConflictGraceTime), Rejected: c.rejected.Load(),
	}
}

// refuse is the answer to a client that another member objects to.
func (c *conflicts) refuse(group, clientID, objector string) error {
	c.rejected.Add(1)
	if _, ok := c.told.Turn(c.b.clock.MonoMs(), refusalEvery); ok {
		c.b.log.Warn().Str("group", group).Str("client", clientID).Str("objector", objector).Int64("refused", c.rejected.Load()).
			Msg("heartbeat refused: the group subscribes differently (rejectConflictingSubscription)")
	}
	return remoting.Failf(code.NoPermission, "the subscriptions of client %s differ from those of consumer group %s, which %s was the first to make; "+
		"use the same topics and expressions in all members, or another group", clientID, group, objector)
}

// difference is a conflict in one line: topic: "expression" TYPE by clients, …
func difference(c *client.Conflict) string {
	var s strings.Builder
	for i := range c.Topics {
		if i == lineTopics {
			fmt.Fprintf(&s, "; %d more topics", len(c.Topics)-i)
			break
		}
		if i > 0 {
			s.WriteString("; ")
		}
		s.WriteString(c.Topics[i].Topic + ": ")
		for j := range c.Topics[i].Variants {
			v := &c.Topics[i].Variants[j]
			if j == lineWays {
				fmt.Fprintf(&s, ", %d more ways", len(c.Topics[i].Variants)-j)
				break
			}
			if j > 0 {
				s.WriteString(", ")
			}
			if v.Absent {
				s.WriteString("not at all")
			} else {
				fmt.Fprintf(&s, "%.200q %s", v.Expression, v.Type)
			}
			n := min(len(v.Clients), lineClients)
			s.WriteString(" by " + strings.Join(v.Clients[:n], " "))
			if more := len(v.Clients) - n + v.More; more > 0 {
				fmt.Fprintf(&s, " and %d more", more)
			}
		}
	}
	return s.String()
}

func (b *Broker) listConflicts(_ *remoting.Request, h *header.Conflicts) (*protocol.Command, error) {
	grace, now := b.cfg.Get().SubscriptionConflictGraceTime, b.clock.NowMs()
	out := body.ConflictList{Groups: []body.GroupConflict{}, Rejected: b.conflicts.rejected.Load()}
	for _, c := range b.Clients.Conflicts(h.Group) {
		g := body.GroupConflict{
			Group: c.Group, Since: c.SinceMs, Told: now-c.SinceMs >= grace, Clients: c.Clients, Sets: c.Sets, Topics: []body.SubscriptionSplit{},
		}
		for _, t := range c.Topics {
			split := body.SubscriptionSplit{Topic: t.Topic}
			for _, v := range t.Variants {
				split.Variants = append(split.Variants, body.SubscriptionVariant{
					Subscribed: !v.Absent, Expression: v.Expression, Type: v.Type, Clients: v.Clients, More: v.More,
				})
			}
			g.Topics = append(g.Topics, split)
		}
		out.Groups = append(out.Groups, g)
	}
	return withBody(out)
}
