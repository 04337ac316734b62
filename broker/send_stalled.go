package broker

import (
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// A disk that stalls makes whoever writes wait, with everybody that he serves. While
// something waits for the disk for too long, or another append hangs, the loops append
// nothing: what they would have appended goes to a lane, whose one worker may wait,
// and which answers SYSTEM_BUSY to what has waited for osPageCacheBusyTimeOutMills
// (a one-way END_TRANSACTION is dropped then, and its half message checked). A
// flush that takes long costs senders nothing but the way over the lane.

// handOver gives sends, END_TRANSACTION and CONSUMER_SEND_MSG_BACK of a loop to the
// append lane; sends are refused at once when they would wait too long there.
func (b *Broker) handOver(reqs []*remoting.Request) {
	busy := b.Store.Busy()
	for _, r := range reqs {
		if busy && r.Request() != code.EndTransaction {
			r.Fail(code.SystemBusy, remarkRejectRequest)
			continue
		}
		r.ToBatchLane(remoting.Append, b.send.slow)
	}
}

// appendOnLane is sendMessages where waiting is allowed.
func (b *Broker) appendOnLane(reqs []*remoting.Request) {
	s := b.send.turns.Get().(*sendTurn)
	defer b.send.turns.Put(s)
	s.begin()
	defer s.endTicket()
	s.stageAll(reqs)
	s.finish()
}

// finishSoon is finish on a loop. False: the append would have had to wait; everything was
// taken back, and is done again on the lane.
func (s *sendTurn) finishSoon() bool {
	here := s.commitsHere()
	if here {
		s.batch.CommitHere()
	}
	switch {
	case s.batch.Len() == 0:
	case s.appendSoon():
		if here {
			s.commit()
		}
		s.finishAppended()
	default:
		s.takeBack()
		return false
	}
	return true
}

// appendSoon may be caught by the disk all the same, if the stall begins with this very
// write: the loop has a stand-in then.
func (s *sendTurn) appendSoon() bool {
	s.loop.Lend()
	defer s.loop.TakeBack() // also when it panics, as the turn goes on then
	return s.b.Store.AppendSoon(s.batch)
}

// lonely is after how many sends in a row, each the only one of its turn and all of one connection, a sender is
// taken to be alone.
const lonely = 32

// note counts them.
func (l *loneSender) note(reqs []*remoting.Request) {
	if id := reqs[0].Conn.ID; len(reqs) != 1 || id != l.conn {
		l.conn, l.sends = id, 0
		return
	}
	l.sends++
}

// loneSender is who sent last, and how often in a row nobody else did.
type loneSender struct {
	conn  uint64
	sends int
}

// commitsHere: with SYNC_FLUSH the loop flushes what a lone sender waits for. Others are served after that, or by a stand-in
// when the disk hangs.
func (s *sendTurn) commitsHere() bool {
	return s.alone.sends >= lonely && len(s.sends) == 1 && s.sends[0].wait && !s.sends[0].req.IsOneWay() && s.batch.Len() == 1 && s.b.Store.FlushesQuickly()
}

// commit may take long, and is lent out for as long.
func (s *sendTurn) commit() {
	s.loop.Lend()
	defer s.loop.TakeBack()
	s.b.Store.Commit()
}

func (s *sendTurn) takeBack() {
	slow := s.b.send.slow
	for i := range s.sends {
		s.sends[i].req.ToBatchLane(remoting.Append, slow)
	}
	for i := range s.tx.ends {
		e := &s.tx.ends[i]
		s.b.Transactions.Released(&e.claim)
		e.req.ToBatchLane(remoting.Append, slow)
	}
	for i := range s.back.staged {
		s.back.staged[i].req.ToBatchLane(remoting.Append, slow)
	}
	clear(s.tx.ends)
	s.sends, s.tx.halves, s.tx.ends, s.back.staged = s.sends[:0], s.tx.halves[:0], s.tx.ends[:0], s.back.staged[:0]
}
