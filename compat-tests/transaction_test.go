package compat_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
	"github.com/apache/rocketmq-client-go/v2/rlog"

	"github.com/skylarkmq/skylark/compat-tests/harness"
)

// checkSoon makes a broker ask after six seconds, not after half a minute: no sooner, because a decision that a busy machine
// holds up for longer is asked about by a correct broker. The original does not know what was settled before it has written
// that down, and would ask about it: op records must come sooner than checks.
var checkSoon = map[string]string{
	"transactionCheckInterval": "1000", "transactionTimeOut": "6000", "transactionOpBatchInterval": "200",
}

// TestTransactions runs every end a transaction can have with both Java clients, in both encodings of headers.
func TestTransactions(t *testing.T) {
	beside(t)
	cluster := harness.StartCluster(t, harness.TargetOfEnv(t), checkSoon)
	for _, module := range []string{harness.Client49, harness.Client55} {
		for _, serialize := range []string{"JSON", "ROCKETMQ"} {
			t.Run(module+"/"+serialize, func(t *testing.T) {
				transcript := harness.Runner{Module: module, Class: scenarios, Serialize: serialize, Args: []string{
					"-n", cluster.NameServer.Addr, "-only", "transaction", "-tag", "tx" + module[len(module)-1:] + serialize,
				}}.Run(t)
				harness.CompareGolden(t, "transaction-"+module[len("client-"):], transcript, true)
			})
		}
	}
}

// TestTransactionTakeover: open half messages that one server leaves behind are checked and settled by the other, and
// nothing that was settled is again.
func TestTransactionTakeover(t *testing.T) {
	target := harness.TargetOfEnv(t)
	for _, c := range []struct {
		name          string
		first, second harness.Target
		crash         bool
	}{
		{"ours stopped then Java", target, harness.Java, false},
		{"ours killed then Java", target, harness.Java, true},
		{"Java stopped then ours", harness.Java, target, false},
		{"Java killed then ours", harness.Java, target, true},
		{"ours killed then ours", target, target, true},
	} {
		if target == harness.Java && c.name != "Java stopped then ours" {
			continue // the original with itself needs it once
		}
		t.Run(c.name, func(t *testing.T) {
			ns := harness.StartNameServer(t, target)
			o := harness.BrokerOptions{Dir: t.TempDir(), Port: harness.FreeBrokerPort(t), Settings: map[string]string{
				"transactionCheckInterval": "3600000", "transactionOpBatchInterval": checkSoon["transactionOpBatchInterval"],
			}}
			cluster := &harness.Cluster{NameServer: ns, Broker: harness.StartBroker(t, c.first, o, ns)}
			runSome(t, harness.Client55, cluster, "transaction-takeover", "transaction-begin", "-tag", "takeover")
			if t.Failed() {
				return
			}
			if c.crash {
				cluster.Broker.Kill()
			} else {
				cluster.Broker.Stop(t)
			}
			o.Settings = checkSoon
			cluster.Broker = harness.StartBroker(t, c.second, o, ns)
			runSome(t, harness.Client55, cluster, "transaction-takeover", "transaction-end", "-tag", "takeover")
		})
	}
}

// goDecider is the listener of the Go client: bodies say what to do.
type goDecider struct {
	mu      sync.Mutex
	checked map[string]bool
}

func (d *goDecider) ExecuteLocalTransaction(m *primitive.Message) primitive.LocalTransactionState {
	switch m.GetProperty("local") {
	case "commit":
		return primitive.CommitMessageState
	case "rollback":
		return primitive.RollbackMessageState
	}
	return primitive.UnknowState
}

func (d *goDecider) CheckLocalTransaction(m *primitive.MessageExt) primitive.LocalTransactionState {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.checked[m.GetKeys()] = true
	if m.GetProperty("check") == "commit" {
		return primitive.CommitMessageState
	}
	return primitive.RollbackMessageState
}

// TestGoTransactions is the official Go client's TransactionProducer.
func TestGoTransactions(t *testing.T) {
	beside(t)
	rlog.SetLogLevel("fatal")
	cluster := harness.StartCluster(t, harness.TargetOfEnv(t), checkSoon)
	c := &goClient{addr: cluster.NameServer.Addr, broker: cluster.Broker.Addr, name: harness.BrokerName}
	const topic = "go-transaction"
	c.createTopic(t, topic, 1)
	d := &goDecider{checked: map[string]bool{}}
	p, err := rocketmq.NewTransactionProducer(d, producer.WithNameServer(primitive.NamesrvAddr{c.addr}), producer.WithGroupName("go-tx"),
		producer.WithInstanceName("go-tx"), producer.WithSendMsgTimeout(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Shutdown() }()
	want := map[string]bool{}
	for i := range 20 {
		local := []string{"commit", "rollback", "unknown", "unknown"}[i%4]
		check := []string{"rollback", "commit", "commit", "rollback"}[i%4]
		m := message(topic, i)
		m.WithProperty("local", local)
		m.WithProperty("check", check)
		ctx, cancel := context.WithTimeout(t.Context(), goLimit)
		r, err := p.SendMessageInTransaction(ctx, m)
		cancel()
		if err != nil || r.Status != primitive.SendOK {
			t.Fatalf("send %d: %v %v", i, r, err)
		}
		if i%4 == 0 || i%4 == 2 {
			want[fmt.Sprintf("go %03d", i)] = true
		}
	}
	harness.Until(t, "checks", goLimit, func() error {
		d.mu.Lock()
		defer d.mu.Unlock()
		if len(d.checked) < 10 {
			return fmt.Errorf("%d of 10", len(d.checked))
		}
		return nil
	})
	got := c.pullAll(t, topic, len(want))
	for _, m := range got {
		if !want[string(m.Body)] {
			t.Errorf("visible: %s", m.Body)
		}
		delete(want, string(m.Body))
	}
	if len(want) > 0 {
		t.Errorf("not visible: %v", want)
	}
}
