package broker

import (
	"strconv"
	"strings"
	"time"

	"github.com/skylarkmq/skylark/broker/stats"
	"github.com/skylarkmq/skylark/metrics"
)

// newExporter listens for a Prometheus when that is asked for.
func (b *Broker) newExporter() (*metrics.Exporter, error) {
	cfg := b.cfg.Get()
	switch cfg.MetricsExporterType {
	case "PROM":
	case "", metricsOff:
		return nil, nil
	default: // a broker without metrics is better than none
		b.log.Warn().Str("metricsExporterType", cfg.MetricsExporterType).Msg("not in this version: no metrics; PROM is")
		return nil, nil
	}
	host := strings.TrimSpace(cfg.MetricsPromExporterHost)
	if host == "" {
		host = cfg.BrokerIP1
	}
	src := metrics.Sources{
		Broker: b.whatThereIs, Conflicts: b.conflicts.figures, DeadLetters: b.letters.figures,
		Faults: b.Store.Faults, Refusals: b.Store.Refusals, Started: b.clock.Now(),
	}
	if cfg.EnableStatsMetrics {
		src.Deliveries = b.deliveries
	}
	if cfg.EnableTransactionMetrics {
		src.Topics, src.Transactions = b.outcomes, b.txFigures
	}
	e, err := metrics.New(metrics.Options{
		Addr: hostPort(host, strconv.Itoa(cfg.MetricsPromExporterPort)), Cluster: cfg.BrokerClusterName, NodeType: "broker", ID: cfg.BrokerName,
		Labels: cfg.MetricsLabel, Cardinality: cfg.MetricsOtelCardinalityLimit, Sources: src,
	})
	if err == nil {
		b.log.Info().Stringer("address", e.Addr()).Msg("metrics at /metrics")
	}
	return e, err
}

// metricsOff is metricsExporterType when nothing says otherwise.
const metricsOff = "DISABLE"

func (b *Broker) whatThereIs() metrics.Broker {
	return metrics.Broker{
		Permission: int64(b.cfg.Get().BrokerPermission), Topics: int64(b.Topics.Len()), Groups: int64(b.Groups.Len()),
		StandIns: b.server.Stats().Reliefs,
	}
}

func (b *Broker) deliveries(yield func(metrics.Delivery)) {
	b.Stats.Deliveries(func(d stats.Delivery) { yield(metrics.Delivery(d)) })
}

func (b *Broker) outcomes(yield func(metrics.Topic)) {
	for _, o := range b.Transactions.Outcomes() {
		yield(metrics.Topic{
			Name: o.Topic, Open: o.Open, Commits: o.Commits, Rollbacks: o.Rollbacks,
			Latency: metrics.Latency{Buckets: o.Latency, Sum: o.LatencySum},
		})
	}
}

func (b *Broker) txFigures() metrics.Transactions {
	c := &b.Transactions.Counters
	t := metrics.Transactions{
		ChecksSent: c.ChecksSent.Load(), ChecksUnheard: c.ChecksUnheard.Load(), ChecksDone: c.ChecksAnswered.Load(),
		Discarded: c.Discarded.Load(), Refused: c.Refused.Load(),
	}
	if born := b.Transactions.OldestBorn(); born > 0 {
		t.OldestAge = max(0, b.clock.Now().Sub(time.UnixMilli(born)))
	}
	return t
}
