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
			defer s.commit() // when those who wait are noted, so that they hear of it if the disk hangs
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

const (
	// lonely is after how many sends in a row, each the only one of its turn and all of one connection, a sender is
	// taken to be alone.
	lonely = 32
	// crowd is from how many sends on, each of another connection, a turn's senders are taken to be all that there are:
	// they wait for its answers, and who comes meanwhile is the next one.
	crowd = 8
)

// waitingSenders knows whether those of a turn send nothing more before they have its answers.
type waitingSenders struct {
	conn  uint64 // who sent last, and
	alone int    // how often in a row nobody else did
	crowd bool   // each of many sent one
}

func (w *waitingSenders) note(reqs []*remoting.Request) {
	if id := reqs[0].Conn.ID; len(reqs) != 1 || id != w.conn {
		w.conn, w.alone = id, 0
	} else {
		w.alone++
	}
	w.crowd = len(reqs) >= crowd
	for i := 1; w.crowd && i < len(reqs); i++ {
		w.crowd = reqs[i].Conn != reqs[i-1].Conn // a turn has the requests of a connection together
	}
}

// commitsHere: with SYNC_FLUSH the loop flushes what senders wait for who send nothing more before. Others are served after that, or
// by a stand-in when the disk hangs.
func (s *sendTurn) commitsHere() bool {
	if s.waiting.alone < lonely && !s.waiting.crowd || len(s.sends) == 0 || s.batch.Len() != len(s.sends) || !s.b.Store.FlushesQuickly() {
		return false
	}
	for i := range s.sends {
		if d := &s.sends[i]; !d.wait || d.req.IsOneWay() {
			return false
		}
	}
	return true
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
