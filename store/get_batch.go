package store

import "github.com/skylarkmq/skylark/store/consumequeue"

// getBatch is Get on a queue of a topic with queue.type=BatchCQ: a unit is one
// record that holds several messages, and counts as them. Such queues are read
// where waiting is allowed.
func (s *Store) getBatch(q *consumequeue.BatchQueue, r *GetRequest, dst []byte) (GetResult, []byte) {
	var res GetResult
	var err error
	if res.Min, res.Max, err = s.Bounds(q.Topic, q.ID); err != nil {
		return GetResult{Status: GetFailed, NextBegin: r.Offset, Err: err}, dst
	}
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
	units, err := q.Units(r.Offset, groupMost, nil)
	switch {
	case len(units) > 0: // as far as they could be read
	case err != nil:
		return s.getFailed(r, err), dst
	default:
		g.res.Status = GetOffsetFoundNull
	}
	for _, u := range units {
		plain := consumequeue.Unit{PhyOffset: u.PhyOffset, Size: u.Size, TagsCode: u.TagsCode}
		if g.res.Count > 0 && (g.res.Count+int(u.Count) > r.MaxCount || g.over(plain, r.Offset)) {
			break
		}
		g.pulled, g.res.NextBegin = u.PhyOffset, u.End()
		if matched, _ := g.matchQueue(plain); !matched {
			continue
		}
		if dst, err = g.readBatch(u, dst); err != nil {
			g.failed(u.Base, err)
			break
		}
	}
	g.res.SuggestSlave = g.maxPhy-g.pulled > g.memory
	return g.res, dst
}

// readBatch adds the record of a unit, if it is there; an error may pass.
func (g *getting) readBatch(u consumequeue.BatchUnit, dst []byte) ([]byte, error) {
	plain := consumequeue.Unit{PhyOffset: u.PhyOffset, Size: u.Size}
	read, err := g.store.commitLog.Read(u.PhyOffset, int(u.Size), dst, false)
	switch {
	case err == nil:
	case g.isGone(plain, err):
		g.removed(plain)
		return dst, nil
	default:
		return dst, err
	}
	rec := read[len(dst):]
	switch {
	case !isRecordAt(rec, u.PhyOffset):
		g.removed(plain)
		return dst, nil
	case u.PhyOffset < g.suspect && g.damaged(plain, rec):
		return dst, nil
	case g.req.Filter != nil && !g.req.Filter.MatchRecord(rec):
		g.dropStatus(GetNoMatchedMessage)
		return dst, nil
	}
	g.bytes += int64(len(rec))
	g.res.Count += int(u.Count)
	g.res.Status, g.res.LastStoreTimestamp = GetFound, u.StoreTimestamp
	return read, nil
}
