package check

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"sort"
	"strconv"

	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store"
	"github.com/skylarkmq/skylark/store/consumequeue"
)

// queue is a consume queue as its files have it, and which of its units a record
// of the log wanted.
type queue struct {
	key    queueKey
	dir    string
	files  queueFiles
	wanted []span // agree with a record, or were reported; by offset
	next   int64  // offset after the newest record in the log; -1 none yet
	stays  int64  // offset after the last unit without a record that a repair has a place for
	max    int64  // offset after the last unit, as a repair leaves them

	lastPhy int64 // of the newest record
	shift   int64 // by how much offsets of records are ahead of their units
	shifts  []shift
}

// shift says by how much the records from an offset on are ahead of their units.
type shift struct{ from, by int64 }

// place is the offset of the unit of a record that the walk has passed.
func (q *queue) place(offset int64) int64 {
	n := sort.Search(len(q.shifts), func(n int) bool { return q.shifts[n].from > offset })
	if n == 0 {
		return offset
	}
	return offset - q.shifts[n-1].by
}

// span is offsets [from, to).
type span struct{ from, to int64 }

// cursorUnits is how many units a cursor has in memory.
const cursorUnits = 128

// queueFiles reads units through a window that follows the offsets.
type queueFiles struct {
	disk   vfs.FS
	dir    string
	size   int64
	unit   int64
	starts []int64
	buf    []byte
	at     int64 // byte position of buf
}

// bytes is the unit at a byte position; false where there is no file.
func (f *queueFiles) bytes(at int64) ([]byte, bool, error) {
	if at < f.at || at+f.unit > f.at+int64(len(f.buf)) {
		start := at / f.size * f.size
		if _, ok := slices.BinarySearch(f.starts, start); !ok {
			return nil, false, nil
		}
		if f.buf == nil {
			f.buf = make([]byte, 0, cursorUnits*f.unit)
		}
		raw, err := f.disk.Open(filepath.Join(f.dir, fmt.Sprintf("%020d", start)))
		if err != nil {
			return nil, false, err
		}
		n, err := raw.ReadAt(f.buf[:min(int64(cap(f.buf)), start+f.size-at)], at-start)
		_ = raw.Close()
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, false, err
		}
		if f.buf, f.at = f.buf[:n], at; int64(n) < f.unit {
			return nil, false, nil
		}
	}
	return f.buf[at-f.at:][:f.unit], true, nil
}

// unitAt reads a unit; false when it is not written.
func (c *checker) unitAt(q *queue, offset int64) (consumequeue.Unit, bool) {
	raw, ok, err := q.files.bytes(offset * consumequeue.UnitSize)
	if err != nil && !c.gone(err) {
		c.report.add(Error, Unreadable, q.dir, offset, "%v", err)
	}
	if !ok || err != nil {
		return consumequeue.Unit{}, false
	}
	u := consumequeue.DecodeUnit(raw)
	return u, u.Written()
}

// listQueues lists the queue directories and the files in them.
func (c *checker) listQueues() error {
	err := c.eachQueueDir("consumequeue", func(key queueKey, dir string) error {
		q := c.queue(key)
		var damaged bool
		var err error
		q.files.starts, damaged, err = c.queueFiles(dir, q.files.size)
		c.report.damage.mark(c.report.damage.queues, key, damaged)
		c.report.Queues.Queues++
		return err
	})
	if err != nil {
		return err
	}
	return c.eachQueueDir("batchconsumequeue", func(key queueKey, dir string) error {
		b := c.batchQueue(key)
		var damaged bool
		var err error
		b.files.starts, damaged, err = c.queueFiles(dir, b.files.size)
		c.report.damage.mark(c.report.damage.batches, key, damaged)
		if len(b.files.starts) > 0 {
			b.at = b.files.starts[0]
		}
		c.report.Queues.Queues++
		return err
	})
}

