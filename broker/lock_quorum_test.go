package broker

import (
	"testing"

	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
)

// locked asks for queue locks and counts those that are held.
func (f *fixture) locked(c code.Request, client string, only bool, queues ...int32) int {
	f.t.Helper()
	req := body.LockBatchRequestBody{ClientId: client, ConsumerGroup: "G", OnlyThisBroker: only}
	for _, q := range queues {
		req.MqSet = append(req.MqSet, body.MessageQueue{BrokerName: "test-a", QueueId: q, Topic: "T"})
	}
	data, err := body.Encode(req)
	if err != nil {
		f.t.Fatal(err)
	}
	reply := f.call(c, data)
	want(f.t, reply, code.Success, "")
	if c != code.LockBatchMQ {
		return 0
	}
	answer, err := body.Decode[body.LockBatchResponseBody](reply.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return len(answer.LockOKMQSet)
}

// TestLockInStrictMode: with three replicas two have to agree. The replicas are
// brokers of their own that a name server is told to be of the same name.
func TestLockInStrictMode(t *testing.T) {
	t.Parallel()
	ns := startNameServer(t, t.TempDir(), "")
	f := start(t, func(c *Config, s *store.Config) {
		c.NamesrvAddr, c.LockInStrictMode, s.TotalReplicas = ns.addr, true, 3
	})
	f.sendTo("T", "x")
	ns.route(f.client, "T", known)
	if n := f.locked(code.LockBatchMQ, "c1", false, 0, 1); n != 0 {
		t.Fatalf("%d queues locked by one broker of three", n)
	}
	if n := f.locked(code.LockBatchMQ, "c1", true, 0, 1); n != 2 {
		t.Fatalf("%d queues locked on this broker only, want 2", n)
	}
	peer := start(t, nil)
	reply, err := callAt(t, f.client, ns.addr, code.RegisterBroker, []byte(`{"topicConfigSerializeWrapper":{"topicConfigTable":{}},"filterServerList":[]}`),
		"brokerName", "test-a", "brokerAddr", peer.addr, "clusterName", "DefaultCluster", "haServerAddr", peer.addr, "brokerId", "1",
		"compressed", "false", "bodyCrc32", "0")
	if err != nil || reply.Response() != code.Success {
		t.Fatalf("replica not registered: %v, %+v", err, reply)
	}
	peer.locked(code.LockBatchMQ, "other", true, 1) // somebody else holds queue 1 there
	if n := f.locked(code.LockBatchMQ, "c1", false, 0, 1); n != 1 {
		t.Fatalf("%d queues locked by two brokers of three, want 1", n)
	}
	if n := peer.locked(code.LockBatchMQ, "c2", true, 0); n != 0 {
		t.Fatal("the replica was not asked for the lock")
	}
	f.locked(code.UnlockBatchMQ, "c1", false, 0, 1)
	if n := peer.locked(code.LockBatchMQ, "c2", true, 0); n != 1 {
		t.Fatal("the replica was not told of the unlock")
	}
	peer.stop()
	if n := f.locked(code.LockBatchMQ, "c3", false, 0); n != 0 {
		t.Fatal("locked without the replica's vote")
	}
}

func TestLockLiveTime(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *Config, _ *store.Config) { c.RebalanceLockMaxLiveTime = -1 }) // over as soon as it is taken
	for _, client := range []string{"c1", "c2"} {
		if n := f.locked(code.LockBatchMQ, client, false, 0); n != 1 {
			t.Errorf("%s holds %d queues", client, n)
		}
	}
	f.cfg.Change(func(c *Config) { c.RebalanceLockMaxLiveTime = 60_000 })
	if n := f.locked(code.LockBatchMQ, "c1", false, 0); n != 0 {
		t.Error("taken over before its time")
	}
}
