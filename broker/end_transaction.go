package broker

import (
	"errors"

	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
	"github.com/skylarkmq/skylark/store"
	"github.com/skylarkmq/skylark/transaction"
)

// END_TRANSACTION (37), usually one-way: a producer decides about a half message.
//
// The ordinary one is settled on the loop: the index knows the half message, its
// record is in memory, and the real message joins the sends of the turn in one
// batch. Everything else (old copies, immunities, cold records, strangers) goes to
// the transaction lane, which reads the record and answers in Java's words. What
// was settled before is answered as it was the first time, and nothing is done;
// Java would store a commit once more.

const (
	remarkFindFailed = "Find prepared transaction message failed"
	remarkGroup      = "The producer group wrong"
	remarkTable      = "The transaction state table offset wrong"
	// remarkNotSet is what Java's answers say where no one sets a remark.
	remarkNotSet = "not set any response code"
)

// stagedEnd is a commit whose real message is in the batch.
type stagedEnd struct {
	req       *remoting.Request // nil: an operator's
	index     int
	topic     string
	claim     transaction.Claim
	fromCheck bool
	result    refusal
}

// claimedEnd is a commit whose half message is to be read.
type claimedEnd struct {
	req       *remoting.Request
	claim     transaction.Claim
	fromCheck bool
}

// stageEnd handles one of them on the loop; stageCommits does the rest of commits.
func (s *sendTurn) stageEnd(r *remoting.Request) {
	if !s.readEnd(r) {
		return
	}
	h := &s.tx.head
	s.takeTicket()
	claim, verdict := s.b.Transactions.Claim(h.ProducerGroup, h.TranStateTableOffset, h.CommitLogOffset, h.FromTransactionCheck)
	switch {
	case verdict == transaction.Repeated:
		s.answerEnd(r, s.endAnswer())
	case verdict == transaction.Unsure:
		r.ToLane(remoting.Transaction, s.b.send.end)
	case h.CommitOrRollback == message.FlagTransactionRollback:
		s.tx.settled = s.b.Transactions.Settled(&claim, false, h.FromTransactionCheck, s.tx.settled)
		s.answerEnd(r, s.endAnswer())
	default:
		s.tx.commits = append(s.tx.commits, claimedEnd{r, claim, h.FromTransactionCheck})
	}
}

// stageCommits reads the half messages of a turn's commits and stages what they
// become. The half messages of one turn lie close to each other: one read brings
// them all. What is not in memory goes to the lane, and what is too much for one turn.
func (s *sendTurn) stageCommits() {
	list := s.tx.commits
	for len(s.tx.commits) > 0 {
		low, n := s.readTogether(s.tx.commits)
		for range n {
			if s.partIsFull() && !s.appendPart() {
				s.handOverCommits()
				s.tx.commits = list[:0]
				return
			}
			e := &s.tx.commits[0]
			if low < 0 || s.spent() {
				s.b.Transactions.Released(&e.claim)
				e.req.ToLane(remoting.Transaction, s.b.send.end)
			} else {
				at := e.claim.Phy - low
				s.stageCommit(e.req, &e.claim, s.tx.record[at:at+int64(e.claim.Size)], e.fromCheck)
			}
			s.tx.commits = s.tx.commits[1:] // endTicket releases the claims of those that a panic leaves
		}
	}
	s.tx.commits = list[:0]
}

// readTogether reads the records of the first n commits into one buffer, which
// begins at low of the log; low is -1 when they are not in memory. What lies
// between them is read too, so they may not lie far apart.
func (s *sendTurn) readTogether(list []claimedEnd) (low int64, n int) {
	const most, spread = 256 << 10, 4
	low, high, sum := list[0].claim.Phy, list[0].claim.Phy, int64(0)
	for n < len(list) {
		c := &list[n].claim
		l, h, sm := min(low, c.Phy), max(high, c.Phy+int64(c.Size)), sum+int64(c.Size)
		if n > 0 && (h-l > most || h-l > spread*sm) {
			break
		}
		low, high, sum = l, h, sm
		n++
	}
	rec, err := s.b.Store.Record(low, int32(high-low), s.tx.record[:0], true)
	if err == nil {
		s.tx.record = rec
		return low, n
	}
	if n > 1 { // a file may end between them
		return s.readTogether(list[:1])
	}
	return -1, 1
}

// readEnd reads the header and answers what needs no look at the half message.
func (s *sendTurn) readEnd(r *remoting.Request) bool {
	h := &s.tx.head
	if err := h.DecodeFields(&r.Fields); err != nil {
		r.Fail(code.SystemError, err.Error())
		return false
	}
	if s.b.storeCfg.Get().BrokerRole == store.Slave {
		r.Fail(code.SlaveNotAvailable, remarkNotSet)
		return false
	}
	if h.CommitOrRollback != message.FlagTransactionCommit && h.CommitOrRollback != message.FlagTransactionRollback {
		r.MarkAnswered() // not decided yet: Java says nothing
		return false
	}
	return true
}