// lastUnits finds out up to where the queues know the log, by units that lead to a
// record: a damaged one may lead anywhere.
func (c *checker) lastUnits() error {
	for _, q := range c.queues {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		raw := q.files.last(func(raw []byte) bool { return consumequeue.DecodeUnit(raw).Written() })
		if raw == nil {
			continue
		}
		if u := consumequeue.DecodeUnit(raw); !u.Filler() {
			c.lastUnit(u)
		}
	}
	for _, b := range c.batches {
		if raw := b.files.last(func(raw []byte) bool { return consumequeue.DecodeBatchUnit(raw).Written() }); raw != nil {
			u := consumequeue.DecodeBatchUnit(raw)
			c.lastUnit(consumequeue.Unit{PhyOffset: u.PhyOffset, Size: u.Size})
		}
	}
	return nil
}

func (c *checker) lastUnit(u consumequeue.Unit) {
	if files := c.log.files; len(files) == 0 || u.PhyOffset < files[0].Start {
		return // of an expired record
	}
	if _, ok := c.recordAt(u); ok {
		c.log.known = max(c.log.known, u.End())
		return
	}
	c.log.lenient = true // the unit is damaged or its record is: the queues do not know it all
}

// last is the last unit in the newest file that has one; nil: none that can be read.
func (f *queueFiles) last(written func(raw []byte) bool) []byte {
	for _, start := range slices.Backward(f.starts) {
		has := func(n int) bool {
			raw, ok, err := f.bytes(start + int64(n)*f.unit)
			return ok && err == nil && written(raw)
		}
		n := sort.Search(int(f.size/f.unit), func(n int) bool { return !has(n) })
		if n > 0 && has(n-1) {
			raw, _, _ := f.bytes(start + int64(n-1)*f.unit) // has just read it
			return raw
		}
	}
	return nil
}

func (d *damage) mark(set map[queueKey]bool, key queueKey, damaged bool) {
	if damaged {
		set[key] = true
	}
}

