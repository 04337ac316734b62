package check

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io/fs"
	"math"
	"math/bits"
	"path/filepath"
	"sort"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store"
	"github.com/skylarkmq/skylark/store/commitlog"
	"github.com/skylarkmq/skylark/store/consumequeue"
	"github.com/skylarkmq/skylark/store/mapped"
)

var errNotExist = fs.ErrNotExist

// logWalk is the log of a run, opened for reading through the view.
type logWalk struct {
	log     *commitlog.Log
	files   []*mapped.File
	damaged error // of the record that is visited next: its sum is wrong
	known   int64 // the end of the newest record that a unit leads to
	lenient bool  // store times decide too, whatever the queues know
}

// listLog looks at the names and sizes of the files, and opens them.
func (c *checker) listLog() error {
	want := int64(c.cfg.MappedFileSizeCommitLog)
	found, err := c.logFiles(want)
	if err != nil {
		return err
	}
	for _, dir := range c.logDirs() {
		c.view.dirs[dir] = nil
	}
	for i, f := range found {
		unmade := false
		if f.has < want && i == len(found)-1 {
			if unmade, err = vfs.Blank(c.fs, f.path); c.gone(err) {
				continue
			}
			if err != nil {
				return err
			}
		}
		switch {
		case f.has == want:
		case unmade && f.has == 0:
			c.report.add(Note, BadSize, f.path, f.start, "empty: made and not sized when the broker died; the next start removes it")
			continue
		case unmade:
			p := c.report.add(Note, BadSize, f.path, f.start, "%d bytes of zeros: the broker died while it made the file; the next start of this broker removes it, Java does not start with it", f.has)
			p.starts, p.wayOut = &starts{ours: true}, "let this broker start and stop once, or remove the file: there is nothing in it"
			continue
		default:
			c.report.add(Error, BadSize, f.path, f.start, "%d bytes, expected %d: neither broker starts with it", f.has, want)
			c.report.damage.logFiles = append(c.report.damage.logFiles, f)
			c.view.sizes[f.path] = want
		}
		dir := filepath.Dir(f.path)
		c.view.dirs[dir] = append(c.view.dirs[dir], vfs.Entry{Name: filepath.Base(f.path)})
	}
	if c.guessed && len(found) == 1 && found[0].start == 0 && want != int64(store.Defaults().MappedFileSizeCommitLog) {
		// A file that was cut off looks the same.
		p := c.report.add(Note, BadSize, found[0].path, -1, "that mappedFileSizeCommitLog is %d is guessed from this one file: a broker of another setting does not start with it", want)
		p.wayOut = "compare with the settings of the broker, or name them with -c"
	}
	log, err := commitlog.Open(commitlog.Options{FS: c.view, Paths: c.logDirs(), FileSize: want, Clock: clock.Real, Log: zerolog.Nop()})
	if err != nil {
		return err
	}
	c.log.log, c.log.files = log, log.Files()
	c.report.Log.Files = len(c.log.files)
	return nil
}

// walkLog visits every record, and goes on behind what is none.
func (c *checker) walkLog() error {
	files := c.log.files
	if len(files) == 0 {
		return nil
	}
	check := commitlog.Check{BodyCRC: true, Torn: true, Durable: math.MaxInt64, Damaged: func(_ int64, err error) { c.log.damaged = err }}
	at := files[0].Start
	c.report.Log.Min, c.last.end = at, at
	for stuck := int64(-1); ; {
		scan, err := c.log.log.Scan(at, check, c.record)
		if ctx := c.ctx.Err(); ctx != nil {
			return ctx
		}
		if c.gone(err) {
			// Expired while it was read: begin at what is there now.
			return fmt.Errorf("the log moved on during the check, run it again: %w", err)
		}
		if err != nil {
			c.unread(c.pathOf(scan.End), scan.End, err)
		}
		bad := c.afterBlank(scan.End)
		if err == nil && scan.Stop == nil && bad >= files[len(files)-1].Start {
			c.report.Log.End = scan.End
			return c.tail(bad)
		}
		next, ok := c.resync(bad)
		if ok && next <= at && stuck == at { // a record that only the scan does not like
			next, ok = c.resync(at + 1)
		}
		stuck = next // once more from here: a running broker may have been half way through
		if !ok {
			c.report.Log.End = scan.End
			return c.tail(bad)
		}
		if next > bad {
			c.damaged(bad, next, scan.Stop, err)
		}
		at = next
	}
}

