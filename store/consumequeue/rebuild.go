package consumequeue

// Rebuild prepares for dispatch of all records from a position of the commit log
// on, after a crash: units of such records go, whatever they say, and so does
// everything behind them. A power cut may have kept any part of what was not
// durable: a hole with valid units behind it, half a unit, units of records that
// are lost. All of that would come to light at a later start, behind new units.
//
// Light queues that the owner does not fill stay as they are; Truncate cuts them at
// the end of the log.
func (t *Table) Rebuild(phy int64) error {
	var failed error
	var cut []*Queue
	t.Each(func(q *Queue) bool {
		if t.opt.Light || !isLight(q.Topic) {
			var changed bool
			if changed, failed = q.rebuild(phy); changed {
				cut = append(cut, q)
			}
		}
		return failed == nil
	})
	if failed == nil {
		failed = t.syncCuts(cut)
	}
	t.EachBatch(func(q *BatchQueue) bool {
		if failed == nil {
			failed = q.rebuild(phy)
		}
		return failed == nil
	})
	return failed
}

func (q *Queue) rebuild(phy int64) (changed bool, err error) {
	if q.open(); q.err != nil || !q.hasFiles.Load() {
		return false, q.err
	}
	// All units are in the files: nothing was put since the start.
	q.io.Lock()
	low, err := q.search(phy)
	if err == nil && low == q.max.Load() {
		err = q.zeroFrom(max(low*UnitSize, q.last))
	}
	q.io.Unlock()
	if err != nil || low == q.max.Load() {
		return false, err
	}
	return true, q.truncate(phy)
}
