package broker

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
)

// Transactions together with everything else that a message can be.

// TestDelayedTransaction: a delay level waits for the commit, and counts from then on.
func TestDelayedTransaction(t *testing.T) {
	t.Parallel()
	for _, mode := range []store.FlushDiskType{store.AsyncFlush, store.SyncFlush} {
		t.Run(fmt.Sprint(mode), func(t *testing.T) {
			t.Parallel()
			f := start(t, func(c *Config, s *store.Config) {
				shortLevels(c, s)
				s.FlushDiskType = mode
			})
			h := f.sendHalf("T", "U1", "DELAY\x013\x02")
			half := f.visible(message.TopicHalf)
			if len(half) != 1 || property(&half[0], "DELAY") != "3" || property(&half[0], "REAL_TOPIC") != "T" {
				t.Fatalf("half message: %v", half)
			}
			if n := f.Store.MaxOffset(message.TopicSchedule, 2); n > 0 {
				t.Fatal("the half message itself was delayed")
			}
			want(t, f.call(code.EndTransaction, nil, h.endFields(8)...), code.Success, "")
			if f.Transactions.Open() != 0 || f.visible("T") != nil {
				t.Fatal("it does not wait, or is still open")
			}
			want(t, f.call(code.EndTransaction, nil, h.endFields(8)...), code.Success, "")
			got := f.await("T", 1)
			if late := got[0].StoreTimestamp - half[0].StoreTimestamp; late < 2000 {
				t.Errorf("delivered %d ms after its half message, before the 2000 of its level", late)
			}
			if len(got) != 1 || property(&got[0], "KEYS") != "k-U1" || string(got[0].Body) != "body of U1" || property(&got[0], "REAL_TOPIC") != "T" {
				t.Errorf("delivered %d: %q", len(got), got[0].Properties)
			}
			if n := f.Store.MaxOffset(message.TopicSchedule, 2); n != 1 {
				t.Errorf("%d have waited, want 1 of the two commits", n)
			}
		})
	}
}

// TestRetryOfCommitted: what a consumer gives back with a level keeps TRAN_MSG, and is no half message.
func TestRetryOfCommitted(t *testing.T) {
	t.Parallel()
	f := start(t, shortLevels)
	f.sendTo("T", "again", "i", "TRAN_MSG\x01true\x02PGROUP\x01PGx\x02DELAY\x012\x02")
	if n := f.Transactions.Open(); n != 1 {
		t.Fatalf("a first send with a level: %d half messages, want 1", n)
	}
	fields := replace(sendFields("T"), "i", "TRAN_MSG\x01true\x02PGROUP\x01PGx\x02DELAY\x012\x02", "j", "1")
	want(t, f.call(code.SendMessageV2, []byte("once more"), fields...), code.Success, "")
	if n := f.Transactions.Open(); n != 1 {
		t.Fatalf("%d half messages, want 1", n)
	}
	if got := f.await("T", 1); string(got[0].Body) != "once more" {
		t.Fatalf("delivered %q", got[0].Body)
	}
}

// TestOrderedTransactions: each queue has the commits in the order in which they
// came, whatever the order of the half messages was.
func TestOrderedTransactions(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	var halves []halfSent
	for i := range 8 {
		props := fmt.Sprintf("TRAN_MSG\x01true\x02PGROUP\x01PGx\x02UNIQ_KEY\x01U%d\x02", i)
		reply := f.call(code.SendMessageV2, []byte(fmt.Sprint(i)), replace(sendFields("T"), "e", fmt.Sprint(i%4), "f", "4", "i", props)...)
		want(t, reply, code.Success, "")
		if got := reply.Fields.String("queueId"); got != fmt.Sprint(i%4) {
			t.Fatalf("answered queue %s, want %d", got, i%4)
		}
		_, phy, err := message.ParseOffsetMsgID(reply.Fields.String("msgId"))
		if err != nil {
			t.Fatal(err)
		}
		halves = append(halves, halfSent{int64(i), phy})
	}
	for _, i := range []int{5, 0, 7, 2, 4, 3, 1, 6} {
		want(t, f.call(code.EndTransaction, nil, halves[i].endFields(8)...), code.Success, "")
	}
	for q, wanted := range []string{"0 4", "5 1", "2 6", "7 3"} {
		got := bodies(t, f.call(code.PullMessage, nil, replace(pullFields("GT", "T", "0"), "queueId", fmt.Sprint(q))...))
		if got != wanted {
			t.Errorf("queue %d: %s, want %s", q, got, wanted)
		}
	}
}