// endTransactionOnLane is the second run of what the loop could not decide.
func (b *Broker) endTransactionOnLane(r *remoting.Request) (*protocol.Command, error) {
	s := b.send.turns.Get().(*sendTurn)
	defer b.send.turns.Put(s)
	s.begin()
	defer s.endTicket()
	if s.readEnd(r) {
		s.stageEndCold(r)
	}
	s.finish()
	return nil, nil
}

// stageEndCold reads the record that the request names, and checks in Java's order.
func (s *sendTurn) stageEndCold(r *remoting.Request) {
	h, tx := &s.tx.head, s.b.Transactions
	rec, err := s.lookupHalf(h)
	var v message.View
	if err == nil {
		s.tx.record = rec
		err = message.Decode(rec, &v)
	}
	f, ok := transaction.ReadFacts(v.Properties)
	if err != nil || string(v.Topic) != message.TopicHalf || !ok {
		s.answerEnd(r, refused(code.SystemError, remarkFindFailed))
		return
	}
	switch {
	case s.tooLate(&v, &f):
		s.answerEnd(r, refused(code.IllegalOperation, remarkNotSet))
		return
	case string(f.Group) != string(h.ProducerGroup):
		s.answerEnd(r, refused(code.SystemError, remarkGroup))
		return
	case v.QueueOffset != h.TranStateTableOffset:
		s.answerEnd(r, refused(code.SystemError, remarkTable))
		return
	}
	commit := h.CommitOrRollback == message.FlagTransactionCommit
	s.takeTicket()
	claim, verdict := tx.ClaimRecord(&v, &f, commit)
	switch {
	case verdict != transaction.Claimed:
		s.answerEnd(r, s.endAnswer())
	case commit:
		s.stageCommit(r, &claim, rec, h.FromTransactionCheck)
	default:
		s.tx.settled = tx.Settled(&claim, false, h.FromTransactionCheck, s.tx.settled)
		s.answerEnd(r, s.endAnswer())
	}
}

// lookupHalf reads the record that a decision names. With SYNC_FLUSH it cannot be read
// before the disk has it. A producer that did not wait for that (WAIT=false) may decide
// sooner: the index knows the half message already, and the wait is made up for here.
func (s *sendTurn) lookupHalf(h *header.EndTransaction) ([]byte, error) {
	rec, err := s.b.Store.Lookup(h.CommitLogOffset, s.tx.record[:0])
	if err == nil {
		return rec, nil
	}
	i, known := s.b.Transactions.Find(h.TranStateTableOffset)
	if !known || i.Phy != h.CommitLogOffset || s.b.Store.WaitFlush(i.Phy+int64(i.Size)) != store.PutOK {
		return rec, err
	}
	return s.b.Store.Lookup(h.CommitLogOffset, s.tx.record[:0])
}

// tooLate: with an immunity of its own, a decision that comes after it counts only
// as the answer to a check.
func (s *sendTurn) tooLate(v *message.View, f *transaction.Facts) bool {
	if f.Immunity < 0 || s.tx.head.FromTransactionCheck {
		return false
	}
	return s.b.clock.NowMs()-v.BornTimestamp > max(f.Immunity, s.cfg.TransactionTimeOut)
}

// stageCommit stages the real message of a half message; rec is its record, or
// that of an older copy.
func (s *sendTurn) stageCommit(r *remoting.Request, claim *transaction.Claim, rec []byte, fromCheck bool) {
	var v message.View
	err := message.Decode(rec, &v)
	if err == nil {
		err = s.b.Store.Sound(&v)
	}
	topic, queue, ok := s.realPlace(claim, v.Properties)
	if err != nil || !ok {
		s.b.Transactions.Released(claim)
		s.answerEnd(r, refused(code.SystemError, remarkFindFailed))
		return
	}
	m := &s.msg
	*m = message.Message{
		Topic: topic, QueueID: queue, Flag: v.Flag, SysFlag: v.SysFlag&^message.FlagTransactionMask | message.FlagTransactionCommit,
		BornTimestamp: v.BornTimestamp, BornHost: v.BornHost, StoreHost: v.StoreHost, ReconsumeTimes: v.ReconsumeTimes,
		PreparedTransactionOffset: v.PhyOffset, Body: v.Body, Properties: s.tx.props, Facts: &s.known.facts,
		BodyCRC: v.BodyCRC, Summed: true,
	}
	index, status := s.b.Store.Stage(s.batch, m)
	if status != store.PutOK {
		s.b.Transactions.Released(claim)
		s.answerEnd(r, s.b.commitFailure(status))
		return
	}
	s.tx.ends = append(s.tx.ends, stagedEnd{req: r, index: index, topic: m.Topic, claim: *claim, fromCheck: fromCheck})
}