// afterBlank is the end of the file when a blank record of the right length is at
// an offset, else the offset.
func (c *checker) afterBlank(at int64) int64 {
	f := c.fileOf(at)
	var b [message.BlankSize]byte
	if f == nil || f.End()-at < message.BlankSize || f.ReadAt(b[:], at-f.Start) != nil {
		return at
	}
	if binary.BigEndian.Uint32(b[4:]) != message.MagicBlank {
		return at
	}
	if rest := int64(int32(binary.BigEndian.Uint32(b[:]))); rest != f.End()-at {
		c.report.add(Warning, LogBlank, f.Path(), at, "the blank record says %d bytes, the file has %d left", rest, f.End()-at)
	}
	return f.End()
}

func (c *checker) fileOf(at int64) *mapped.File {
	i := sort.Search(len(c.log.files), func(i int) bool { return c.log.files[i].End() > at })
	if i == len(c.log.files) || c.log.files[i].Start > at {
		return nil
	}
	return c.log.files[i]
}

func (c *checker) pathOf(at int64) string {
	if f := c.fileOf(at); f != nil {
		return f.Path()
	}
	return ""
}

// damaged reports bytes between records that are none.
func (c *checker) damaged(from, to int64, stop, err error) {
	if c.fileOf(from) == nil {
		c.report.add(Error, LogGap, "", from, "the log has no file for [%d, %d)", from, to)
	} else if err == nil {
		c.report.add(Error, LogDamage, c.pathOf(from), from, "%d bytes up to %d are no record: %v; Java's recovery after a crash would cut the log off here", to-from, to, stop)
	}
	c.report.damage.addRegion(region{from, to, c.last.storeTime})
}

// tail looks at what follows the last record.
func (c *checker) tail(from int64) error {
	to := c.log.files[len(c.log.files)-1].End()
	if c.report.InUse {
		return nil
	}
	dirty := int64(0)
	err := c.eachPiece(from, to, func(at int64, piece []byte) bool {
		if n := len(bytes.TrimRight(piece, "\x00")); n > 0 {
			dirty = at + int64(n)
		}
		return true
	})
	if err != nil {
		c.report.add(Error, Unreadable, c.pathOf(from), from, "%v", err)
	}
	if dirty > from {
		c.report.add(Note, LogTail, c.pathOf(from), from, "%d bytes behind the last record are no records: a torn write, or old bytes that Java leaves", dirty-from)
	}
	return nil
}

// pieceSize is how much is read at once where no records are.
const pieceSize = 1 << 20

// eachPiece reads a part of the log, file by file.
func (c *checker) eachPiece(from, to int64, visit func(at int64, piece []byte) bool) error {
	buf := make([]byte, pieceSize)
	for _, f := range c.log.files {
		for at := max(from, f.Start); at < min(to, f.End()); {
			piece := buf[:min(int64(len(buf)), min(to, f.End())-at)]
			if err := f.ReadAt(piece, at-f.Start); err != nil {
				return err
			}
			if !visit(at, piece) {
				return nil
			}
			at += int64(len(piece))
		}
	}
	return nil
}

// resync finds where the log goes on at or behind an offset. What is there may also
// be old records, which Java's recovery cuts off and leaves where they are: whether
// any of it is of the log is decided first, by the rules of a start.
func (c *checker) resync(from int64) (int64, bool) {
	over := func(int64, error) error { return nil } // what the disk does not give is part of the damage
	if _, ok, _ := c.log.log.Resync(from, c.follows, over); !ok {
		return 0, false
	}
	next, ok, _ := c.log.log.Resync(from, func(int64, *message.View) bool { return true }, over)
	return next, ok
}