// TestFilteredTransactions: filters see the tags and properties of the committed message.
func TestFilteredTransactions(t *testing.T) {
	t.Parallel()
	f := startFiltering(t)
	for i, tag := range []string{"A", "B", "A", "B"} {
		h := f.sendHalf("T", fmt.Sprint("U", i), fmt.Sprintf("TAGS\x01%s\x02price\x01%d\x02", tag, i*100))
		want(t, f.call(code.EndTransaction, nil, h.endFields(8)...), code.Success, "")
	}
	for _, row := range []struct{ kind, expression, bodies string }{
		{"TAG", "B", "body of U1 body of U3"},
		{"TAG", "A || B", "body of U0 body of U1 body of U2 body of U3"},
		{"TAG", "C", ""},
		{"SQL92", "price > 150", "body of U2 body of U3"},
		{"SQL92", "TAGS = 'B' AND price < 200", "body of U1"},
		{"SQL92", "PGROUP = 'PGx' AND __transactionId__ = 'U2'", "body of U2"},
		{"SQL92", "REAL_TOPIC IS NOT NULL", ""},
	} {
		reply := f.call(code.PullMessage, nil, replace(pullFields("GT", "T", "0"), "subscription", row.expression, "expressionType", row.kind)...)
		if got := bodies(t, reply); got != row.bodies {
			t.Errorf("%s %s: %q, want %q", row.kind, row.expression, got, row.bodies)
		}
	}
}

// TestBatchIsNoTransaction: Java's broker stores a batch as it is, whatever its
// properties say.
func TestBatchIsNoTransaction(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	const props = "TRAN_MSG\x01true\x02PGROUP\x01PGx\x02"
	var list []byte
	for _, text := range []string{"a", "b"} {
		list = message.AppendBatchElement(list, message.BatchElement{Body: []byte(text), Properties: []byte(props)})
	}
	want(t, f.call(code.SendMessageV2, list, replace(sendFields("T"), "i", props, "m", "true")...), code.Success, "")
	if n, got := f.Transactions.Open(), f.visible("T"); n != 0 || len(got) != 2 {
		t.Fatalf("%d half messages, %d visible; want 0, 2", n, len(got))
	}
}

// TestManyTransactionsInOneTurn: half messages and decisions that arrive together are
// appended together, and answered each for itself.
func TestManyTransactionsInOneTurn(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	var halves []halfSent
	for i := range 50 {
		halves = append(halves, f.sendHalf("T", fmt.Sprintf("U%02d", i)))
	}
	var wanted []string
	var answers []<-chan *protocol.Command
	for i := range halves {
		flag := []int{8, 12}[i%2]
		if flag == 8 {
			wanted = append(wanted, fmt.Sprintf("body of U%02d", i))
		}
		answers = append(answers, f.ask(code.EndTransaction, halves[i].endFields(flag)...))
	}
	for i, answer := range answers {
		if reply := <-answer; reply == nil || reply.Response() != code.Success {
			t.Fatalf("decision %d: %v", i, reply)
		}
	}
	var got []string
	for _, v := range f.visible("T") {
		got = append(got, string(v.Body))
	}
	slices.Sort(got)
	if !slices.Equal(got, wanted) {
		t.Errorf("visible: %s", strings.Join(got, ", "))
	}
}
