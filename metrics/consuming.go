package metrics

import (
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// Conflicts are consumer groups whose members subscribe differently.
type Conflicts struct{ Groups, Rejected int64 }

// Dead are the dead letters of a consumer group.
type Dead struct {
	Group     string
	Depth     int64
	OldestAge time.Duration // 0 when there are none
}

func (e *Exporter) conflicts(m *maker, read func() Conflicts) {
	groups := m.gauge(SubscriptionConflicts, "Consumer groups whose members subscribe differently")
	rejected := m.counter(SubscriptionConflictsRejected, "Heartbeats refused because the group subscribes differently")
	m.watch(func(o metric.Observer) {
		c, with := read(), e.with()
		o.ObserveInt64(groups, c.Groups, with)
		o.ObserveInt64(rejected, c.Rejected, with)
	})
}

func (e *Exporter) deadLetters(m *maker, each func(func(Dead))) {
	depth := m.gauge(DeadLetters, "Dead letters neither sent again nor purged")
	age := m.gauge(DeadLettersOldestAge, "Age of the oldest dead letter")
	m.watch(func(o metric.Observer) {
		each(func(d Dead) {
			with := e.with(attribute.String(LabelConsumerGroup, d.Group))
			o.ObserveInt64(depth, d.Depth, with)
			o.ObserveInt64(age, int64(d.OldestAge/time.Second), with)
		})
	})
}
