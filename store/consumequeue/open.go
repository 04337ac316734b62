package consumequeue

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"sync"
	"sync/atomic"
)

// recoverFiles is how many of the last files recovery reads; those before are trusted.
const recoverFiles = 3

// A queue that could not be opened is left alone for openAgainMs, or openAgainTimes what
// the attempt took, up to openAgainMostMs. Each use of it asks, event loops among them, and
// a disk that fails may take half a minute to say so: that must not fill their time.
const (
	openAgainMs     = 1000
	openAgainTimes  = 20
	openAgainMostMs = 600_000
)

// open finds out where the queue begins and ends, once. A failure concerns this use of
// the queue only, as it may pass: descriptors had run out, or a read failed.
func (q *Queue) open() error {
	if q.ready.Load() {
		return q.refused
	}
	return q.openNow()
}

func (q *Queue) openNow() error {
	q.io.Lock()
	defer q.io.Unlock()
	if q.ready.Load() {
		return q.refused
	}
	if q.failed.lately(q.table) {
		return q.failed.err
	}
	began := q.table.opt.Clock.MonoMs()
	if err := q.load(); err != nil {
		q.failed.note(q.table, began, err)
		return err
	}
	q.failed = failure{}
	q.Next = q.max.Load()
	q.ready.Store(true)
	return nil
}

// failure is the last attempt to open a queue, when it failed.
type failure struct {
	err   error
	until int64 // MonoMs: it is not tried again before
}

// note keeps why an attempt failed that began at a MonoMs.
func (f *failure) note(t *Table, began int64, err error) {
	now := t.opt.Clock.MonoMs()
	*f = failure{err, now + min(max(openAgainMs, openAgainTimes*(now-began)), openAgainMostMs)}
}

// lately: too short a time ago to try again.
func (f *failure) lately(t *Table) bool { return f.err != nil && t.opt.Clock.MonoMs() < f.until }

// load is open's work, under io.
func (q *Queue) load() error {
	q.maxPhy.Store(-1)
	starts, damaged, err := listFiles(q.table.opt.FS, q.dir(), q.table.opt.FileSize, q.table.unclean)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(starts) == 0 {
		q.setFiles(false)
		q.ext, err = q.openExt()
		return err
	}
	if err != nil {
		return fmt.Errorf("consume queue: %w", err)
	}
	if damaged {
		q.table.log.Error().Str("topic", q.Topic).Int32("queue", q.ID).Int64("from", starts[0]).
			Msg("consume queue: a file is missing, the queue begins after it")
	}
	q.first, q.last = starts[0], starts[len(starts)-1]
	if !q.endsAt(q.saved) {
		if q.saved, err = q.scan(starts); err != nil {
			return fmt.Errorf("consume queue: %w", err)
		}
		if err = q.dropFilesBehind(q.saved.max); err != nil {
			return err
		}
	}
	q.settle(q.saved)
	q.setFiles(true)
	q.min.Store(q.first / UnitSize)
	if q.ext, err = q.openExt(); err != nil {
		return err
	}
	if minPhy := q.table.minPhy.Load(); minPhy >= 0 {
		return q.correctMin(minPhy)
	}
	return nil
}

// settle makes an end the queue's state; its units are in the file, and as
// durable as they will get.
func (q *Queue) settle(e ends) {
	q.dropTail()
	q.maxPhy.Store(e.maxPhy)
	q.max.Store(e.max)
	q.filed.Store(e.max)
	q.synced = e.max
	q.generation++
}

// endsAt checks what the last clean stop remembered against the two units that
// would show another writer: the last one, and the empty one behind it.
func (q *Queue) endsAt(e ends) bool {
	at, size := e.max*UnitSize, q.table.opt.FileSize
	if !e.known || e.max <= 0 || at <= q.first || at > q.last+size || at < q.last {
		return false
	}
	var raw [2 * UnitSize]byte
	n, err := q.readFiles(raw[:], at-UnitSize, false)
	if err != nil && !errors.Is(err, io.EOF) || n < UnitSize {
		return false
	}
	if at == q.last { // the unit behind is the first of the next file
		m, err := q.readFiles(raw[UnitSize:], at, false)
		if err != nil && !errors.Is(err, io.EOF) {
			return false
		}
		n = UnitSize + m
	}
	last, behind := unitAt(raw[:]), unitAt(raw[UnitSize:])
	if !last.written() || last.end() != e.maxPhy {
		return false
	}
	return n < len(raw) || !behind.written()
}

