package main

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/broker"
	"github.com/skylarkmq/skylark/internal/javajson"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// half stores half messages; key and transaction id are named after the body.
func (w *adminWorld) half(group, topic string, bodies ...string) {
	w.t.Helper()
	for _, text := range bodies {
		props := fmt.Sprintf("TRAN_MSG\x01true\x02PGROUP\x01%s\x02UNIQ_KEY\x01U-%s\x02KEYS\x01k-%s\x02", group, text, text)
		reply := w.call(code.SendMessage, []byte(text), "producerGroup", group, "topic", topic, "defaultTopic", "TBW102", "defaultTopicQueueNums", "1",
			"queueId", "0", "sysFlag", "4", "bornTimestamp", fmt.Sprint(time.Now().UnixMilli()), "flag", "0", "properties", props, "reconsumeTimes", "0")
		if reply.Response() != code.Success {
			w.t.Fatalf("%s: %s", reply.Response(), reply.Remark)
		}
	}
}

func (w *adminWorld) discarded() (page body.TxPage) {
	w.t.Helper()
	if err := javajson.Unmarshal(w.call(code.SkylarkTxList, nil, "discarded", "true").Body, &page); err != nil {
		w.t.Fatal(err)
	}
	return page
}

// TestAdminTx: script puts -b behind all other words, where flags were once not looked for
// and the decision went to the broker that is asked without -b.
func TestAdminTx(t *testing.T) {
	t.Parallel()
	w := newAdminWorld(t, func(c *broker.Config) { c.TransactionCheckInterval = 3_600_000 })
	w.half("P", "T", "a", "b", "c")
	w.half("Q", "U", "d", "e")
	w.script("tx", nil)
	if got := w.pull("G", "T", "0"); got.Response() != code.Success || !bytes.Contains(got.Body, []byte("U-b")) {
		t.Errorf("what was committed: %s %q", got.Response(), got.Body)
	}
	w.stop()
	w.begin(func(c *broker.Config) {
		c.TransactionCheckInterval, c.TransactionTimeOut, c.TransactionCheckMax, c.TransactionOpBatchInterval = 50, 20, 1, 20
	})
	for page := w.discarded(); len(page.Halves) == 0 || page.Open > 0; page = w.discarded() { // checked once, unanswered, given up
		runtime.Gosched()
	}
	w.script("tx-discarded", nil)
	id := w.discarded().Halves[0].OffsetMsgID
	if got, want := w.admin("tx", "resume", id, "-b", w.addr), "resumed "+id+"\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestAdminTxDecidesNothingByHalf: with one argument that is no offset nothing goes to any
// broker, least of all to one that was not meant.
func TestAdminTxDecidesNothingByHalf(t *testing.T) {
	t.Parallel()
	here, there := newAdminWorld(t, nil), newAdminWorld(t, nil)
	open := func(w *adminWorld) bool {
		return strings.Contains(w.admin("tx", "list", "-b", w.addr), "1 open on the broker")
	}
	here.half("P", "T", "a")
	there.half("P", "T", "b")
	for _, words := range [][]string{
		{"rollback", "-b", here.addr, "0", "b:10911"}, {"rollback", "0", "-b", here.addr, "x"}, {"commit", "-b", here.addr, "0", "-none"},
	} {
		if got := here.admin(append([]string{"tx"}, words...)...); !strings.HasSuffix(got, "(failed)\n") || !open(here) {
			t.Errorf("%v: %s", words, got)
		}
	}
	if got := here.admin("tx", "rollback", "-b", here.addr, "0", "-b", there.addr); got != "rolled back 0\n" || !open(here) || open(there) {
		t.Errorf("the last -b counts: %s", got)
	}
}
