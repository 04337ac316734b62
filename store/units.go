package store

import "github.com/skylarkmq/skylark/store/consumequeue"

// Unit is a unit of a queue with its extension: TagsCode is the extension's then.
type Unit struct {
	consumequeue.Unit
	Ext *consumequeue.ExtUnit // nil: it has none
	// Lost: the unit points to an extension that cannot be read; TagsCode is its address.
	Lost bool
}

// Units copies up to n units of a queue from an offset on, with the offsets the queue has: [low, high). It may wait for the disk.
// exists is false when there is no such queue; asking does not make it.
func (s *Store) Units(topic string, queue int32, offset int64, n int) (units []Unit, low, high int64, exists bool) {
	q, ok := s.queues.Lookup(topic, queue)
	if !ok || !q.Exists() {
		return nil, 0, 0, false
	}
	low, high = q.MinOffset(), q.MaxOffset()
	var piece [64]consumequeue.Unit
	var ext *consumequeue.ExtReader
	for len(units) < n {
		more, status, _ := q.Units(offset+int64(len(units)), min(n-len(units), len(piece)), piece[:0], false)
		if status != consumequeue.Found || len(more) == 0 {
			break
		}
		for _, u := range more {
			unit := Unit{Unit: u}
			if consumequeue.IsExtAddress(u.TagsCode) {
				if ext == nil {
					ext = new(consumequeue.ExtReader)
				}
				unit.extend(q, ext)
			}
			units = append(units, unit)
		}
	}
	return units, low, high, true
}

// extend reads the extension.
func (u *Unit) extend(q *consumequeue.Queue, r *consumequeue.ExtReader) {
	e, status := q.Ext(u.TagsCode, r, false)
	if status != consumequeue.Found {
		u.Lost = true
		return
	}
	e.Raw = append([]byte(nil), e.Raw...) // the reader's buffer is used again
	e.BitMap = e.Raw[len(e.Raw)-len(e.BitMap):]
	u.TagsCode, u.Ext = e.TagsCode, &e
}
