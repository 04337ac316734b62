package consumequeue

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
)

// Queue is one queue of one topic. Positions are queue offsets: units, not bytes.
type Queue struct {
	Topic string
	ID    int32

	// Next is the offset of the next message to be appended to the commit log.
	// It belongs to the store's append lock; with SYNC_FLUSH it runs ahead of
	// MaxOffset, which is what readers may see.
	Next int64

	table *Table

	ready atomic.Bool // opened: the fields below hold
	// io orders everything that moves files: opening, writing out, truncating,
	// expiring. Readers never take it, and Put for a full tail only.
	io sync.Mutex
	// refused is why it can never be opened: its name. Set before ready.
	refused error

	ext      *extEnd // nil: no extension is written
	tail     atomic.Pointer[tail]
	max      atomic.Int64 // units below are published
	min      atomic.Int64
	maxPhy   atomic.Int64 // end of the newest record that has a unit here
	filed    atomic.Int64 // units below are in the file
	hasFiles atomic.Bool  // see setFiles
	counted  atomic.Bool
	dirty    atomic.Bool // on the table's list of queues to write out

	// Under io:
	failed      failure
	first, last int64  // byte positions of the first and the last file
	synced      int64  // units below are durable
	newFiles    bool   // directory entries are not durable yet
	generation  uint32 // counts truncations and destructions
	light       bool   // is in Table.lights
	saved       ends   // what the last clean stop remembered, until opened
	corrected   int64  // 1 + the log's minimum that min was corrected for; 0: none
	again       *again // while recovery dispatches again; Put's, too

	waiting bool // under Table.flushing: on the list of queues to sync
}

// ends is where a queue ends.
type ends struct {
	max, maxPhy int64
	known       bool
}

// MaxOffset is one past the newest readable unit.
func (q *Queue) MaxOffset() int64 { return q.opened(&q.max, 0) }

// MinOffset is the first offset whose record the commit log may still hold.
func (q *Queue) MinOffset() int64 { return q.opened(&q.min, 0) }

// MaxPhy is the end, in the commit log, of the newest record that has a unit here; -1 if none.
func (q *Queue) MaxPhy() int64 { return q.opened(&q.maxPhy, -1) }

// opened is a field of the queue; of one that cannot be opened what an empty one has: see Err.
func (q *Queue) opened(field *atomic.Int64, empty int64) int64 {
	if q.open() != nil {
		return empty
	}
	return field.Load()
}

// Exists says whether the queue holds or held units: a queue that was only asked
// about has no files.
func (q *Queue) Exists() bool { return q.open() == nil && (q.hasFiles.Load() || q.max.Load() > 0) }

// Err is why the queue cannot be used now, or nil. But for a name that is no file name it may
// pass, and is tried again.
func (q *Queue) Err() error { return q.open() }

// Put adds the unit of a record in commit log order. One writer at a time.
//
// A record that already has its unit is dropped; an offset below the end is
// dropped; one above the end is logged and takes the next place.
func (q *Queue) Put(offset, phy int64, size int32, tagsCode, storeTimestamp int64) error {
	return q.PutBitMap(offset, phy, size, tagsCode, storeTimestamp, nil)
}

// PutBitMap is Put with the bit map for the extension, where there is one.
func (q *Queue) PutBitMap(offset, phy int64, size int32, tagsCode, storeTimestamp int64, bitMap []byte) error {
	if err := q.open(); err != nil {
		return err
	}
	if phy+int64(size) <= q.maxPhy.Load() {
		return nil
	}
	next := q.max.Load()
	if next != offset || !q.hasFiles.Load() {
		drop, err := q.reconcile(offset)
		if drop || err != nil {
			return err
		}
		next = q.max.Load()
	}
	t := q.tail.Load()
	if t != nil || !q.stands(next, Unit{phy, size, tagsCode}) {
		if t == nil || next >= t.end() {
			if err := q.nextTail(t, next); err != nil {
				return err
			}
			t = q.tail.Load()
		}
		if q.ext != nil {
			tagsCode = q.putExt(q.ext, tagsCode, storeTimestamp, bitMap)
		}
		putUnit(t.buf[(next-t.base)*UnitSize:], Unit{phy, size, tagsCode})
	}
	q.maxPhy.Store(phy + int64(size))
	q.max.Store(next + 1)
	if !q.dirty.Load() {
		q.table.markDirty(q)
	}
	// After markDirty: a flush that sees this time also sees the queue.
	q.table.lastTimestamp.Store(storeTimestamp)
	return nil
}

