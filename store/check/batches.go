package check

import (
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store/consumequeue"
)

// batchQueue is a queue of a topic with queue.type=BatchCQ. Its units are in the
// order of the log, like the records.
type batchQueue struct {
	key   queueKey
	dir   string
	files queueFiles
	at    int64 // byte position of the next unit
	max   int64 // queue offset after the last one; of one that is built anew, after the last record
}

// batchQueue finds or makes the batch queue of a key.
func (c *checker) batchQueue(key queueKey) *batchQueue {
	b := c.batches[key]
	if b == nil {
		dir := queueDir(c.root, "batchconsumequeue", key)
		b = &batchQueue{key: key, dir: dir, files: queueFiles{
			disk: c.view, dir: dir, unit: consumequeue.BatchUnitSize, size: consumequeue.RoundBatchFileSize(int64(c.cfg.MapperFileSizeBatchConsumeQueue)),
		}}
		c.batches[key] = b
	}
	return b
}

func (c *checker) batchUnit(b *batchQueue) (consumequeue.BatchUnit, bool) {
	raw, ok, err := b.files.bytes(b.at)
	if err != nil && !c.gone(err) {
		c.report.add(Error, Unreadable, b.dir, b.at, "%v", err)
	}
	if !ok || err != nil {
		return consumequeue.BatchUnit{}, false
	}
	u := consumequeue.DecodeBatchUnit(raw)
	return u, u.Written()
}

// batched compares a record of many messages with its unit.
func (c *checker) batched(v *message.View) {
	base, count, ok := v.InnerBatch()
	if !ok {
		return // such records have no unit
	}
	key := queueKey{string(v.Topic), v.QueueID}
	b := c.batchQueue(key)
	c.skipTo(b, v.PhyOffset)
	u, ok := c.batchUnit(b)
	want := consumequeue.BatchUnit{PhyOffset: v.PhyOffset, Size: v.Size, StoreTimestamp: v.StoreTimestamp, Base: base, Count: count, TagsCode: u.TagsCode}
	b.max = base + int64(count)
	s := c.severity(Error, v.StoreTimestamp)
	switch {
	case !ok || u.PhyOffset > v.PhyOffset:
		c.report.add(s, UnitMissing, b.dir, base, "no batch unit; its record is at %d", v.PhyOffset)
	case u != want:
		c.report.add(s, UnitWrong, b.dir, base, "the batch unit is %+v, the record gives %+v", u, want)
		b.at += consumequeue.BatchUnitSize
	default:
		c.report.Queues.Batch++
		b.at += consumequeue.BatchUnitSize
		return
	}
	c.report.damage.mark(c.report.damage.batches, key, s != Note)
}

// skipTo passes units of records that are before a position.
func (c *checker) skipTo(b *batchQueue, phy int64) {
	for {
		u, ok := c.batchUnit(b)
		if !ok || u.PhyOffset >= phy {
			return
		}
		c.leftBatch(b, u)
		b.at += consumequeue.BatchUnitSize
	}
}

// leftBatch judges a batch unit that no record wanted. Where the log is damaged its
// record is lost, and nothing will stand for it: the unit goes.
func (c *checker) leftBatch(b *batchQueue, u consumequeue.BatchUnit) {
	switch {
	case u.PhyOffset < c.report.Log.Min:
		c.report.Queues.Expired++
	case c.inRegion(u.PhyOffset):
		c.report.damage.mark(c.report.damage.batches, b.key, true)
	default:
		c.strayBatch(b, u)
	}
}

func (c *checker) strayBatch(b *batchQueue, u consumequeue.BatchUnit) {
	s := c.severity(Error, u.StoreTimestamp)
	if u.PhyOffset >= c.report.Log.End {
		s = c.beyond(Error)
	}
	c.report.add(s, UnitStray, b.dir, u.Base, "the batch unit's record would be at %d: there is none", u.PhyOffset)
	c.report.damage.mark(c.report.damage.batches, b.key, s != Note)
}

// finishBatches looks at the units behind those of all records. They count for the end
// of a queue only if it stays as it is.
func (c *checker) finishBatches() error {
	for _, b := range c.batches {
		end := b.max
		for {
			u, ok := c.batchUnit(b)
			if !ok {
				break
			}
			c.leftBatch(b, u)
			end = max(end, u.End())
			b.at += consumequeue.BatchUnitSize
		}
		if !c.report.damage.batches[b.key] {
			b.max = end
		}
	}
	return nil
}