// scan is recovery of one queue: the last three files, unit by
// unit, up to the first that was never written. Only zeros were not: another unit that
// leads nowhere was damaged or torn, and those behind it may be sound. After a crash
// Rebuild cuts what nothing vouches for.
func (q *Queue) scan(starts []int64) (ends, error) {
	from := starts[max(0, len(starts)-recoverFiles)]
	found := ends{max: from / UnitSize, maxPhy: -1, known: true}
	buf := scanBuffers.Get().(*[]byte)
	defer scanBuffers.Put(buf)
	piece := (*buf)[:scanFirst]
	for at := from; at < q.last+q.table.opt.FileSize; {
		n, err := q.readFiles(piece, at, false)
		if err != nil && !errors.Is(err, io.EOF) {
			return ends{}, err
		}
		if n < UnitSize {
			break
		}
		for i := 0; i+UnitSize <= n; i += UnitSize {
			u := unitAt((*buf)[i:])
			if u == (Unit{}) {
				return found, nil
			}
			found.max++
			if u.written() && !u.filler() {
				found.maxPhy = u.end()
			}
		}
		at += int64(n / UnitSize * UnitSize)
		piece = *buf
	}
	return found, nil
}

// dropFilesBehind removes files that start behind the end: a crash can leave them.
func (q *Queue) dropFilesBehind(end int64) error {
	last := q.last
	for q.last > q.first && q.last > end*UnitSize {
		if err := q.removeFile(q.last); err != nil {
			return err
		}
		q.last -= q.table.opt.FileSize
	}
	if q.last == last {
		return nil
	}
	return q.table.opt.FS.SyncDir(q.dir())
}

func (q *Queue) removeFile(start int64) error {
	q.table.files.drop(fileKey{q: q, start: start})
	if err := q.table.opt.FS.Remove(q.path(start)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("consume queue: remove: %w", err)
	}
	return nil
}

// scanFirst is what a scan reads first: most queues end there, and what they have in
// front of them in a sparse file would fill the page cache.
const scanFirst = pageSize / UnitSize * UnitSize

var scanBuffers = sync.Pool{New: func() any { b := make([]byte, 1024*UnitSize); return &b }}

// readFiles reads from the file that holds a byte position, up to that file's
// end: (n, io.EOF) where the file or the queue stops earlier than dst.
func (q *Queue) readFiles(dst []byte, at int64, resident bool) (int, error) {
	size := q.table.opt.FileSize
	start := at / size * size
	dst = dst[:min(int64(len(dst)), start+size-at)]
	f, err := q.table.files.acquire(q, start)
	if err != nil {
		return 0, err
	}
	defer q.table.files.release(f)
	if resident {
		return f.TryReadAt(dst, at-start)
	}
	return f.ReadAt(dst, at-start)
}

// Recover finds the end of every queue whose end is not known from a clean stop,
// and returns the end of the newest record that has a unit in any queue, -1 if
// none: dispatch goes on from there. abnormal: nothing remembered is used.
func (t *Table) Recover(abnormal bool) (int64, error) {
	t.unclean = abnormal
	remembered, err := t.takeSaved(!abnormal)
	if err != nil {
		return 0, err
	}
	maxPhy := int64(-1)
	var unknown []*Queue
	t.Each(func(q *Queue) bool {
		e, ok := remembered[savedKey{q.Topic, q.ID}]
		if ok {
			q.saved = e
			maxPhy = max(maxPhy, e.maxPhy)
		} else {
			unknown = append(unknown, q)
		}
		return true
	})
	if err := sideBySide(unknown, func(q *Queue) error { return q.Err() }); err != nil {
		return 0, err
	}
	for _, q := range unknown {
		maxPhy = max(maxPhy, q.maxPhy.Load())
	}
	t.EachBatch(func(q *BatchQueue) bool {
		maxPhy, err = max(maxPhy, q.MaxPhy()), q.Err()
		return err == nil
	})
	return maxPhy, err
}

// sideBySide visits queues, several at once: most of the time goes to the disk. After
// an error no more are begun.
func sideBySide(list []*Queue, visit func(*Queue) error) error {
	workers := min(2*runtime.GOMAXPROCS(0), len(list)/64+1)
	errs := make([]error, workers)
	var failed atomic.Bool
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			for i := w; i < len(list) && !failed.Load(); i += workers {
				if errs[w] = visit(list[i]); errs[w] != nil {
					failed.Store(true)
				}
			}
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

// ResetNext makes Next follow what recovery put: the caller holds the append lock.
func (t *Table) ResetNext() {
	t.Each(func(q *Queue) bool {
		if q.ready.Load() {
			q.Next = q.max.Load()
		}
		return true
	})
	t.EachBatch(func(q *BatchQueue) bool { _, q.Next = q.Bounds(); return true })
}
