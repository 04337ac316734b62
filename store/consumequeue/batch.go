package consumequeue

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/skylarkmq/skylark/internal/vfs"
)

// BatchQueue is a queue of a topic with queue.type=BatchCQ. Such topics are few
// and a unit of theirs stands for many messages, so it is simple: a lock, units
// written at once.
type BatchQueue struct {
	Topic string
	ID    int32

	// Next belongs to the store's append lock, as Queue.Next.
	Next int64

	table *Table

	mu     sync.Mutex
	ready  bool
	err    error   // why it cannot be used: for good when ready, else for now
	failed failure // to open, as Queue.failed
	fault  error   // the first read that failed since the lock was taken
	files  []*batchFile
	end    int64 // bytes: behind the last unit
	min    int64
	max    int64
	maxPhy int64 // position of the newest record, not its end (as Java has it); -1 none
	dirty  bool

	// bounds are min and max as the last holder of mu left them, nil before the queue is open.
	// mu is held across the disk, by loops that have a stand-in: who asks for the bounds, on
	// another loop or the stand-in, does not wait for it.
	bounds atomic.Pointer[batchBounds]
}

type batchBounds struct{ low, high int64 }

type batchFile struct {
	vfs.File
	start int64
}

type batchTable struct {
	mu     sync.Mutex
	queues map[savedKey]*BatchQueue
}

// loadBatches lists the batch queue directories.
func (t *Table) loadBatches() error {
	t.batches.queues = make(map[savedKey]*BatchQueue)
	if t.opt.BatchDir == "" {
		return nil
	}
	topics, err := readDir(t.opt.FS, t.opt.BatchDir)
	if err != nil {
		return err
	}
	for _, topic := range topics {
		if !topic.Dir {
			continue
		}
		ids, err := readDir(t.opt.FS, filepath.Join(t.opt.BatchDir, topic.Name))
		if err != nil {
			return err
		}
		for _, e := range ids {
			if id, err := strconv.ParseInt(e.Name, 10, 32); err == nil && id >= 0 && e.Dir {
				t.batches.queues[savedKey{topic.Name, int32(id)}] = &BatchQueue{Topic: topic.Name, ID: int32(id), table: t}
			}
		}
	}
	return nil
}

// LookupBatch finds a batch queue.
func (t *Table) LookupBatch(topic string, id int32) (*BatchQueue, bool) {
	t.batches.mu.Lock()
	q := t.batches.queues[savedKey{topic, id}]
	t.batches.mu.Unlock()
	return q, q != nil
}

// Batch finds or makes a batch queue.
func (t *Table) Batch(topic string, id int32) *BatchQueue {
	t.batches.mu.Lock()
	defer t.batches.mu.Unlock()
	key := savedKey{topic, id}
	q := t.batches.queues[key]
	if q == nil {
		q = &BatchQueue{Topic: topic, ID: id, table: t, maxPhy: -1, ready: true, err: checkName(topic, id)}
		if q.err == nil {
			q.bounds.Store(&batchBounds{})
			t.batches.queues[key] = q
		}
	}
	return q
}

// EachBatch calls visit for every batch queue until it answers false.
func (t *Table) EachBatch(visit func(*BatchQueue) bool) {
	t.batches.mu.Lock()
	list := make([]*BatchQueue, 0, len(t.batches.queues))
	for _, q := range t.batches.queues {
		list = append(list, q)
	}
	t.batches.mu.Unlock()
	for _, q := range list {
		if !visit(q) {
			return
		}
	}
}

func (q *BatchQueue) dir() string {
	return filepath.Join(q.table.opt.BatchDir, q.Topic, strconv.Itoa(int(q.ID)))
}

// lock opens the queue when it was not yet.
func (q *BatchQueue) lock() {
	q.mu.Lock()
	q.fault = nil
	if q.ready || q.failed.lately(q.table) {
		return
	}
	q.maxPhy = -1
	began := q.table.opt.Clock.MonoMs()
	if q.err = q.load(); q.err == nil {
		q.ready, q.Next = true, q.max
		return
	}
	q.failed.note(q.table, began, q.err)
	q.close()
	q.end, q.min, q.max, q.maxPhy, q.fault = 0, 0, 0, -1, nil
}

// unlock shows what was changed.
func (q *BatchQueue) unlock() {
	if old := q.bounds.Load(); q.ready && q.err == nil && (old == nil || *old != batchBounds{q.min, q.max}) {
		q.bounds.Store(&batchBounds{q.min, q.max})
	}
	q.mu.Unlock()
}

