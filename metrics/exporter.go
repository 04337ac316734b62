// Package metrics serves the broker's figures to a Prometheus. Nothing is counted
// here: at each scrape the counters are read that the broker keeps anyway.
package metrics

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/otel/attribute"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
)

// Options of an Exporter.
type Options struct {
	Addr                  string // host:port
	Cluster, NodeType, ID string
	Labels                string // more of them, k:v,k:v
	Cardinality           int    // label sets of one instrument; beyond, they are one
	Sources               Sources
}

// Exporter is an HTTP server that answers /metrics.
type Exporter struct {
	listener net.Listener
	server   *http.Server
	provider *sdk.MeterProvider
	labels   []attribute.KeyValue
}

// New listens; Run serves.
func New(opt Options) (*Exporter, error) {
	e := &Exporter{labels: labels(&opt)}
	registry := prometheus.NewRegistry()
	reader, err := otelprom.New(otelprom.WithRegisterer(registry), otelprom.WithoutScopeInfo(), // which adds more than the name
		otelprom.WithoutTargetInfo(),
		otelprom.WithTranslationStrategy(otlptranslator.UnderscoreEscapingWithoutSuffixes),
		otelprom.WithProducer(histograms{e, opt.Sources, opt.Cardinality}))
	if err != nil {
		return nil, fmt.Errorf("metrics: exporter: %w", err)
	}
	e.provider = sdk.NewMeterProvider(sdk.WithReader(reader), sdk.WithResource(resource.Empty()), sdk.WithCardinalityLimit(opt.Cardinality))
	if err := e.register(e.provider.Meter(Scope), opt.Sources); err != nil {
		return nil, fmt.Errorf("metrics: instruments: %w", err)
	}
	if e.listener, err = net.Listen("tcp", opt.Addr); err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", few(maxScrapes, promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 30 * time.Second})))
	e.server = &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: writeTime, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
	}
	return e, nil
}

// Addr is where it listens.
func (e *Exporter) Addr() net.Addr { return e.listener.Addr() }

// Run serves until ctx ends.
func (e *Exporter) Run(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = e.server.Serve(newFewListener(e.listener, maxConnections)) // ends when it is closed
	}()
	<-ctx.Done()
	e.Close()
	<-done
}

// Close gives the port back.
func (e *Exporter) Close() {
	_ = e.listener.Close() // Serve may never have been called
	_ = e.server.Close()
}

// labels are those of every sample.
func labels(opt *Options) []attribute.KeyValue {
	list := []attribute.KeyValue{
		attribute.String(LabelScope, Scope),
		attribute.String(LabelCluster, opt.Cluster), attribute.String(LabelNodeType, opt.NodeType), attribute.String(LabelNodeID, opt.ID),
	}
	for pair := range strings.SplitSeq(opt.Labels, ",") {
		if name, value, ok := strings.Cut(pair, ":"); ok && name != "" && !strings.Contains(value, ":") {
			list = append(list, attribute.String(name, value))
		}
	}
	return list
}

// with is the option that gives a sample its labels.
func (e *Exporter) with(more ...attribute.KeyValue) metric.ObserveOption {
	return metric.WithAttributeSet(e.set(more...))
}

func (e *Exporter) set(more ...attribute.KeyValue) attribute.Set {
	return attribute.NewSet(append(e.labels[:len(e.labels):len(e.labels)], more...)...)
}
