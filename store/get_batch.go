package store

import (
	"github.com/skylarkmq/skylark/store/commitlog"
	"github.com/skylarkmq/skylark/store/consumequeue"
)

// getBatch is Get on a queue of a topic with queue.type=BatchCQ: a unit is one
// record that holds several messages, and counts as them. Such queues are read
// where waiting is allowed.
func (s *Store) getBatch(q *consumequeue.BatchQueue, r *GetRequest, dst []byte) (GetResult, []byte) {
	var res GetResult
	res.Min, res.Max = s.bounds(q.Topic, q.ID)
	if !s.inRange(r.Offset, &res) {
		return res, dst
	}
	if r.ResidentOnly {
		res.Status, res.NextBegin = GetCold, r.Offset
		return res, dst
	}
	// The limits are those of ordinary queues; a unit counts with its messages.
	g := getting{store: s, req: r, res: res}
	g.limits()
	g.res.Status, g.res.NextBegin = GetNoMatchedMessage, r.Offset
	units := q.Units(r.Offset, groupMost, nil)
	if len(units) == 0 {
		g.res.Status = GetOffsetFoundNull
	}
	for _, u := range units {
		plain := consumequeue.Unit{PhyOffset: u.PhyOffset, Size: u.Size, TagsCode: u.TagsCode}
		if g.res.Count > 0 && (g.res.Count+int(u.Count) > r.MaxCount || g.over(plain, r.Offset)) {
			break
		}
		g.pulled, g.res.NextBegin = u.PhyOffset, u.End()
		if matched, _ := g.matchQueue(plain); matched {
			dst = g.readBatch(u, dst)
		}
	}
	g.res.SuggestSlave = g.maxPhy-g.pulled > g.memory
	return g.res, dst
}

func (g *getting) readBatch(u consumequeue.BatchUnit, dst []byte) []byte {
	plain := consumequeue.Unit{PhyOffset: u.PhyOffset, Size: u.Size}
	read, err := g.store.commitLog.Read(u.PhyOffset, int(u.Size), dst, false)
	if err != nil {
		g.removed(plain, err)
		return dst
	}
	rec := read[len(dst):]
	switch {
	case !isRecordAt(rec, u.PhyOffset):
		g.removed(plain, commitlog.ErrRange)
		return dst
	case u.PhyOffset < g.suspect && g.damaged(plain, rec):
		return dst
	case g.req.Filter != nil && !g.req.Filter.MatchRecord(rec):
		g.dropStatus(GetNoMatchedMessage)
		return dst
	}
	g.bytes += int64(len(rec))
	g.res.Count += int(u.Count)
	g.res.Status, g.res.LastStoreTimestamp = GetFound, u.StoreTimestamp
	return read
}
