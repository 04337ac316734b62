package check

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store"
	"github.com/skylarkmq/skylark/store/commitlog"
	"github.com/skylarkmq/skylark/store/consumequeue"
	"github.com/skylarkmq/skylark/store/index"
)

// moveQueues takes away what will be built anew.
func (w *writer) moveQueues() error {
	root := w.report.Root
	for _, key := range w.queues {
		if w.report.damage.dead[key] {
			if err := w.trim(key); err != nil {
				return err
			}
			continue
		}
		if err := w.moveAway(queueDir(root, "consumequeue", key)); err != nil {
			return err
		}
	}
	for _, key := range w.batches {
		if err := w.moveAway(queueDir(root, "batchconsumequeue", key)); err != nil {
			return err
		}
	}
	if len(w.queues) > 0 {
		if err := w.moveAway(filepath.Join(root, "consumequeue.table")); err != nil { // where the queues ended
			return err
		}
	}
	if w.report.damage.index {
		return w.moveAway(filepath.Join(root, "index"))
	}
	return nil
}

// trim keeps of a queue the units that lead to expired records: nothing reads
// them, but they say at which offset the queue goes on. A damaged one among them
// gets the content of the one before.
func (w *writer) trim(key queueKey) error {
	dir := queueDir(w.report.Root, "consumequeue", key)
	size := consumequeue.RoundFileSize(int64(w.cfg.MappedFileSizeConsumeQueue))
	if err := w.moveAway(dir); err != nil {
		return err
	}
	from, err := w.keep(dir)
	if err != nil {
		return err
	}
	entries, err := w.disk.ReadDir(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	t := trimmed{w: w, from: from, dir: dir, size: size}
	for _, e := range entries {
		if start, ok := startOf(e.Name); ok && start%size == 0 {
			t.starts = append(t.starts, start)
		}
	}
	return t.write()
}

type trimmed struct {
	w         *writer
	from, dir string
	size      int64
	starts    []int64
}

func (t *trimmed) write() error {
	if len(t.starts) == 0 {
		return nil
	}
	files := queueFiles{disk: t.w.disk, dir: t.from, unit: consumequeue.UnitSize, size: t.size, starts: t.starts}
	old := func(at int64) (consumequeue.Unit, bool) {
		raw, ok, err := files.bytes(at)
		if !ok || err != nil {
			return consumequeue.Unit{}, false
		}
		u := consumequeue.DecodeUnit(raw)
		return u, u.Written() && !u.Filler() && u.PhyOffset < t.w.report.Log.Min
	}
	end, last := t.starts[0], consumequeue.Unit{}
	for _, start := range t.starts {
		for at := start; at < start+t.size; at += consumequeue.UnitSize {
			if u, ok := old(at); ok {
				if end = at + consumequeue.UnitSize; !last.Written() {
					last = u
				}
			}
		}
	}
	for start := t.starts[0]; start < end; start += t.size {
		var data []byte
		for at := start; at < min(end, start+t.size); at += consumequeue.UnitSize {
			if u, ok := old(at); ok {
				last = u
			}
			data = consumequeue.AppendUnit(data, last)
		}
		if err := t.w.disk.MkdirAll(t.dir); err != nil {
			return err
		}
		f, err := t.w.disk.Create(filepath.Join(t.dir, fmt.Sprintf("%020d", start)))
		if err != nil {
			return err
		}
		_, err = f.WriteAt(data, 0)
		if err = errors.Join(err, f.Truncate(t.size), f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// refill walks the log and fills what was taken away, with the code by which the
// store fills it.
type refill struct {
	w       *writer
	queues  map[queueKey]*consumequeue.Queue
	batches map[queueKey]*consumequeue.BatchQueue
	index   *index.Index
	derive  store.Deriver
	d       store.Derived
	filler  span // of the log, in front of the record: no message is there
}

func (w *writer) refill() error {
	if len(w.queues) == 0 && len(w.batches) == 0 && !w.report.damage.index {
		return nil
	}
	r := refill{w: w, queues: map[queueKey]*consumequeue.Queue{}, batches: map[queueKey]*consumequeue.BatchQueue{}}
	var err error
	if r.derive, err = store.NewDeriver(w.cfg.MessageDelayLevel); err != nil {
		return err
	}
	root := w.report.Root
	table, err := consumequeue.Open(consumequeue.Options{
		FS: w.disk, Dir: filepath.Join(root, "consumequeue"), BatchDir: filepath.Join(root, "batchconsumequeue"),
		FileSize: int64(w.cfg.MappedFileSizeConsumeQueue), BatchFileSize: int64(w.cfg.MapperFileSizeBatchConsumeQueue), Log: zerolog.Nop(),
	})
	if err != nil {
		return err
	}
	table.Replay()
	for _, key := range w.queues {
		if !w.report.damage.dead[key] {
			r.queues[key] = table.Queue(key.topic, key.id)
		}
	}
	for _, key := range w.batches {
		r.batches[key] = table.Batch(key.topic, key.id)
	}
	if w.report.damage.index {
		if r.index, err = index.Open(index.Options{
			FS: w.disk, Clock: clock.Real, Dir: filepath.Join(root, "index"), Slots: w.cfg.MaxHashSlotNum, Entries: w.cfg.MaxIndexNum, Log: zerolog.Nop(),
		}); err != nil {
			return err
		}
	}
	err = r.walk()
	if r.index != nil {
		err = errors.Join(err, r.index.Flush(), r.index.Close())
	}
	return errors.Join(err, table.Close(false))
}

func (r *refill) walk() error {
	dirs := (&checker{cfg: r.w.cfg, root: r.w.report.Root}).logDirs()
	log, err := commitlog.Open(commitlog.Options{FS: r.w.disk, Paths: dirs, FileSize: int64(r.w.cfg.MappedFileSizeCommitLog), Clock: clock.Real, Log: zerolog.Nop()})
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	if len(log.Files()) == 0 {
		return nil
	}
	scan, err := log.Scan(log.Files()[0].Start, commitlog.Check{BodyCRC: true}, r.record)
	if err == nil && scan.End < r.w.report.Log.End {
		return fmt.Errorf("the log still cannot be read from %d on: %w", scan.End, scan.Stop)
	}
	return err
}

func (r *refill) record(phy int64, _ []byte, v *message.View) error {
	if err := r.w.ctx.Err(); err != nil {
		return err
	}
	if quarantined(v) && !message.Indexed(v.SysFlag) {
		if r.filler.to != phy {
			r.filler.from = phy
		}
		r.filler.to = phy + int64(v.Size)
	}
	r.derive.Of(v, &r.d)
	if v.SysFlag&message.FlagInnerBatch != 0 {
		if q := r.batches[queueKey{string(v.Topic), v.QueueID}]; q != nil {
			base, count, _ := v.InnerBatch()
			err := q.Put(consumequeue.BatchUnit{PhyOffset: v.PhyOffset, Size: v.Size, TagsCode: r.d.Unit.TagsCode, StoreTimestamp: v.StoreTimestamp, Base: base, Count: count})
			if err != nil {
				return err
			}
		}
	} else if r.d.Queued {
		if err := r.put(queueKey{string(v.Topic), v.QueueID}, v.QueueOffset, v); err != nil {
			return err
		}
		if err := r.lightQueues(v); err != nil {
			return err
		}
	}
	if r.index == nil {
		return nil
	}
	return r.index.Put(r.d.Hashes, v.PhyOffset, v.StoreTimestamp)
}

func (r *refill) put(key queueKey, offset int64, v *message.View) error {
	q := r.queues[key]
	if q == nil {
		return nil
	}
	if !r.w.report.damage.shifted[key] { // consumers stand where the units are
		if err := r.plug(q, offset, v.StoreTimestamp); err != nil {
			return err
		}
	}
	return q.Put(offset, r.d.Unit.PhyOffset, r.d.Unit.Size, r.d.Unit.TagsCode, v.StoreTimestamp)
}

// plug gives messages that are missing in front of a record units that lead into
// filler, each into a part of its own, as the store does with a hole in the log: what
// comes later must not move up. What is missing without filler, the queue decides.
func (r *refill) plug(q *consumequeue.Queue, offset, storeTime int64) error {
	next, size := q.MaxOffset(), r.filler.to-r.filler.from
	missing := offset - next
	if next == 0 || missing <= 0 || missing > size || missing > max(1<<10, size/recordRoom) {
		return nil
	}
	step := size / missing
	for i := range missing {
		if err := q.Put(next+i, r.filler.from+i*step, int32(min(step, math.MaxInt32)), 0, storeTime); err != nil {
			return err
		}
	}
	return nil
}

func (r *refill) lightQueues(v *message.View) error {
	var failed error
	message.EachLightQueue(v, func(name string, offset int64) {
		if failed == nil {
			failed = r.put(queueKey{name, 0}, offset, v)
		}
	})
	return failed
}