// follows says whether a record, or a blank that v is nil for, is proof that the log
// did not end in front of it. After a clean stop the queues know where it ended, if
// they are whole. Else what is older than the last record was there before it.
func (c *checker) follows(at int64, v *message.View) bool {
	d := &c.report.damage
	crashed := c.report.Unclean || c.report.InUse
	if !crashed && at < c.log.known {
		return true
	}
	if crashed || c.log.lenient || c.log.known == 0 || len(d.queues)+len(d.batches) > 0 {
		return v != nil && v.StoreTimestamp >= c.last.storeTime
	}
	return false
}

// record is called for each record of the log, in order.
func (c *checker) record(phy int64, rec []byte, v *message.View) error {
	if c.report.Log.Records%4096 == 0 && c.ctx.Err() != nil {
		return c.ctx.Err()
	}
	damaged := c.log.damaged
	c.log.damaged = nil
	if damaged != nil {
		c.lostBody(v)
	} else if hasSum(v) {
		damaged = c.sealed(phy, rec, v)
	}
	if damaged == nil && v.StoreTimestamp < c.last.storeTime && c.report.Log.Records > 0 {
		c.report.add(Note, LogDamage, c.pathOf(phy), phy, "the store time %d is before that of the record in front of it, %d: the clock went back", v.StoreTimestamp, c.last.storeTime)
	}
	if damaged != nil {
		c.report.add(Error, LogDamage, c.pathOf(phy), phy, "the record of %d bytes, topic %q queue %d offset %d, is damaged: %v", v.Size, shown(v.Topic), v.QueueID, v.QueueOffset, damaged)
		c.report.damage.addRegion(region{phy, phy + int64(v.Size), c.last.storeTime})
		c.last.end = phy + int64(v.Size)
		return nil
	}
	c.report.Log.Records++
	c.report.Log.Bytes += int64(v.Size)
	c.last = lastRecord{phy, phy + int64(v.Size), v.StoreTimestamp}
	c.report.Log.LastTime, c.report.damage.lastPhy = v.StoreTimestamp, phy
	if c.report.damage.firstTime == 0 {
		c.report.damage.firstTime = v.StoreTimestamp
	}
	if c.wrongPlace(v) {
		return nil
	}
	if quarantined(v) {
		c.report.Log.Quarantined++
		c.report.damage.quarantined = append(c.report.damage.quarantined, span{phy, c.last.end})
	}
	c.queued(v)
	return c.indexed(v)
}

// quarantined says whether a repair wrote the record: no broker writes one without
// hosts. The property has no room in each of them.
func quarantined(v *message.View) bool { return v.StoreHost == noHost && v.BornHost == noHost }

// wrongPlace: a record whose offset is not the next one of its queue, while the
// unit of the next one leads to it. No sum covers topic, queue and offset of a
// record; the unit is the second witness, and the unit after it the third: all of
// them would disagree if it were the queue that is wrong.
func (c *checker) wrongPlace(v *message.View) bool {
	q := c.queues[queueKey{string(v.Topic), v.QueueID}]
	if q == nil || q.next < 0 || v.QueueOffset == q.next || v.SysFlag&message.FlagInnerBatch != 0 || !message.Indexed(v.SysFlag) {
		return false
	}
	u, ok := c.unitAt(q, q.next-q.shift)
	if !ok || u.PhyOffset != v.PhyOffset || u.Size != v.Size {
		return false
	}
	if after, ok := c.unitAt(q, q.next-q.shift+1); ok {
		next, ok := c.recordAt(after)
		if !ok || next.QueueOffset != q.next+1 {
			return false
		}
	} else if bits.OnesCount64(uint64(v.QueueOffset^q.next)) != 1 {
		return false
	}
	c.misplaced(q, q.next, v)
	q.next, q.lastPhy = q.next+1, v.PhyOffset
	return true
}

