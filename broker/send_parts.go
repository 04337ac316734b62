package broker

import (
	"github.com/skylarkmq/skylark/remoting"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// What a turn stores is bounded by what it has read, but for two kinds of requests: 200
// bytes of CONSUMER_SEND_MSG_BACK or END_TRANSACTION store a message of any size once more.
// 256 of them come with one read. So a turn is appended in parts, and one that has stored
// much leaves the rest of that kind to their lanes, where nobody else waits behind them.
const (
	// partBytes is how much is staged before it is appended: one message of the largest usual
	// size, or all that a read full of small ones can hold.
	partBytes = 4 << 20
	// turnBytes is how much a turn on a loop stores again for consumers and producers of transactions.
	turnBytes = 16 << 20
)

// stageAll checks and stages requests of the three kinds.
func (s *sendTurn) stageAll(reqs []*remoting.Request) {
	busy := s.b.Store.Busy()
	for i, r := range reqs {
		if s.partIsFull() && !s.appendPart() {
			s.b.handOver(reqs[i:])
			s.handOverCommits()
			return
		}
		if r.Request() == code.EndTransaction {
			s.stageEnd(r)
			continue
		}
		if busy {
			r.Fail(code.SystemBusy, remarkRejectRequest)
			continue
		}
		if r.Request() == code.ConsumerSendMsgBack {
			s.stageBack(r, false)
			continue
		}
		s.stage(r, false)
	}
	s.stageCommits()
}

func (s *sendTurn) partIsFull() bool { return s.batch.Bytes() >= partBytes }

// spent says whether a loop's turn has stored again as much as it may.
func (s *sendTurn) spent() bool { return s.loop != nil && s.appended+s.batch.Bytes() >= turnBytes }

// appendPart appends and answers what is staged, and makes room for more. False: that would
// have had to wait, and what follows has to wait behind it.
func (s *sendTurn) appendPart() (appended bool) {
	if appended = true; s.loop == nil {
		s.finish()
	} else {
		appended = s.finishSoon()
	}
	s.appended += s.batch.Bytes()
	s.batch.Reset()
	s.sends, s.tx.halves, s.props = s.sends[:0], s.tx.halves[:0], s.props[:0]
	return appended
}

// handOverCommits gives the commits that are not staged yet to the append lane.
func (s *sendTurn) handOverCommits() {
	for i := range s.tx.commits {
		e := &s.tx.commits[i]
		s.b.Transactions.Released(&e.claim)
		e.req.ToBatchLane(remoting.Append, s.b.send.slow)
	}
	s.tx.commits = s.tx.commits[:0]
}
