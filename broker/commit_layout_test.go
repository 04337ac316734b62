package broker

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
	"github.com/skylarkmq/skylark/transaction"
)

// TestCommitByLayout: what a commit takes from the layout of a half message's properties is what it would find by looking through them.
func TestCommitByLayout(t *testing.T) {
	t.Parallel()
	f := start(t, nil)
	f.sendTo("T", "make the topic")
	names := []string{"UNIQ_KEY", "KEYS", "TAGS", "WAIT", "a", "DELAY", "REAL_QID", "MSG_REGION", "INNER_MULTI_DISPATCH", "CHECK_IMMUNITY_TIME_IN_SECONDS"}
	r := rand.New(rand.NewPCG(7, 7))
	used, looked := 0, 0
	for i := range 3000 {
		var sent []byte
		for n := range r.IntN(7) {
			name := names[min(r.IntN(5+n), len(names)-1)] // the last ones are rare: with them nothing is known
			sent = fmt.Appendf(sent, "%s\x01%d%s\x02", name, r.IntN(100), bytes.Repeat([]byte("x"), r.IntN(20)))
		}
		sent = append(sent, "TRAN_MSG\x01true\x02PGROUP\x01PG"...)
		if r.IntN(2) == 0 { // 4.x leaves the last one away
			sent = append(sent, 2)
		}
		if f.commitsAlike(t, sent, int64(i)) {
			used++
		} else {
			looked++
		}
	}
	t.Logf("%d with a layout, %d without", used, looked)
	if used < 1000 || looked < 100 {
		t.Errorf("%d with a layout, %d without: that tests too little", used, looked)
	}
}

// commitsAlike makes a half message of a property string and says whether a commit of it knows its layout.
func (f *fixture) commitsAlike(t *testing.T, sent []byte, at int64) bool {
	t.Helper()
	s := newSendTurn(f.Broker)
	s.begin()
	defer s.endTicket()
	s.props = append(s.props, "before"...)
	from := len(s.props)
	s.head.Properties = sent
	s.complete()
	m := &message.Message{Topic: "T", BornTimestamp: 1, Body: []byte("b"), Properties: s.props[from:]}
	half := s.makeHalf(m, &s.known, from, 3)
	if half < 0 {
		t.Fatal("refused")
	}
	o := &s.tx.halves[half]
	o.Immunity = -1 // with one, a decision looks at the record first
	o.Offset, o.Phy, o.Size = 1_000_000+at, 1_000_000+at, 100
	f.Transactions.Opened(s.tx.halves)
	claim, verdict := f.Transactions.Claim(o.Group, o.Offset, o.Phy, false)
	if verdict != transaction.Claimed {
		t.Fatalf("verdict %d on %q", verdict, sent)
	}
	defer f.Transactions.Settled(&claim, false, false, nil)

	var known, facts message.Facts
	looked, _, ok := transaction.CommitProperties(nil, m.Properties, &facts)
	if !ok {
		t.Fatalf("no half message: %q", m.Properties)
	}
	for _, other := range [][]byte{append(slices.Clone(m.Properties), "x\x01y\x02"...), bytes.Replace(m.Properties, []byte("REAL_TOPIC\x01T"), []byte("REAL_TOPIC\x01U"), 1)} {
		if _, ok := claim.Properties(nil, other, &known); ok {
			t.Fatalf("taken from other properties: %q", other)
		}
	}
	got, ok := claim.Properties(nil, m.Properties, &known)
	if !ok {
		return false
	}
	if topic, queue := claim.Real(); topic != "T" || queue != 3 {
		t.Errorf("%q goes to %s %d", sent, topic, queue)
	}
	if !bytes.Equal(got, looked) || !bytes.Equal(known.Uniq, facts.Uniq) || !bytes.Equal(known.Keys, facts.Keys) ||
		!bytes.Equal(known.Tags, facts.Tags) || len(facts.Delay)+len(facts.InnerNum)+len(facts.Dispatch) > 0 || facts.Dispatched {
		t.Errorf("%q: %q %+v\nwant %q %+v", sent, got, known, looked, facts)
	}
	return true
}

// TestLayoutOfStoredRecord: the layout is that of the record in the log, unless each has a sum of its properties, too; a commit is the same with and without.
func TestLayoutOfStoredRecord(t *testing.T) {
	t.Parallel()
	for _, sums := range []bool{false, true} {
		t.Run(fmt.Sprint(sums), func(t *testing.T) {
			t.Parallel()
			f := start(t, func(_ *Config, c *store.Config) { c.EnabledAppendPropCRC = sums })
			h := f.sendHalf("T", "U1")
			rec, err := f.Store.Lookup(h.phy, nil)
			if err != nil {
				t.Fatal(err)
			}
			var v message.View
			if err := message.Decode(rec, &v); err != nil {
				t.Fatal(err)
			}
			claim, verdict := f.Transactions.Claim([]byte("PGx"), h.offset, h.phy, false)
			if verdict != transaction.Claimed {
				t.Fatalf("verdict %d", verdict)
			}
			if _, known := claim.Properties(nil, v.Properties, new(message.Facts)); known == sums {
				t.Errorf("the layout says what stands in the record: %v", known)
			}
			f.Transactions.Released(&claim)
			want(t, f.call(code.EndTransaction, nil, h.endFields(8)...), code.Success, "")
			got := f.visible("T")
			if len(got) != 1 || string(got[0].Body) != "body of U1" || got[0].CheckBody() != nil || property(&got[0], "KEYS") != "k-U1" ||
				property(&got[0], "REAL_TOPIC") != "" || property(&got[0], "__transactionId__") != "U1" || (property(&got[0], "__CRC32#") != "") != sums {
				t.Errorf("committed %d: %+v", len(got), got)
			}
		})
	}
}