// realPlace is where a half message really goes; s.tx.props are then the properties it has there, and s.known.facts what they say.
func (s *sendTurn) realPlace(claim *transaction.Claim, props []byte) (topic string, queue int32, ok bool) {
	known := &s.known.facts
	if s.tx.props, ok = claim.Properties(s.tx.props[:0], props, known); ok {
		topic, queue = claim.Real()
		return topic, queue, true
	}
	var f transaction.Facts
	if s.tx.props, f, ok = transaction.CommitProperties(s.tx.props[:0], props, known); !ok {
		return "", 0, false
	}
	return s.topicName(f.RealTopic), f.RealQueue, true
}

// topicName makes a string of a topic, without allocating when it is known.
func (s *sendTurn) topicName(name []byte) string {
	if c := s.b.Topics.Lookup(name); c != nil {
		return c.TopicName
	}
	return string(name)
}

// finishEnds settles and answers the commits of an appended batch. They do not wait
// for the disk: what it loses is a half message still, and checked.
func (s *sendTurn) finishEnds() {
	if len(s.tx.ends) == 0 {
		return
	}
	s.settleStored()
	for i := range s.tx.ends {
		e := &s.tx.ends[i]
		res := s.batch.Result(e.index)
		e.result = admitted
		if res.Status == store.PutOK {
			s.sum.add(s.b.Stats, e.topic, &res)
		} else {
			s.b.Transactions.Released(&e.claim)
			e.result = s.b.commitFailure(res.Status)
		}
		if e.req != nil {
			s.answerEnd(e.req, e.result)
		}
	}
	s.tx.ends = s.tx.ends[:0]
}

func (s *sendTurn) settleStored() {
	settling := s.b.Transactions.Settling()
	defer settling.End()
	for i := range s.tx.ends {
		e := &s.tx.ends[i]
		if s.batch.Result(e.index).Status == store.PutOK {
			s.tx.settled = settling.Settled(&e.claim, true, e.fromCheck, s.tx.settled)
		}
	}
}

// endAnswer is the answer to a decision that was carried out, now or before. That
// of a rollback keeps the remark that Java forgets to take away.
func (s *sendTurn) endAnswer() refusal {
	if s.tx.head.CommitOrRollback == message.FlagTransactionRollback {
		return refused(code.Success, remarkNotSet)
	}
	return admitted
}

func (s *sendTurn) answerEnd(r *remoting.Request, a refusal) {
	switch {
	case r == nil: // an operator's: see settleByOperator
	case r.IsOneWay():
		r.MarkAnswered()
	default:
		r.AppendReply(protocol.NewResponse(a.code, a.remark))
	}
}

// commitFailure is the answer when the real message was not stored, in the words of
// Java's EndTransactionProcessor, which are not those of sends.
func (b *Broker) commitFailure(status store.PutStatus) refusal {
	switch status {
	case store.CreateMappedFileFailed:
		return refused(code.SystemError, "Create mapped file failed.")
	case store.MessageIllegal, store.PropertiesSizeExceeded:
		r := b.illegal()
		r.remark = "The" + r.remark[len("the"):]
		return r
	case store.ServiceNotAvailable:
		return refused(code.ServiceNotAvailable, "Service not available now.")
	case store.OSPageCacheBusy:
		return refused(code.SystemError, "OS page cache busy, please try another machine")
	case store.InSyncReplicasNotEnough:
		return refused(code.SystemError, "in-sync replicas not enough")
	case store.UnknownError:
		return refused(code.SystemError, "UNKNOWN_ERROR")
	}
	return refused(code.SystemError, "UNKNOWN_ERROR DEFAULT")
}

var errGone = errors.New("no such open half message")

// settleByOperator commits or rolls back an open half message for an operator.
func (b *Broker) settleByOperator(offset int64, commit bool) error {
	s := b.send.turns.Get().(*sendTurn)
	defer b.send.turns.Put(s)
	s.begin()
	s.takeTicket()
	defer s.endTicket()
	claim, verdict := b.Transactions.ClaimOffset(offset)
	if verdict != transaction.Claimed {
		return errGone
	}
	if !commit {
		s.tx.settled = b.Transactions.Settled(&claim, false, false, s.tx.settled)
		return nil
	}
	rec, err := b.Store.Record(claim.Phy, claim.Size, s.tx.record[:0], false)
	if err != nil {
		b.Transactions.Released(&claim)
		return err
	}
	s.tx.record = rec
	s.stageCommit(nil, &claim, rec, false)
	if len(s.tx.ends) == 0 {
		return errors.New("the store does not take the message now")
	}
	staged := s.tx.ends
	s.finish()
	if failed := staged[0].result; failed.code != code.Success {
		return errors.New(failed.remark)
	}
	return nil
}