func (c *checker) eachQueueDir(name string, visit func(queueKey, string) error) error {
	base := filepath.Join(c.root, name)
	topics, err := c.fs.ReadDir(base)
	if notThere(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, t := range topics {
		if !t.Dir {
			c.report.add(Warning, BadName, filepath.Join(base, t.Name), -1, "not a directory of a topic")
			continue
		}
		ids, err := c.fs.ReadDir(filepath.Join(base, t.Name))
		if err != nil && !c.gone(err) {
			return err
		}
		for _, e := range ids {
			id, err := strconv.ParseInt(e.Name, 10, 32)
			dir := filepath.Join(base, t.Name, e.Name)
			if err != nil || id < 0 || !e.Dir {
				c.report.add(Note, BadName, dir, -1, "not a queue; both brokers skip it")
				continue
			}
			if err := visit(queueKey{t.Name, int32(id)}, dir); err != nil && !c.gone(err) {
				return err
			}
		}
	}
	return nil
}

// queueFiles lists the files of a queue directory.
func (c *checker) queueFiles(dir string, size int64) (starts []int64, damaged bool, err error) {
	entries, err := c.fs.ReadDir(dir)
	if err != nil {
		return nil, false, err
	}
	for i, e := range entries {
		path := filepath.Join(dir, e.Name)
		start, ok := startOf(e.Name)
		if !ok || e.Dir || start%size != 0 {
			c.report.add(Warning, BadName, path, -1, "no file of %d bytes a piece begins there", size)
			damaged = true
			continue
		}
		info, err := c.fs.Stat(path)
		if c.gone(err) {
			continue
		}
		if err != nil {
			return nil, false, err
		}
		if info.Size == 0 && (i == len(entries)-1 || c.report.Unclean) {
			c.report.add(Note, BadSize, path, -1, "empty: made and not sized; the next start removes it")
			continue
		}
		if info.Size != size {
			c.report.add(Error, BadSize, path, -1, "%d bytes, expected %d: neither broker reads it", info.Size, size)
			c.view.sizes[path], damaged = size, true
		}
		if n := len(starts); n > 0 && starts[n-1]+size != start {
			c.report.add(c.severity(Error, c.last.storeTime), QueueGap, dir, starts[n-1]+size, "the file before %s is missing", e.Name)
			damaged = true
		}
		starts = append(starts, start)
	}
	return starts, damaged, nil
}

// queue finds or makes the queue of a key.
func (c *checker) queue(key queueKey) *queue {
	q := c.queues[key]
	if q == nil {
		dir := queueDir(c.root, "consumequeue", key)
		q = &queue{key: key, dir: dir, next: -1, files: queueFiles{
			disk: c.view, dir: dir, unit: consumequeue.UnitSize, size: consumequeue.RoundFileSize(int64(c.cfg.MappedFileSizeConsumeQueue)),
		}}
		c.queues[key] = q
	}
	return q
}

// queued compares a record with its units.
func (c *checker) queued(v *message.View) {
	var d store.Derived
	c.derive.Of(v, &d)
	if v.SysFlag&message.FlagInnerBatch != 0 {
		c.batched(v)
		return
	}
	if !d.Queued || c.batches[queueKey{string(v.Topic), v.QueueID}] != nil {
		return // a single message of a topic with batch queues has no unit
	}
	if !message.SafeTopic(v.Topic) || v.QueueID < 0 || v.QueueOffset < 0 || v.QueueOffset > store.MaxQueueOffset {
		c.report.add(Error, LogDamage, c.pathOf(v.PhyOffset), v.PhyOffset, "topic %q queue %d offset %d: no queue can hold it", shown(v.Topic), v.QueueID, v.QueueOffset)
		c.report.damage.addRegion(region{v.PhyOffset, v.PhyOffset + int64(v.Size), v.StoreTimestamp})
		return
	}
	q := c.queue(queueKey{string(v.Topic), v.QueueID})
	if q.next >= 0 && v.QueueOffset != q.next {
		c.jump(q, v)
	}
	q.next, q.lastPhy = max(q.next, v.QueueOffset+1), v.PhyOffset
	c.compare(q, v.QueueOffset-q.shift, d.Unit, v)
	c.lightQueues(v, d.Unit)
}

// jump: the log has no record for some offsets. Where it lost them the queue still
// knows their places; Java, which builds a queue from such a log, goes on without a
// gap, so that all later units are too early by as much.
func (c *checker) jump(q *queue, v *message.View) {
	if u, ok := c.unitAt(q, q.next-q.shift); ok && u.PhyOffset == v.PhyOffset && v.QueueOffset > q.next {
		q.shift += v.QueueOffset - q.next
		q.shifts = append(q.shifts, shift{v.QueueOffset, q.shift})
		c.report.damage.shifted[q.key] = true
		c.report.add(Note, QueueHole, q.dir, v.QueueOffset, "the record at %d has offset %d and its unit is at %d: the queue was built from a log with a hole", v.PhyOffset, v.QueueOffset, v.QueueOffset-q.shift)
		return
	}
	s := Warning
	if c.plugged(q, q.next-q.shift) && c.plugged(q, v.QueueOffset-q.shift-1) {
		s = Note
	}
	c.report.add(s, QueueHole, q.dir, v.QueueOffset, "the record at %d has offset %d, the one before it in the log %d", v.PhyOffset, v.QueueOffset, q.next-1)
	if v.QueueOffset > q.next {
		c.report.damage.holes = append(c.report.damage.holes, hole{q.key, q.next, v.QueueOffset, q.lastPhy, v.PhyOffset})
	}
}

// plugged says whether a unit leads to where a repair has covered damage.
func (c *checker) plugged(q *queue, offset int64) bool {
	u, ok := c.unitAt(q, offset)
	return ok && c.inQuarantine(u.PhyOffset)
}

// lightQueues compares the units of queues that share a record (LMQ). Whether they
// were written is a setting of then, so only queues that exist count.
func (c *checker) lightQueues(v *message.View, u consumequeue.Unit) {
	message.EachLightQueue(v, func(name string, offset int64) {
		if q := c.queues[queueKey{name, 0}]; q != nil {
			q.next = max(q.next, offset+1)
			c.compare(q, offset, u, v)
		}
	})
}

// compare looks for the unit of a record at its offset.
func (c *checker) compare(q *queue, offset int64, want consumequeue.Unit, v *message.View) {
	have, ok := c.unitAt(q, offset)
	switch {
	case !ok || have.Filler():
		s := c.severity(Error, v.StoreTimestamp)
		c.report.add(s, UnitMissing, q.dir, offset, "no unit; its record is at %d", want.PhyOffset)
		c.report.damage.mark(c.report.damage.queues, q.key, s != Note)
		return
	case have == want, c.agrees(q, have, want, v):
		c.report.Queues.Units++
	default:
		s := c.severity(Error, v.StoreTimestamp)
		c.report.add(s, UnitWrong, q.dir, offset, "the unit says record at %d, %d bytes, tags %d; the record is at %d, %d bytes, tags %d",
			have.PhyOffset, have.Size, have.TagsCode, want.PhyOffset, want.Size, want.TagsCode)
		c.report.damage.mark(c.report.damage.queues, q.key, s != Note)
	}
	q.want(offset)
}

// agrees covers units whose TagsCode is no hash of tags.
func (c *checker) agrees(q *queue, have, want consumequeue.Unit, v *message.View) bool {
	if have.PhyOffset != want.PhyOffset || have.Size != want.Size {
		return false
	}
	if q.key.topic == message.TopicSchedule && !consumequeue.IsExtAddress(have.TagsCode) {
		return have.TagsCode >= v.StoreTimestamp // messageDelayLevel may have changed since
	}
	if !consumequeue.IsExtAddress(have.TagsCode) {
		return false
	}
	c.report.Queues.Ext++
	ext, err := c.extAt(q.key, have.TagsCode)
	if err != nil {
		c.report.add(c.severity(Warning, v.StoreTimestamp), ExtMissing, q.dir, want.PhyOffset, "%v", err)
		c.report.damage.mark(c.report.damage.queues, q.key, c.severity(Warning, v.StoreTimestamp) != Note)
		return true
	}
	if q.key.topic == message.TopicSchedule {
		return ext.TagsCode >= v.StoreTimestamp && ext.StoreTimestamp == v.StoreTimestamp
	}
	return ext.TagsCode == want.TagsCode && ext.StoreTimestamp == v.StoreTimestamp
}

// extAt reads an extension unit.
func (c *checker) extAt(key queueKey, address int64) (consumequeue.ExtUnit, error) {
	size := int64(c.cfg.MappedFileSizeConsumeQueueExt)
	at := consumequeue.ExtPosition(address)
	start := at / size * size
	name := filepath.Join(c.root, "consumequeue_ext", key.topic, strconv.Itoa(int(key.id)), fmt.Sprintf("%020d", start))
	f, err := c.fs.Open(name)
	if err != nil {
		return consumequeue.ExtUnit{}, err
	}
	defer func() { _ = f.Close() }()
	buf := make([]byte, min(size-(at-start), 32768))
	n, err := f.ReadAt(buf, at-start)
	if err != nil && !errors.Is(err, io.EOF) {
		return consumequeue.ExtUnit{}, err
	}
	u, ok := consumequeue.DecodeExt(buf[:n])
	if !ok {
		return u, fmt.Errorf("%s: no extension unit at %d", name, at-start)
	}
	return u, nil
}

// want notes that the unit of an offset is accounted for.
func (q *queue) want(offset int64) {
	if n := len(q.wanted); n > 0 && q.wanted[n-1].to == offset {
		q.wanted[n-1].to++
		return
	}
	q.wanted = append(q.wanted, span{offset, offset + 1})
}

// finishQueues looks at all units once more: those that no record wanted.
func (c *checker) finishQueues() error {
	for _, q := range c.queues {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		slices.SortFunc(q.wanted, func(a, b span) int { return int(min(max(a.from-b.from, -1), 1)) })
		c.finishQueue(q)
		if q.next < 0 && c.report.damage.queues[q.key] {
			c.report.damage.dead[q.key] = true
		}
	}
	return nil
}

func (c *checker) finishQueue(q *queue) {
	if q.max = max(q.next-q.shift, 0); len(q.files.starts) == 0 {
		return
	}
	offset, spans := q.files.starts[0]/consumequeue.UnitSize, q.wanted
	for ; ; offset++ {
		u, ok := c.unitAt(q, offset)
		if !ok {
			break
		}
		for len(spans) > 0 && spans[0].to <= offset {
			spans = spans[1:]
		}
		if len(spans) > 0 && spans[0].from <= offset || u.Filler() {
			continue
		}
		c.stray(q, offset, u)
	}
	if c.report.damage.queues[q.key] { // built anew, or trimmed
		offset = q.stays
	}
	q.max = max(q.max, offset)
}

// stray judges a unit that no record wanted.
func (c *checker) stray(q *queue, offset int64, u consumequeue.Unit) {
	r := c.report
	switch {
	case u.PhyOffset < r.Log.Min:
		r.Queues.Expired++
		if q.next < 0 {
			q.stays = offset + 1
		}
	case u.PhyOffset >= r.Log.End:
		s := c.beyond(Error)
		r.add(s, UnitStray, q.dir, offset, "the unit's record would be at %d, the log ends at %d", u.PhyOffset, r.Log.End)
		r.damage.mark(r.damage.queues, q.key, s != Note)
	case c.inRegion(u.PhyOffset):
		r.damage.lost = append(r.damage.lost, identity{q.key, offset, u.PhyOffset})
		q.stays = offset + 1
	case c.inQuarantine(u.PhyOffset):
		r.add(Note, UnitStray, q.dir, offset, "the unit leads into a part of the log that a repair has covered: its message is lost, and no record stands for it")
	case c.headDamaged(q, offset, u):
		q.stays = offset + 1
	default:
		s := c.severity(Error, r.Log.LastTime)
		r.add(s, UnitStray, q.dir, offset, "the unit says record at %d, %d bytes: no record there is of this queue and offset", u.PhyOffset, u.Size)
		r.damage.mark(r.damage.queues, q.key, s != Note)
	}
}

func (c *checker) inRegion(phy int64) bool { return regionOf(c.report.damage.regions, phy) >= 0 }

// regionOf is which of the regions, which are in order, a place is in; -1: in none.
func regionOf(list []region, phy int64) int {
	i := sort.Search(len(list), func(i int) bool { return list[i].to > phy })
	if i == len(list) || list[i].from > phy {
		return -1
	}
	return i
}

// addRegion keeps the regions in order. Almost all come in order.
func (d *damage) addRegion(g region) {
	i := len(d.regions)
	if i > 0 && d.regions[i-1].from > g.from {
		i = sort.Search(i, func(i int) bool { return d.regions[i].from > g.from })
	}
	d.regions = slices.Insert(d.regions, i, g)
}

// headDamaged: a unit that leads to exactly a record, and the record says that it
// is of another place, which has no unit for it.
func (c *checker) headDamaged(q *queue, offset int64, u consumequeue.Unit) bool {
	v, ok := c.recordAt(u)
	if !ok {
		return false
	}
	if other := c.queues[queueKey{string(v.Topic), v.QueueID}]; other != nil {
		if have, ok := c.unitAt(other, other.place(v.QueueOffset)); ok && have.PhyOffset == v.PhyOffset {
			return false
		}
	}
	c.misplaced(q, offset, &v)
	return true
}
