package broker

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
)

func (f *fixture) scrape() string {
	f.t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+f.exporter.Addr().String()+"/metrics", nil)
	if err != nil {
		f.t.Fatal(err)
	}
	answer, err := client.Do(request)
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		f.t.Fatalf("%s %v: %s", answer.Status, err, text)
	}
	return string(text)
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *Config, _ *store.Config) {
		c.MetricsExporterType, c.MetricsPromExporterPort, c.MetricsLabel, c.MaxOpenTransactions = "PROM", 0, "zone:a,broken", 3
	})
	first, second, _ := f.sendHalf("T", "U1"), f.sendHalf("T", "U2"), f.sendHalf("T", "U3")
	refused := f.call(code.SendMessageV2, []byte("x"), replace(sendFields("T"), "i", "TRAN_MSG\x01true\x02PGROUP\x01PGx\x02")...)
	want(t, refused, code.SystemBusy, remarkTooManyOpen)
	want(t, f.call(code.EndTransaction, nil, first.endFields(8)...), code.Success, "")
	want(t, f.call(code.EndTransaction, nil, replace(second.endFields(12), "fromTransactionCheck", "true")...), code.Success, remarkNotSet)
	if got := f.visible("T"); len(got) != 1 {
		t.Fatalf("%d visible", len(got))
	}
	const all = `cluster="DefaultCluster",`
	const node = `node_id="test-a",node_type="broker",otel_scope_name="broker-meter",`
	text := f.scrape()
	for _, line := range []string{
		`rocketmq_half_messages{` + all + node + `topic="T",zone="a"} 1`,
		`rocketmq_commit_messages_total{` + all + node + `topic="T",zone="a"} 1`,
		`rocketmq_rollback_messages_total{` + all + node + `topic="T",zone="a"} 1`,
		`rocketmq_finish_message_latency_milliseconds_bucket{` + all + node + `topic="T",zone="a",le="5"} 1`,
		`rocketmq_finish_message_latency_milliseconds_count{` + all + node + `topic="T",zone="a"} 1`,
		`rocketmq_messages_out_total{` + all + `consumer_group="GT",is_system="false",` + node + `topic="T",zone="a"} 1`,
		`rocketmq_broker_permission{` + all + node + `zone="a"} 6`,
		`skylark_transaction_checks_total{` + all + node + `result="answered",zone="a"} 1`,
		`skylark_transaction_checks_total{` + all + node + `result="sent",zone="a"} 0`,
		`skylark_transaction_refused_total{` + all + node + `zone="a"} 1`,
		`skylark_transaction_discarded_total{` + all + node + `zone="a"} 0`,
		`skylark_transaction_oldest_age_seconds{` + all + node + `zone="a"} 0`,
		`skylark_loop_stand_ins_total{` + all + node + `zone="a"} 0`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no %s", line)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

// TestMetricsAreAskedFor: there is no port by default, nor for the exporters that are not in this version.
func TestMetricsAreAskedFor(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"DISABLE", "", "OTLP_GRPC", "LOG"} {
		if f := start(t, func(c *Config, _ *store.Config) { c.MetricsExporterType = kind }); f.exporter != nil {
			t.Errorf("metricsExporterType=%s: metrics at %s", kind, f.exporter.Addr())
		}
	}
}