// recordAt is the record to which a unit leads.
func (c *checker) recordAt(u consumequeue.Unit) (v message.View, ok bool) {
	f := c.fileOf(u.PhyOffset)
	if f == nil || u.End() > f.End() {
		return v, false
	}
	rec := make([]byte, u.Size)
	ok = f.ReadAt(rec, u.PhyOffset-f.Start) == nil && message.Decode(rec, &v) == nil && v.PhyOffset == u.PhyOffset && v.Size == u.Size
	return v, ok
}

// misplaced reports a record whose unit says that it belongs elsewhere.
func (c *checker) misplaced(q *queue, offset int64, v *message.View) {
	d := &c.report.damage
	c.report.add(Error, LogDamage, c.pathOf(v.PhyOffset), v.PhyOffset, "the record says topic %q queue %d offset %d, its unit is in %s at %d",
		shown(v.Topic), v.QueueID, v.QueueOffset, q.dir, offset)
	d.addRegion(region{v.PhyOffset, v.PhyOffset + int64(v.Size), v.StoreTimestamp})
	d.lost = append(d.lost, identity{q.key, offset, v.PhyOffset})
}

// lostBody notes the place in its queue of a record whose body is damaged, when
// that place is the one that comes next.
func (c *checker) lostBody(v *message.View) {
	if !message.Indexed(v.SysFlag) || v.SysFlag&message.FlagInnerBatch != 0 || !message.SafeTopic(v.Topic) || v.QueueID < 0 {
		return
	}
	q := c.queue(queueKey{string(v.Topic), v.QueueID})
	if v.QueueOffset < 0 || v.QueueOffset > store.MaxQueueOffset || q.next >= 0 && q.next != v.QueueOffset {
		return
	}
	q.next, q.lastPhy = v.QueueOffset+1, v.PhyOffset
	c.report.damage.lost = append(c.report.damage.lost, identity{q.key, v.QueueOffset, v.PhyOffset})
}

// sealed compares a record with the sum that it ends with. A client may have sent a
// property of that name: a broker that does not write sums keeps it as it is. The body
// has the right sum, so a wrong one here is damage only where the broker writes them,
// or where the unit differs as well.
func (c *checker) sealed(phy int64, rec []byte, v *message.View) error {
	err := message.CheckPropertyCRC(rec)
	if err == nil {
		c.report.Log.Sealed++
		return nil
	}
	if c.cfg.EnabledAppendPropCRC || c.cfg.ForceVerifyPropCRC || c.unitDiffers(v) {
		return err
	}
	c.report.add(Note, LogDamage, c.pathOf(phy), phy, "the property %s is not the sum of the record: a client sent it, or a property is damaged", message.PropertyCRC32)
	return nil
}

// unitDiffers says whether the place that comes next in its queue, which the record
// says is its own, has the unit of another one.
func (c *checker) unitDiffers(v *message.View) bool {
	var d store.Derived
	c.derive.Of(v, &d)
	q := c.queues[queueKey{string(v.Topic), v.QueueID}]
	if !d.Queued || q == nil || v.SysFlag&message.FlagInnerBatch != 0 || q.next >= 0 && q.next != v.QueueOffset || v.QueueOffset < 0 || v.QueueOffset > store.MaxQueueOffset {
		return false
	}
	u, ok := c.unitAt(q, v.QueueOffset-q.shift)
	if !ok || u.Filler() {
		return false
	}
	plain := q.key.topic != message.TopicSchedule && !consumequeue.IsExtAddress(u.TagsCode)
	return u.PhyOffset != d.Unit.PhyOffset || u.Size != d.Unit.Size || plain && u.TagsCode != d.Unit.TagsCode
}

// hasSum says whether a record ends with the sum over the whole of it.
func hasSum(v *message.View) bool {
	const tail = len(message.PropertyCRC32) + 12
	p := v.Properties
	return len(p) >= tail && bytes.HasPrefix(p[len(p)-tail:], []byte(message.PropertyCRC32+"\x01"))
}

func shown(topic []byte) string { return string(topic[:min(len(topic), 255)]) }
