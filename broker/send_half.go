package broker

import (
	"bytes"

	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
	"github.com/skylarkmq/skylark/store"
	"github.com/skylarkmq/skylark/transaction"
)

// Half messages: sends with TRAN_MSG=true. They go into the batch of their turn as
// any other send, under the half topic.

const remarkTooManyOpen = "[TRANSACTION]too many open transactions (maxOpenTransactions), start flow control for a while"

// remarkLongPGroup: the name of the group is kept while the half message is open, and no client makes one as long as properties may be.
const remarkLongPGroup = "[TRANSACTION]the name of the producer group (PGROUP) is too long"

// txTurn is what a sendTurn needs for transactions.
type txTurn struct {
	ticket  transaction.Ticket
	holding bool
	halves  []transaction.Opening
	commits []claimedEnd // whose half messages are read together
	ends    []stagedEnd
	settled []int64 // for the next op record

	head   header.EndTransaction
	record []byte // of half messages that are being committed
	props  []byte
}

const keepRecord = 1 << 20

func (t *txTurn) begin() {
	t.halves, t.commits, t.ends, t.settled = t.halves[:0], t.commits[:0], t.ends[:0], t.settled[:0]
	if cap(t.record) > keepRecord {
		t.record = nil
	}
}

// takeTicket is called before anything of a transaction is staged, endTicket when
// the turn is over, whatever happened in it.
func (s *sendTurn) takeTicket() {
	if !s.tx.holding {
		s.tx.ticket, s.tx.holding = s.b.Transactions.Begin(), true
	}
}

func (s *sendTurn) endTicket() {
	if !s.tx.holding {
		return
	}
	for i := range s.tx.commits { // left over by a panic, as those below
		s.b.Transactions.Released(&s.tx.commits[i].claim)
	}
	s.tx.commits = s.tx.commits[:0]
	for i := range s.tx.ends {
		s.b.Transactions.Released(&s.tx.ends[i].claim)
	}
	s.b.Transactions.End(s.tx.ticket, s.tx.settled)
	s.tx.holding = false
	clear(s.tx.halves)
	clear(s.tx.ends)
}

// makeHalf turns a completed message into a half message; -1 when there are too
// many already. The transaction flag of its system flags goes: the record is an
// ordinary one of the half topic.
func (s *sendTurn) makeHalf(m *message.Message, c *completion, from int, queue int32) int {
	if s.b.Transactions.Full(s.cfg.MaxOpenTransactions) {
		return -1
	}
	s.takeTicket()
	uniq := c.uniq(s.props)
	if c.reserved {
		uniq = bytes.Clone(uniq)
		s.props = transaction.WithoutReserved(s.props[:from], bytes.Clone(s.props[from:]))
	}
	cut := len(s.props)
	var behind int
	s.props, behind = transaction.AppendHalf(s.props, m.Topic, queue, uniq)
	end := len(s.props)
	if c.reserved {
		c.uniqFrom = end
		s.props = append(s.props, uniq...)
		c.uniqTo = len(s.props)
	}
	o := transaction.Opening{Group: c.group, Uniq: uniq, RealTopic: m.Topic, Born: m.BornTimestamp, Immunity: -1}
	if !c.reserved {
		o.Layout = c.layout(from, cut, behind, end)
		o.Layout.RealQueue = queue
	}
	if len(c.immunity) > 0 {
		o.Immunity = transaction.ParseImmunity(c.immunity)
	}
	m.Topic, m.QueueID, m.Properties = message.TopicHalf, 0, s.props[from:end]
	m.SysFlag &^= message.FlagTransactionMask
	s.tx.halves = append(s.tx.halves, o)
	return len(s.tx.halves) - 1
}

// layout is that of a half message's properties, which lie between from and end of the
// completed string's buffer, the names of where it really goes between cut and behind. Of one
// whose real message is more than a message in a queue there is none.
func (c *completion) layout(from, cut, behind, end int) transaction.Layout {
	f := &c.facts
	if end-from > message.PropertiesMax || len(f.Delay)+len(f.InnerNum)+len(f.Dispatch) > 0 || f.Dispatched {
		return transaction.Layout{}
	}
	span := func(at, n int) message.Span {
		if n == 0 {
			return message.Span{}
		}
		return message.Span{From: uint16(at - from), To: uint16(at - from + n)}
	}
	return transaction.Layout{
		Size: uint16(end - from), Real: span(cut, behind-cut),
		Uniq: span(c.uniqFrom, c.uniqTo-c.uniqFrom), Keys: span(c.keysAt, len(f.Keys)), Tags: span(c.tagsAt, len(f.Tags)),
	}
}

// tellOpened tells of the half messages that are in the log now, before the first
// answer: a decision may come as soon as a producer has that.
func (s *sendTurn) tellOpened() {
	for i := range s.sends {
		d := &s.sends[i]
		if d.half < 0 {
			continue
		}
		if res := s.batch.Result(d.index); res.Status == store.PutOK {
			o := &s.tx.halves[d.half]
			o.Offset, o.Phy, o.Size, o.Stored = res.QueueOffset, res.PhyOffset, res.Size, res.StoreTimestamp
		}
	}
	s.b.Transactions.Opened(s.tx.halves)
}
