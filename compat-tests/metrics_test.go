package compat_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
	"github.com/apache/rocketmq-client-go/v2/rlog"

	"github.com/skylarkmq/skylark/compat-tests/harness"
)

// TestTransactionMetrics: a Prometheus finds with ours what it finds with the original: names, kinds, labels.
func TestTransactionMetrics(t *testing.T) {
	beside(t)
	rlog.SetLogLevel("fatal")
	target := harness.TargetOfEnv(t)
	got := scrapeTransactions(t, target)
	for _, want := range []string{
		"rocketmq_half_messages" + common, "rocketmq_commit_messages_total" + common, "rocketmq_rollback_messages_total" + common,
		"rocketmq_finish_message_latency_milliseconds_bucket cluster=DefaultCluster le=86400" + common[len(" cluster=DefaultCluster"):],
		"rocketmq_finish_message_latency_milliseconds_count" + common, "rocketmq_finish_message_latency_milliseconds_sum" + common,
	} {
		if !slices.Contains(got, want) {
			t.Errorf("no %s", want)
		}
	}
	if t.Failed() {
		t.Log(strings.Join(got, "\n"))
	}
}

// common are the labels that every sample of the original has.
const common = " cluster=DefaultCluster node_id=broker-a node_type=broker otel_scope_name=broker-meter topic=metrics zone=a"

var sample = regexp.MustCompile(`^([a-z_]+)\{(.*)\}`)

// scrapeTransactions runs transactions and returns what is told of them, but for the values.
func scrapeTransactions(t *testing.T, target harness.Target) []string {
	t.Helper()
	host, port := "127.0.0.1", strconv.Itoa(harness.FreePort(t))
	settings := map[string]string{"metricsExporterType": "PROM", "metricsPromExporterHost": host, "metricsPromExporterPort": port, "metricsLabel": "zone:a"}
	for name, value := range checkSoon {
		settings[name] = value
	}
	cluster := harness.StartCluster(t, target, settings)
	c := &goClient{addr: cluster.NameServer.Addr, broker: cluster.Broker.Addr, name: harness.BrokerName}
	const topic = "metrics"
	c.createTopic(t, topic, 1)
	p, err := rocketmq.NewTransactionProducer(&goDecider{checked: map[string]bool{}}, producer.WithNameServer(primitive.NamesrvAddr{c.addr}),
		producer.WithGroupName("metrics-tx"), producer.WithInstanceName("metrics-tx-"+string(target)), producer.WithSendMsgTimeout(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Shutdown() }()
	for i, local := range []string{"commit", "commit", "rollback"} {
		m := message(topic, i)
		m.WithProperty("local", local)
		m.WithProperty("check", local)
		if r, err := p.SendMessageInTransaction(t.Context(), m); err != nil || r.Status != primitive.SendOK {
			t.Fatalf("%s: %v %v", local, r, err)
		}
	}
	c.pullAll(t, topic, 2)
	var found []string
	harness.Until(t, "rollback counted", goLimit, func() error { // decisions are one-way
		found = transactionSamples(scrape(t, "http://"+net.JoinHostPort(host, port)+"/metrics"))
		if !slices.ContainsFunc(found, func(l string) bool { return strings.HasPrefix(l, "rocketmq_rollback_messages_total") }) {
			return fmt.Errorf("%d samples without it", len(found))
		}
		return nil
	})
	return found
}

func scrape(t *testing.T, url string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var label = regexp.MustCompile(`([a-z_]+)="([^"]*)"`)

// transactionSamples are names and labels of what is told of transactions.
func transactionSamples(text string) []string {
	var found []string
	for line := range strings.Lines(text) {
		m := sample.FindStringSubmatch(line)
		if m == nil || !strings.Contains(m[1], "half_messages") && !strings.Contains(m[1], "commit_messages") && !strings.Contains(m[1], "rollback_messages") &&
			!strings.Contains(m[1], "finish_message") {
			continue
		}
		labels := label.FindAllStringSubmatch(m[2], -1)
		line := m[1]
		slices.SortFunc(labels, func(a, b []string) int { return strings.Compare(a[1], b[1]) })
		for _, l := range labels {
			if l[1] == "le" {
				l[2] = strings.TrimSuffix(l[2], ".0")
			}
			line += " " + l[1] + "=" + l[2]
		}
		if !slices.Contains(found, line) {
			found = append(found, line)
		}
	}
	return found
}
