package consumequeue

import "strings"

// Rebuild prepares for dispatch of all records from a position of the commit log
// on, after a crash: units of such records go, whatever they say, and so does
// everything behind them. A power cut may have kept any part of what was not
// durable: a hole with valid units behind it, half a unit, units of records that
// are lost. All of that would come to light at a later start, behind new units.
//
// Queues that this store does not fill (light queues, batch queues) stay as they
// are; Truncate cuts them at the end of the log.
func (t *Table) Rebuild(phy int64) error {
	var failed error
	var cut []*Queue
	t.Each(func(q *Queue) bool {
		if !strings.HasPrefix(q.Topic, "%LMQ%") {
			if q.MaxPhy() > phy {
				cut = append(cut, q)
			}
			failed = q.rebuild(phy)
		}
		return failed == nil
	})
	if failed == nil {
		failed = t.syncCuts(cut)
	}
	return failed
}

func (q *Queue) rebuild(phy int64) error {
	q.open()
	if q.err != nil {
		return q.err
	}
	if q.MaxPhy() > phy {
		return q.truncate(phy)
	}
	q.io.Lock()
	defer q.io.Unlock()
	if !q.hasFiles.Load() {
		return nil
	}
	return q.zeroFrom(max(q.max.Load()*UnitSize, q.last))
}
