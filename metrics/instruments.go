package metrics

import (
	"context"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// Sources are read at each scrape; those that are nil are not shown.
type Sources struct {
	Broker       func() Broker
	Deliveries   func(yield func(Delivery))
	Topics       func(yield func(Topic)) // transactions by topic
	Transactions func() Transactions
	Conflicts    func() Conflicts
	DeadLetters  func(yield func(Dead))
	Faults       func(yield func(kind string, count int64))
	Refusals     func(yield func(reason string, holds bool))
	Started      time.Time
}

// Broker is what there is.
type Broker struct{ Permission, Topics, Groups, StandIns int64 }

// Delivery is what a group was given of a topic.
type Delivery struct {
	Topic, Group    string
	System          bool
	Messages, Bytes int64
}

// Topic is what transactions did to a topic since the start.
type Topic struct {
	Name                     string
	Open, Commits, Rollbacks int64
	Latency                  Latency
}

// Latency is how long commits took from the birth of their message, in whole seconds.
type Latency struct {
	Buckets [len(LatencyBounds) + 1]uint64
	Sum     int64
}

// LatencyBounds are Java's, in seconds.
var LatencyBounds = [...]float64{5, 60, 600, 3600, 43200, 86400}

// Transactions are the figures of all topics together.
type Transactions struct {
	OldestAge                             time.Duration
	ChecksSent, ChecksUnheard, ChecksDone int64
	Discarded, Refused                    int64
}

// maker collects the first error, so that instruments can be listed one a line.
type maker struct {
	meter metric.Meter
	all   []metric.Observable
	err   error
}

func (m *maker) gauge(name, about string) metric.Int64ObservableGauge {
	g, err := m.meter.Int64ObservableGauge(name, metric.WithDescription(about))
	m.add(g, err)
	return g
}

func (m *maker) counter(name, about string) metric.Int64ObservableCounter {
	c, err := m.meter.Int64ObservableCounter(name, metric.WithDescription(about))
	m.add(c, err)
	return c
}

func (m *maker) add(o metric.Observable, err error) {
	if m.all = append(m.all, o); m.err == nil {
		m.err = err
	}
}

// watch registers the reading of the instruments made since the last one.
func (m *maker) watch(read func(o metric.Observer)) {
	if m.err == nil {
		_, m.err = m.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
			read(o)
			return nil
		}, m.all...)
	}
	m.all = nil
}

func (e *Exporter) register(meter metric.Meter, src Sources) error {
	m := &maker{meter: meter}
	if src.Broker != nil {
		e.broker(m, src.Broker)
	}
	if src.Faults != nil && src.Refusals != nil {
		e.store(m, src)
	}
	if src.Deliveries != nil {
		e.deliveries(m, src.Deliveries)
	}
	if src.Topics != nil {
		e.topics(m, src.Topics)
	}
	if src.Transactions != nil {
		e.transactions(m, src.Transactions)
	}
	if src.Conflicts != nil {
		e.conflicts(m, src.Conflicts)
	}
	if src.DeadLetters != nil {
		e.deadLetters(m, src.DeadLetters)
	}
	return m.err
}

func (e *Exporter) broker(m *maker, read func() Broker) {
	permission := m.gauge(BrokerPermission, "Broker permission")
	topics := m.gauge(TopicNumber, "Active topic number")
	groups := m.gauge(ConsumerGroupNumber, "Active subscription group number")
	standIns := m.counter(LoopStandIns, "Times an event loop waited for the disk in its own write, while a stand-in served its connections")
	m.watch(func(o metric.Observer) {
		b, with := read(), e.with()
		o.ObserveInt64(standIns, b.StandIns, with)
		o.ObserveInt64(permission, b.Permission, with)
		o.ObserveInt64(topics, b.Topics, with)
		o.ObserveInt64(groups, b.Groups, with)
	})
}

func (e *Exporter) store(m *maker, src Sources) {
	faults := m.counter(DiskFaults, "Errors of the disk")
	refusing := m.gauge(StoreRefusing, "Reasons that hold now to refuse messages, or to restart: those of the index and of flushes of the queues refuse none")
	m.watch(func(o metric.Observer) {
		src.Faults(func(kind string, count int64) {
			o.ObserveInt64(faults, count, e.with(attribute.String(LabelFault, kind)))
		})
		src.Refusals(func(reason string, holds bool) {
			value := int64(0)
			if holds {
				value = 1
			}
			o.ObserveInt64(refusing, value, e.with(attribute.String(LabelReason, reason)))
		})
	})
}

