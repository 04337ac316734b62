package store

import (
	"errors"
	"time"

	"github.com/skylarkmq/skylark/store/commitlog"
	"github.com/skylarkmq/skylark/store/consumequeue"
)

// What cannot be read now is not what is gone. A queue or log file that cannot be opened
// because descriptors have run out, or read because the disk fails, has its messages
// still: who asks for them gets an error, keeps the offset and asks again. Only what went
// with its log file is passed over. The Java broker has its files mapped: it needs no
// descriptor for a read, and one that fails is thrown, which clients see as SYSTEM_ERROR.

// isGone says whether a record that was not read will never be: its file was deleted, or
// its unit leads to no place of the log.
func (g *getting) isGone(u consumequeue.Unit, err error) bool {
	return errors.Is(err, commitlog.ErrRange) || u.PhyOffset < g.store.commitLog.Min()
}

// failed ends a get in front of an offset that cannot be read now.
func (g *getting) failed(offset int64, err error) {
	err = g.store.cannotRead(g.req.Topic, g.req.QueueID, offset, err)
	if g.res.NextBegin = offset; g.res.Count == 0 {
		g.res.Status, g.res.NextBegin, g.res.Err = GetFailed, g.req.Offset, err
	}
}

// getFailed is the result of a get that did not come to read anything.
func (s *Store) getFailed(r *GetRequest, err error) GetResult {
	return GetResult{Status: GetFailed, NextBegin: r.Offset, Err: s.cannotRead(r.Topic, r.QueueID, r.Offset, err)}
}

// sayUnreadEvery: thousands of consumers may ask for what cannot be read, each again after a while.
const sayUnreadEvery = 10 * time.Second

// cannotRead counts a read that failed, says it in the log, and returns the error for who
// asked. An offset below 0: the queue as a whole.
func (s *Store) cannotRead(topic string, queue int32, offset int64, err error) error {
	why := s.explain(err)
	missed, ok := s.unread.Turn(s.clk.MonoMs(), sayUnreadEvery)
	if !ok {
		return err
	}
	s.logger.Error().Str("why", why).Str("topic", topic).Int32("queue", queue).Int64("offset", offset).Int64("moreSinceLastLine", missed).
		Msg("store: messages cannot be read now; consumers keep their offsets and ask again; if it stays so, stop the broker and run skylark store check")
	return err
}