func (q *BatchQueue) load() error {
	size := q.fileSize()
	starts, _, err := listFiles(q.table.opt.FS, q.dir(), size, q.table.unclean)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("batch consume queue: %w", err)
	}
	for _, start := range starts {
		f, err := q.table.opt.FS.Open(filepath.Join(q.dir(), fileName(start)))
		if err != nil {
			return fmt.Errorf("batch consume queue: %w", err)
		}
		q.files = append(q.files, &batchFile{f, start})
	}
	if len(starts) == 0 {
		return nil
	}
	q.end = starts[max(0, len(starts)-recoverFiles)]
	for q.end < starts[len(starts)-1]+size {
		u, ok := q.at(q.end)
		if !ok || !u.written() || u.PhyOffset <= q.maxPhy || u.Base < q.max {
			break // also a unit that a power cut left half
		}
		q.end += BatchUnitSize
		q.max, q.maxPhy = u.End(), u.PhyOffset
	}
	if u, ok := q.at(starts[0]); ok && q.end > starts[0] {
		q.min = u.Base
	}
	if q.fault != nil {
		return q.fault
	}
	return q.dropBehind()
}

func (q *BatchQueue) fileSize() int64 {
	size := q.table.opt.BatchFileSize
	return max((size+BatchUnitSize-1)/BatchUnitSize, 1) * BatchUnitSize
}

// at reads the unit at a byte position. What the disk does not give looks like no unit:
// who goes on by what it finds asks for fault, too.
func (q *BatchQueue) at(pos int64) (BatchUnit, bool) {
	i := slices.IndexFunc(q.files, func(f *batchFile) bool { return pos >= f.start && pos < f.start+q.fileSize() })
	if i < 0 {
		return BatchUnit{}, false
	}
	var raw [BatchUnitSize]byte
	n, err := q.files[i].ReadAt(raw[:], pos-q.files[i].start)
	if n == len(raw) {
		return batchUnitAt(raw[:]), true
	}
	if q.fault == nil {
		q.fault = fmt.Errorf("batch consume queue: %s: %w", filepath.Join(q.dir(), fileName(q.files[i].start)), err)
	}
	return BatchUnit{}, false
}

// dropBehind removes files that start behind the end.
func (q *BatchQueue) dropBehind() error {
	for n := len(q.files); n > 1 && q.files[n-1].start > q.end; n-- {
		if err := q.removeFile(n - 1); err != nil {
			return err
		}
	}
	return nil
}

func (q *BatchQueue) removeFile(i int) error {
	f := q.files[i]
	q.files = slices.Delete(q.files, i, i+1)
	_ = f.Close()
	if err := q.table.opt.FS.Remove(filepath.Join(q.dir(), fileName(f.start))); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("batch consume queue: remove: %w", err)
	}
	return nil
}

// Put adds the unit of a record. A record without a base is not indexed, one that
// has its unit already is dropped.
func (q *BatchQueue) Put(u BatchUnit) error {
	q.lock()
	defer q.unlock()
	if q.err != nil {
		return q.err
	}
	if u.Base < 0 || u.Count <= 0 || u.PhyOffset <= q.maxPhy {
		return nil
	}
	if u.Base == 0 && q.max > 0 && q.table.replayed {
		if err := q.empty(); err != nil {
			return err
		}
	}
	if n := len(q.files); n == 0 || q.end >= q.files[n-1].start+q.fileSize() {
		if err := q.addFile(); err != nil {
			return err
		}
	}
	var raw [BatchUnitSize]byte
	putBatchUnit(raw[:], u)
	f := q.files[len(q.files)-1]
	if _, err := f.WriteAt(raw[:], q.end-f.start); err != nil {
		return fmt.Errorf("batch consume queue: write: %w", err)
	}
	if q.max == 0 && q.maxPhy < 0 {
		q.min = u.Base
	}
	q.end += BatchUnitSize
	q.max, q.maxPhy, q.dirty = u.End(), u.PhyOffset, true
	q.table.lastTimestamp.Store(u.StoreTimestamp)
	return nil
}

func (q *BatchQueue) addFile() error {
	start := q.end / q.fileSize() * q.fileSize()
	if err := q.table.opt.FS.MkdirAll(q.dir()); err != nil {
		return fmt.Errorf("batch consume queue: %w", err)
	}
	f, err := q.table.opt.FS.Create(filepath.Join(q.dir(), fileName(start)))
	if err != nil {
		return fmt.Errorf("batch consume queue: %w", err)
	}
	if err := f.Truncate(q.fileSize()); err != nil {
		return fmt.Errorf("batch consume queue: %w", errors.Join(err, f.Close()))
	}
	q.files = append(q.files, &batchFile{f, start})
	return nil
}

