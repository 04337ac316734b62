package broker

import (
	"strings"
	"testing"

	"github.com/skylarkmq/skylark/internal/javajson"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
)

func TestOperatorsSeeAndSettleHalfMessages(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	if info := string(f.call(code.GetBrokerRuntimeInfo, nil).Body); strings.Contains(info, "transactionOpen") {
		t.Fatal("a broker without transactions shows figures of them")
	}
	f.producer("one")
	for _, u := range []string{"A", "B", "C"} {
		f.sendHalf("TX", u)
	}
	list := func(pairs ...string) (p body.TxPage) {
		t.Helper()
		reply := f.call(code.SkylarkTxList, nil, pairs...)
		want(t, reply, code.Success, "")
		if err := javajson.Unmarshal(reply.Body, &p); err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := list("max", "2")
	if len(p.Halves) != 2 || p.Next != 2 || p.Open != 3 || p.Topic["TX"] != 3 {
		t.Fatalf("%+v", p)
	}
	h := p.Halves[1]
	if h.Offset != 1 || h.Group != "PGx" || h.Topic != "TX" || h.Keys != "k-B" || h.UniqKey != "B" || h.Producers != 1 || h.Checks != 0 {
		t.Fatalf("%+v", h)
	}
	if p = list("from", "2"); len(p.Halves) != 1 || p.Next != -1 {
		t.Fatalf("%+v", p)
	}
	for _, none := range [][]string{{"group", "other"}, {"topic", "other"}, {"minChecks", "1"}, {"minAgeMs", "60000"}, {"discarded", "true"}} {
		if p = list(none...); len(p.Halves) != 0 {
			t.Fatalf("%v: %+v", none, p.Halves)
		}
	}
	show := f.call(code.SkylarkTxShow, nil, "offset", "1")
	if err := javajson.Unmarshal(show.Body, &h); err != nil || string(h.Body) != "body of B" || !strings.Contains(h.Properties, "REAL_TOPIC\x01TX") {
		t.Fatalf("%v %+v", err, h)
	}
	want(t, f.call(code.SkylarkTxSettle, nil, "offset", "1", "commit", "true"), code.Success, "")
	want(t, f.call(code.SkylarkTxSettle, nil, "offset", "0", "commit", "false"), code.Success, "")
	want(t, f.call(code.SkylarkTxSettle, nil, "offset", "1", "commit", "true"), code.QueryNotFound, "no open half message at offset 1")
	want(t, f.call(code.SkylarkTxShow, nil, "offset", "77"), code.QueryNotFound, "no open half message at offset 77")
	if got := f.visible("TX"); len(got) != 1 || string(got[0].Body) != "body of B" {
		t.Fatalf("%d visible", len(got))
	}
	info := string(f.call(code.GetBrokerRuntimeInfo, nil).Body)
	for _, figure := range []string{`"transactionOpen":"1"`, `"transactionCommits":"1"`, `"transactionRollbacks":"1"`, `"transactionHalves":"3"`} {
		if !strings.Contains(info, figure) {
			t.Errorf("runtime info lacks %s", figure)
		}
	}
}

func TestOperatorsSeeDiscardedHalfMessages(t *testing.T) {
	t.Parallel()
	f := start(t, func(c *Config, s *store.Config) {
		fast(c, s)
		c.TransactionCheckMax = 1
	})
	arrived := make(chan struct{}, 1)
	f.Store.OnArrival(func(a store.Arrival) {
		if a.Topic == message.TopicMaxCheckTimes {
			arrived <- struct{}{}
		}
	})
	f.sendHalf("TX", "U1")
	<-arrived
	var p body.TxPage
	if err := javajson.Unmarshal(f.call(code.SkylarkTxList, nil, "discarded", "true").Body, &p); err != nil {
		t.Fatal(err)
	}
	if len(p.Halves) != 1 || p.Halves[0].UniqKey != "U1" || p.Halves[0].Checks != 1 {
		t.Fatalf("%+v", p)
	}
	want(t, f.call(code.ResumeCheckHalfMessage, nil, "msgId", p.Halves[0].OffsetMsgID), code.Success, "")
}
