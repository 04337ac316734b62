package broker

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/skylarkmq/skylark/message"
)

// TestCompletedByLikeness: what is taken from a message that looked like this one is what looking through its properties finds.
func TestCompletedByLikeness(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	names := []string{
		"UNIQ_KEY", "KEYS", "TAGS", "WAIT", "order", "PGROUP", "TRAN_MSG", "__SHARDINGKEY", "TIMER_DELAY_MS", "TIMER_DELAY_SEC", "TIMER_DELIVER_MS",
		"DELAY", "INNER_NUM", "INNER_MULTI_DISPATCH", "INNER_MULTI_QUEUE_OFFSET", "_SYS_MSG_PRIORITY_", "__LITE_TOPIC", "CHECK_IMMUNITY_TIME_IN_SECONDS",
		"REAL_TOPIC", "REAL_QID", "__transactionId__", "TRANSACTION_CHECK_TIMES", "TRAN_PREPARED_QUEUE_OFFSET", "POP_CK", "MSG_REGION", "TRACE_ON", "CLUSTER",
	}
	values := [][]string{ // of one length each
		{"true", "TRUE", "tru1", "0003", "    ", " x y", "a\xc3\xa9z", "12\x7f4"},
		{"false", "False", "falsy", "     ", "00003", "x y z", "99999", "abcde"},
	}
	r := rand.New(rand.NewPCG(11, 12))
	s := newSendTurn(f.Broker)
	s.begin()
	like, looked := 0, 0
	for n := range 4000 {
		if n%100 != 0 { // else many of one length take turns, and hardly one is learned
			s.like = message.Likenesses[completed]{}
		}
		chosen := []string{names[r.IntN(2)]}
		for range r.IntN(6) {
			chosen = append(chosen, names[min(r.IntN(len(names)), r.IntN(len(names)), r.IntN(len(names)))]) // the first ones more often
		}
		open := r.IntN(4) == 0
		for range 8 { // messages of one producer
			var props []byte
			for i, name := range chosen {
				value := values[(i+n)%2][i]
				if r.IntN(4) == 0 {
					value = values[(i+n)%2][r.IntN(8)]
				}
				props = append(append(append(append(props, name...), 1), value...), 2)
			}
			if open {
				props = props[:len(props)-1]
			}
			if f.completesAlike(t, s, props) {
				like++
			} else {
				looked++
			}
		}
	}
	t.Logf("%d by likeness, %d looked through", like, looked)
	if like < 1000 || looked < 1000 {
		t.Errorf("%d by likeness, %d looked through: that tests too little", like, looked)
	}
}

// completesAlike says whether the properties were known already.
func (f *fixture) completesAlike(t *testing.T, s *sendTurn, props []byte) bool {
	t.Helper()
	known := s.like.Find(props) != nil
	s.props = append(s.props[:0], "before"...)
	s.head.Properties, s.head.ReconsumeTimes = props, 0
	s.complete()
	got, want := s.known, completion{}
	stored := s.reply.complete([]byte("before"), props, &want, f.uniqIDs)
	for _, c := range []*completion{&got, &want} {
		if len(c.facts.Keys) == 0 {
			c.keysAt = 0
		}
		if len(c.facts.Tags) == 0 {
			c.tagsAt = 0
		}
	}
	if got.madeUniq { // two ids
		return known
	}
	if !bytes.Equal(s.props, stored) || !reflect.DeepEqual(got, want) {
		t.Fatalf("%q, known %v: %q %+v\nwant %q %+v", props, known, s.props, got, stored, want)
	}
	return known
}
