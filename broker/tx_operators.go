package broker

import (
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/body"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
	"github.com/skylarkmq/skylark/transaction"
)

// Requests of `skylark admin tx`. Their codes are our own: see package code.
var txRoutes = []remoting.Route[*Broker]{
	remoting.Handle(code.SkylarkTxList, remoting.Query, (*Broker).txList),
	remoting.Handle(code.SkylarkTxShow, remoting.Query, (*Broker).txShow),
	remoting.Handle(code.SkylarkTxSettle, remoting.Transaction, (*Broker).txSettle),
}

// What the requests of `skylark admin tx` and `dlq` answer at most: entries of a page, and of a message's body.
const (
	shownPageMost = 1000
	shownBodyMost = 16 << 10
)

func (b *Broker) txList(_ *remoting.Request, h *header.TxList) (*protocol.Command, error) {
	n := int(min(max(h.Max, 1), shownPageMost))
	page := body.TxPage{Halves: []body.TxHalf{}, Next: -1, Open: b.Transactions.Open(), Topic: b.Transactions.Topics()}
	if h.Discarded {
		b.txDiscarded(h, n, &page)
		return withBody(page)
	}
	q := transaction.Query{Group: h.Group, Topic: h.Topic, ChecksFrom: h.MinChecks, From: h.From, Max: n}
	if h.MinAgeMs > 0 {
		q.BornBefore = b.clock.NowMs() - h.MinAgeMs
	}
	list, more := b.Transactions.List(q)
	var buf []byte
	for i := range list {
		var one body.TxHalf
		one, buf = b.txHalf(&list[i], buf[:0])
		page.Halves = append(page.Halves, one)
		if page.Next = list[i].Offset + 1; i == len(list)-1 && !more {
			page.Next = -1
		}
	}
	return withBody(page)
}

// txDiscarded lists what was checked too often; those are few.
func (b *Broker) txDiscarded(h *header.TxList, n int, page *body.TxPage) {
	st := newTxStore(b.Store)
	low, high := st.Bounds(message.TopicMaxCheckTimes, 0)
	for at := max(h.From, low); at < high; {
		recs, next := st.Get(message.TopicMaxCheckTimes, 0, at, 32, nil)
		for len(recs) > 0 {
			var v message.View
			if message.Decode(recs, &v) != nil {
				break
			}
			recs = recs[v.Size:]
			f, ok := transaction.ReadFacts(v.Properties)
			if !ok || h.Group != "" && h.Group != string(f.Group) || h.Topic != "" && h.Topic != string(f.RealTopic) {
				continue
			}
			if len(page.Halves) == n {
				page.Next = v.QueueOffset
				return
			}
			page.Halves = append(page.Halves, b.txView(&v, &f))
		}
		if next <= at {
			return
		}
		at = next
	}
}

// txHalf fills in what only the record knows.
func (b *Broker) txHalf(i *transaction.Info, buf []byte) (body.TxHalf, []byte) {
	var one body.TxHalf
	rec, err := b.Store.Record(i.Phy, i.Size, buf, false)
	var v message.View
	if err == nil && message.Decode(rec, &v) == nil {
		f, _ := transaction.ReadFacts(v.Properties)
		one = b.txView(&v, &f)
	}
	one.Offset, one.Group, one.Topic, one.Born = i.Offset, i.Group, i.Topic, i.Born
	one.Checks, one.LastCheck, one.ImmunityMs, one.Unheard = i.Checks, i.LastCheck, max(0, i.Immunity), i.GroupUnheard
	return one, rec
}

func (b *Broker) txView(v *message.View, f *transaction.Facts) body.TxHalf {
	producers, _ := b.Clients.ProducerGroup(string(f.Group))
	return body.TxHalf{
		Offset: v.QueueOffset, OffsetMsgID: string(message.AppendOffsetMsgID(nil, b.addr, v.PhyOffset)), Group: string(f.Group),
		Topic: string(f.RealTopic), QueueID: f.RealQueue, Keys: string(f.Keys), UniqKey: string(f.Uniq), Born: v.BornTimestamp,
		BornHost: v.BornHost.String(), Checks: max(0, f.Checks), ImmunityMs: max(0, f.Immunity), Size: v.Size, Producers: len(producers),
	}
}

func (b *Broker) txShow(_ *remoting.Request, h *header.TxShow) (*protocol.Command, error) {
	i, ok := b.Transactions.Find(h.Offset)
	if !ok {
		return nil, remoting.Failf(code.QueryNotFound, "no open half message at offset %d", h.Offset)
	}
	one, rec := b.txHalf(&i, nil)
	var v message.View
	if message.Decode(rec, &v) == nil {
		one.Properties, one.Body = string(v.Properties), v.Body[:min(len(v.Body), shownBodyMost)]
	}
	return withBody(one)
}

func (b *Broker) txSettle(r *remoting.Request, h *header.TxSettle) (*protocol.Command, error) {
	i, ok := b.Transactions.Find(h.Offset)
	if !ok {
		return nil, remoting.Failf(code.QueryNotFound, "no open half message at offset %d", h.Offset)
	}
	err := b.settleByOperator(h.Offset, h.Commit)
	b.log.Warn().Err(err).Stringer("remote", r.Conn.RemoteAddr()).Int64("offset", h.Offset).Str("group", i.Group).Str("topic", i.Topic).
		Bool("commit", h.Commit).Msg("half message settled by an operator")
	if err != nil {
		return nil, remoting.Fail(code.SystemError, err.Error())
	}
	return protocol.NewResponse(code.Success, ""), nil
}

// txInfo are the counters for GET_BROKER_RUNTIME_INFO, once there was a transaction.
func (b *Broker) txInfo(set func(name string, n int64)) {
	t := b.Transactions
	c := &t.Counters
	if t.Open() == 0 && c.Halves.Load() == 0 {
		return
	}
	set("transactionOpen", int64(t.Open()))
	if born := t.OldestBorn(); born > 0 {
		set("transactionOldestAgeMs", max(0, b.clock.NowMs()-born))
	}
	set("transactionHalves", c.Halves.Load())
	set("transactionCommits", c.Commits.Load())
	set("transactionRollbacks", c.Rollbacks.Load())
	set("transactionChecksSent", c.ChecksSent.Load())
	set("transactionChecksUnheard", c.ChecksUnheard.Load())
	set("transactionChecksAnswered", c.ChecksAnswered.Load())
	set("transactionDiscarded", c.Discarded.Load())
	set("transactionResumed", c.Resumed.Load())
	set("transactionRepeated", c.Repeated.Load())
	set("transactionRefused", c.Refused.Load())
	set("transactionRounds", c.Rounds.Load())
	set("transactionRoundMs", c.RoundMs.Load())
}