// reconcile is the rare part of Put: the first unit of a queue, or an offset
// that is not the next one.
func (q *Queue) reconcile(offset int64) (drop bool, err error) {
	if !q.hasFiles.Load() {
		return false, q.begin(offset)
	}
	max := q.max.Load()
	switch {
	case offset == 0 && max > 0 && q.table.replayed:
		return false, q.restart(0)
	case offset == 0 || offset == max: // Java checks no offset 0 (ConsumeQueue#putMessagePositionInfo)
	case offset < max:
		q.table.log.Warn().Str("topic", q.Topic).Int32("queue", q.ID).Int64("offset", offset).Int64("max", max).
			Msg("consume queue: repeated offset dropped")
		return true, nil
	case q.table.replayed && q.keeps(offset):
	case q.maxPhy.Load() <= q.table.minPhy.Load():
		// Nothing here points to a record that is still there, and the units of those
		// that went after it are lost too.
		q.table.log.Warn().Str("topic", q.Topic).Int32("queue", q.ID).Int64("offset", offset).Int64("max", max).
			Msg("consume queue: all of it expired, it begins anew")
		return false, q.restart(offset)
	default:
		q.table.log.Error().Str("topic", q.Topic).Int32("queue", q.ID).Int64("offset", offset).Int64("max", max).
			Msg("consume queue: offset is ahead of the queue, the unit takes the next place")
	}
	return false, nil
}

// restart gives a queue whose records are all gone another beginning.
func (q *Queue) restart(offset int64) error {
	q.io.Lock()
	err := q.removeFiles()
	q.generation++
	q.io.Unlock()
	if err != nil {
		return err
	}
	return q.begin(offset)
}

// removeFiles removes all files of a queue, the last one first, under io.
func (q *Queue) removeFiles() error {
	for ; q.last >= q.first; q.last -= q.table.opt.FileSize {
		if err := q.removeFile(q.last); err != nil {
			return err
		}
	}
	q.setFiles(false)
	q.forgetAgain()
	return nil
}

// begin makes the first file of a queue. A queue that starts above 0 gets filler
// units from the start of that file on.
func (q *Queue) begin(offset int64) error {
	q.io.Lock()
	defer q.io.Unlock()
	if q.again != nil {
		if offset == q.first/UnitSize { // where it began before: its files stay
			q.begun()
			return nil
		}
		if err := q.removeFiles(); err != nil {
			return err
		}
	}
	size := q.table.opt.FileSize
	start := offset * UnitSize / size * size
	f, err := q.create(start)
	if err != nil {
		return err
	}
	defer q.table.files.release(f)
	if err := fill(f, offset*UnitSize-start); err != nil {
		return fmt.Errorf("consume queue %s: filler units: %w", q.path(start), err)
	}
	q.first, q.last = start, start
	q.max.Store(offset)
	q.min.Store(offset)
	q.filed.Store(offset)
	q.synced = 0 // the fillers too
	q.dropTail()
	q.begun()
	return nil
}

// setFiles notes whether the queue has files. One that was listed and is not open yet
// counts as having some.
func (q *Queue) setFiles(has bool) {
	q.hasFiles.Store(has)
	if q.counted.Swap(has) == has {
		return
	}
	if has {
		q.table.withFiles.Add(1)
	} else {
		q.table.withFiles.Add(-1)
	}
}

// begun notes that a queue has files.
func (q *Queue) begun() {
	q.setFiles(true)
	if isLight(q.Topic) && !q.light {
		q.light = true
		q.table.lights.Add(1)
	}
}

// fill writes filler units over the first n bytes of a file.
func fill(f *openFile, n int64) error {
	piece := make([]byte, min(n, 1024*UnitSize))
	for i := 0; i < len(piece); i += UnitSize {
		putUnit(piece[i:], Unit{Size: fillerSize})
	}
	for at := int64(0); at < n; {
		k := min(n-at, int64(len(piece)))
		if _, err := f.WriteAt(piece[:k], at); err != nil {
			return err
		}
		at += k
	}
	return nil
}

// create makes the file that starts at a byte position, at its full, sparse size.
func (q *Queue) create(start int64) (*openFile, error) {
	path := q.path(start)
	raw, err := q.table.opt.FS.Create(path)
	if errors.Is(err, os.ErrNotExist) {
		if err = q.table.opt.FS.MkdirAll(q.dir()); err == nil {
			raw, err = q.table.opt.FS.Create(path)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("consume queue: create: %w", err)
	}
	// Empty before: there may be one with its name from behind a gap, or from a queue that began elsewhere.
	if err = raw.Truncate(0); err == nil {
		err = raw.Truncate(q.table.opt.FileSize)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("consume queue: size: %w", err), raw.Close())
	}
	q.newFiles = true
	return q.table.files.adopt(fileKey{q: q, start: start}, raw), nil
}

func (q *Queue) dir() string {
	return filepath.Join(q.table.opt.Dir, q.Topic, strconv.Itoa(int(q.ID)))
}

// path is a file's: put together by hand, as a flush of many queues asks for each.
func (q *Queue) path(start int64) string {
	dir := q.table.opt.Dir
	b := make([]byte, 0, len(dir)+1+len(q.Topic)+1+idDigits+1+nameDigits)
	b = append(append(b, dir...), filepath.Separator)
	b = append(append(b, q.Topic...), filepath.Separator)
	b = append(strconv.AppendInt(b, int64(q.ID), 10), filepath.Separator)
	return string(appendFileName(b, start))
}

// idDigits is the length of the longest queue id.
const idDigits = 10