func (e *Exporter) deliveries(m *maker, each func(func(Delivery))) {
	messages := m.counter(MessagesOut, "Total number of outgoing messages")
	bytes := m.counter(ThroughputOut, "Total traffic of outgoing messages")
	m.watch(func(o metric.Observer) {
		each(func(d Delivery) {
			with := e.with(attribute.String(LabelTopic, d.Topic), attribute.String(LabelConsumerGroup, d.Group),
				attribute.Bool(LabelSystem, d.System))
			o.ObserveInt64(messages, d.Messages, with)
			o.ObserveInt64(bytes, d.Bytes, with)
		})
	})
}

func (e *Exporter) topics(m *maker, each func(func(Topic))) {
	half := m.gauge(HalfMessages, "Half messages of all topics")
	commits := m.counter(CommitMessages, "Total number of commit messages")
	rollbacks := m.counter(RollbackMessages, "Total number of rollback messages")
	m.watch(func(o metric.Observer) {
		each(func(t Topic) {
			with := e.with(attribute.String(LabelTopic, t.Name))
			o.ObserveInt64(half, t.Open, with)
			if t.Commits > 0 {
				o.ObserveInt64(commits, t.Commits, with)
			}
			if t.Rollbacks > 0 {
				o.ObserveInt64(rollbacks, t.Rollbacks, with)
			}
		})
	})
}

func (e *Exporter) transactions(m *maker, read func() Transactions) {
	age := m.gauge(TransactionOldestAge, "Age of the oldest open half message")
	checks := m.counter(TransactionChecks, "Questions to producers about half messages")
	discarded := m.counter(TransactionDiscarded, "Half messages given up")
	refused := m.counter(TransactionRefused, "Half messages over maxOpenTransactions")
	m.watch(func(o metric.Observer) {
		t, with := read(), e.with()
		o.ObserveInt64(age, int64(t.OldestAge/time.Second), with)
		o.ObserveInt64(checks, t.ChecksSent, e.with(attribute.String(LabelResult, "sent")))
		o.ObserveInt64(checks, t.ChecksUnheard, e.with(attribute.String(LabelResult, "unheard")))
		o.ObserveInt64(checks, t.ChecksDone, e.with(attribute.String(LabelResult, "answered")))
		o.ObserveInt64(discarded, t.Discarded, with)
		o.ObserveInt64(refused, t.Refused, with)
	})
}

// histograms tells the exporter of histograms that are kept elsewhere: there are no
// observable instruments of that kind.
type histograms struct {
	e     *Exporter
	src   Sources
	limit int // label sets, as the SDK counts them: the last one is all others together
}

// overflow is the label set that the SDK gives to what is beyond the limit.
var overflow = attribute.NewSet(attribute.Bool("otel.metric.overflow", true))

// Produce is the exporter's question.
func (h histograms) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	if h.src.Topics == nil {
		return nil, nil
	}
	var points []metricdata.HistogramDataPoint[float64]
	var others *metricdata.HistogramDataPoint[float64]
	now := time.Now() //nolint:forbidigo // the exporter's own samples have the machine's time, too
	h.src.Topics(func(t Topic) {
		p := metricdata.HistogramDataPoint[float64]{
			Attributes: h.e.set(attribute.String(LabelTopic, t.Name)), StartTime: h.src.Started, Time: now,
			Bounds: LatencyBounds[:], BucketCounts: t.Latency.Buckets[:], Sum: float64(t.Latency.Sum),
		}
		for _, n := range t.Latency.Buckets {
			p.Count += n
		}
		switch {
		case p.Count == 0:
		case h.limit <= 0 || len(points) < h.limit-1:
			points = append(points, p)
		case others == nil:
			p.Attributes, p.BucketCounts = overflow, slices.Clone(p.BucketCounts)
			others = &p
		default:
			others.Count += p.Count
			others.Sum += p.Sum
			for i, n := range p.BucketCounts {
				others.BucketCounts[i] += n
			}
		}
	})
	if others != nil {
		points = append(points, *others)
	}
	if len(points) == 0 {
		return nil, nil
	}
	return []metricdata.ScopeMetrics{{
		Scope: instrumentation.Scope{Name: Scope},
		Metrics: []metricdata.Metrics{{
			Name: FinishLatency, Description: "Transaction finish latency",
			Data: metricdata.Histogram[float64]{DataPoints: points, Temporality: metricdata.CumulativeTemporality},
		}},
	}}, nil
}