// Bounds are the queue offsets there are: [low, high).
func (q *BatchQueue) Bounds() (low, high int64) {
	if b := q.bounds.Load(); b != nil {
		return b.low, b.high
	}
	q.lock()
	defer q.unlock()
	return q.min, q.max
}

// Err is why the queue cannot be used, or nil.
func (q *BatchQueue) Err() error {
	if q.bounds.Load() != nil {
		return nil
	}
	q.lock()
	defer q.unlock()
	return q.err
}

// MaxPhy is the position of the newest record, -1 if none.
func (q *BatchQueue) MaxPhy() int64 {
	q.lock()
	defer q.unlock()
	return q.maxPhy
}

// Units appends up to n units, from the one that holds a queue offset on.
func (q *BatchQueue) Units(offset int64, n int, dst []BatchUnit) ([]BatchUnit, error) {
	q.lock()
	defer q.unlock()
	if q.err != nil || len(q.files) == 0 || offset < q.min || offset >= q.max {
		return dst, q.err
	}
	pos := q.search(func(u BatchUnit) bool { return u.End() > offset })
	if q.fault != nil {
		return dst, q.fault
	}
	for ; pos < q.end && n > 0; pos, n = pos+BatchUnitSize, n-1 {
		u, ok := q.at(pos)
		if !ok {
			break
		}
		dst = append(dst, u)
	}
	return dst, q.fault
}

// search is the position of the first unit for which pred holds, or the end.
func (q *BatchQueue) search(pred func(BatchUnit) bool) int64 {
	low, high := q.files[0].start/BatchUnitSize, q.end/BatchUnitSize
	for low < high {
		mid := low + (high-low)/2
		if u, ok := q.at(mid * BatchUnitSize); ok && pred(u) {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return low * BatchUnitSize
}

// OffsetByTime is Queue.OffsetByTime by the rules that Java has for these queues: the
// base of the first unit that is not older; of equal ones the last with upper; and of
// the last unit of all when every one is older.
func (q *BatchQueue) OffsetByTime(ms int64, upper bool) (int64, error) {
	q.lock()
	defer q.unlock()
	if q.err != nil || len(q.files) == 0 {
		return 0, q.err
	}
	pos := q.search(func(u BatchUnit) bool { return u.StoreTimestamp > ms || !upper && u.StoreTimestamp == ms })
	if before, ok := q.at(pos - BatchUnitSize); ok && (pos >= q.end || upper && before.StoreTimestamp == ms) {
		return max(before.Base, q.min), q.fault
	}
	if u, ok := q.at(pos); ok && pos < q.end {
		return max(u.Base, q.min), q.fault
	}
	return q.min, q.fault
}

// truncate removes the units of records at or behind a position, and zeroes them.
func (q *BatchQueue) truncate(phy int64) error {
	q.lock()
	defer q.unlock()
	if q.err != nil || len(q.files) == 0 || q.maxPhy < phy {
		return q.err
	}
	return q.cutBefore(phy)
}

// cutBefore ends the queue before the unit of a record at or behind a position, unless
// that place is not certain.
func (q *BatchQueue) cutBefore(phy int64) error {
	end := q.endBefore(phy)
	if q.fault != nil {
		return q.fault
	}
	return q.cut(end)
}

// endBefore is behind the last unit of a record before a position of the log. What a
// power cut left has holes, which mislead a search to a place behind it, and a damaged
// unit to one in front of it.
func (q *BatchQueue) endBefore(phy int64) int64 {
	pos, last := q.search(func(u BatchUnit) bool { return u.PhyOffset >= phy }), int64(-1)
	for ; pos > q.files[0].start; pos -= BatchUnitSize {
		if u, ok := q.at(pos - BatchUnitSize); ok && u.written() && u.PhyOffset < phy {
			last = u.PhyOffset
			break
		}
	}
	for at := pos; at < q.end; at += BatchUnitSize {
		if u, ok := q.at(at); ok && u.written() && u.PhyOffset > last && u.PhyOffset < phy {
			pos, last = at+BatchUnitSize, u.PhyOffset
		}
	}
	return pos
}

// rebuild is Queue.rebuild: the files may hold units behind the end, with a hole
// between.
func (q *BatchQueue) rebuild(phy int64) error {
	q.lock()
	defer q.unlock()
	if q.err != nil || len(q.files) == 0 {
		return q.err
	}
	return q.cutBefore(phy)
}

// cut ends the queue at a byte position: files behind it go, the rest of its own is
// zeroed.
func (q *BatchQueue) cut(end int64) error {
	q.end, q.max, q.maxPhy, q.dirty = end, 0, -1, true
	for i := range q.files {
		if f := q.files[i]; end < f.start+q.fileSize() {
			if err := vfs.ZeroFrom(f.File, max(0, end-f.start)); err != nil {
				return fmt.Errorf("batch consume queue: truncate: %w", err)
			}
		}
	}
	if u, ok := q.at(end - BatchUnitSize); ok {
		q.max, q.maxPhy = u.End(), u.PhyOffset
	}
	if q.fault != nil {
		return q.fault
	}
	q.min, q.Next = min(q.min, q.max), q.max
	if err := q.dropBehind(); err != nil {
		return err
	}
	for _, f := range q.files {
		if err := f.Datasync(); err != nil {
			return fmt.Errorf("batch consume queue: truncate: %w", err)
		}
	}
	return q.table.opt.FS.SyncDir(q.dir())
}

func (q *BatchQueue) correctMin(minPhy int64) {
	q.lock()
	defer q.unlock()
	if q.err != nil || len(q.files) == 0 {
		return
	}
	pos := q.search(func(u BatchUnit) bool { return u.PhyOffset >= minPhy })
	u, ok := q.at(pos)
	switch {
	case q.fault != nil: // next time
	case ok && pos < q.end:
		q.min = u.Base
	default:
		q.min = q.max
	}
}

// deleteExpired deletes files, never the last, whose last unit is before minPhy.
func (q *BatchQueue) deleteExpired(minPhy int64) (deleted int, err error) {
	q.lock()
	for err == nil && q.err == nil && len(q.files) > 1 {
		var gone bool
		if gone, err = q.firstGone(minPhy); err != nil || !gone {
			break
		}
		if err = q.removeFile(0); err == nil {
			deleted++
		}
	}
	q.unlock()
	q.correctMin(minPhy)
	return deleted, err
}

// firstGone says whether the log has nothing any more of what the first file points to. A last unit that was damaged
// says nothing: then the next one is asked.
func (q *BatchQueue) firstGone(minPhy int64) (bool, error) {
	end := q.files[1].start
	for _, at := range [...]int64{end - BatchUnitSize, end} {
		u, ok := q.at(at)
		if !ok {
			return false, fmt.Errorf("batch consume queue: a unit of %s cannot be read", filepath.Join(q.dir(), fileName(q.files[0].start)))
		}
		if u.written() {
			return u.PhyOffset < minPhy, nil
		}
	}
	return false, nil
}

func (q *BatchQueue) sync() (err error) {
	q.lock()
	files, dirty := slices.Clone(q.files), q.dirty
	q.dirty = false
	q.unlock()
	if !dirty {
		return nil
	}
	defer func() {
		if err != nil { // the next time
			q.mu.Lock()
			q.dirty = true
			q.mu.Unlock()
		}
	}()
	for _, f := range files {
		if err := f.Sync(); err != nil && !errors.Is(err, fs.ErrClosed) {
			return fmt.Errorf("batch consume queue: sync: %w", err)
		}
	}
	for _, dir := range []string{q.dir(), filepath.Dir(q.dir()), q.table.opt.BatchDir} {
		if err := q.table.opt.FS.SyncDir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("batch consume queue: sync: %w", err)
		}
	}
	return nil
}

// Destroy closes and removes everything and begins anew, as Queue.Destroy does.
func (q *BatchQueue) Destroy() error {
	q.lock()
	defer q.unlock()
	if q.Next <= q.max {
		q.Next = 0
	}
	q.err, q.ready = nil, true
	return q.empty()
}

// empty closes and removes all files.
func (q *BatchQueue) empty() error {
	q.close()
	q.end, q.min, q.max, q.maxPhy = 0, 0, 0, -1
	if err := q.table.opt.FS.RemoveAll(q.dir()); err != nil {
		return fmt.Errorf("batch consume queue: %w", err)
	}
	return nil
}

func (q *BatchQueue) close() {
	for _, f := range q.files {
		_ = f.Close()
	}
	q.files = nil
}

// Batches lists the batch queues, by topic and id.
func (t *Table) Batches() []*BatchQueue {
	var list []*BatchQueue
	t.EachBatch(func(q *BatchQueue) bool { list = append(list, q); return true })
	slices.SortFunc(list, func(a, b *BatchQueue) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.ID, b.ID))
	})
	return list
}
