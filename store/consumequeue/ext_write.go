package consumequeue

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path/filepath"
	"sync/atomic"
)

// Extension units are written one by one, before the unit that points to them: a
// unit that is in the file has its extension there, whenever the process ends. A
// place is never used twice, because a unit that a power cut left may point to it.

const (
	// extEndMark (-1 as size) says that the rest of a file is not used; extEndRoom is
	// kept for it.
	extEndMark = math.MaxUint16
	extEndRoom = 4
	// maxExtPosition is where the addresses would meet tags codes.
	maxExtPosition = maxExtAddress - extAddressBase
	// extLookBack is how many units are looked at for the last address in use.
	extLookBack = 1 << 12
)

// extEnd is the writing end of a queue's extension.
type extEnd struct {
	at     int64        // where the next unit goes; the writer's
	buf    []byte       // the writer's
	failed bool         // and logged
	dirty  atomic.Int64 // file from which on nothing was synced; -1: all was
	last   atomic.Int64 // the newest file
}

// openExt finds where to go on, under io; nil when no extension is written: Java
// writes none for light queues (ConsumeQueue#doDispatchLmqQueue).
func (q *Queue) openExt() (*extEnd, error) {
	if !q.table.opt.ExtWrite || isLight(q.Topic) {
		return nil, nil
	}
	e := &extEnd{}
	e.dirty.Store(-1)
	starts, _, err := listFiles(q.table.opt.FS, q.extDir(), q.table.opt.ExtFileSize, q.table.unclean)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(starts) == 0 {
		starts, err = []int64{0}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("consume queue extension: %w", err)
	}
	e.at = starts[len(starts)-1]
	used, known, err := q.lastExt()
	if err != nil {
		return nil, err
	}
	if known {
		e.at = max(e.at, used)
	}
	e.at, err = q.endOfExt(e.at, known && e.at == used)
	e.last.Store(e.at / q.table.opt.ExtFileSize * q.table.opt.ExtFileSize)
	return e, err
}

// lastExt is the position that the newest units point to.
func (q *Queue) lastExt() (at int64, known bool, err error) {
	b := newBlock()
	defer b.release()
	first := max(q.min.Load(), q.max.Load()-extLookBack)
	for to := q.max.Load(); to > first; to = b.base {
		if err := b.want(q, max(first, to-blockUnits), to); err != nil {
			return 0, false, err
		}
		for offset := to - 1; offset >= b.base; offset-- {
			if u := b.unit(offset); IsExtAddress(u.TagsCode) {
				return u.TagsCode - extAddressBase, true, nil
			}
		}
	}
	return 0, false, nil
}

// endOfExt walks over the units from a position on. A unit that is in use and lost
// ends its file: the place is not known to be free.
func (q *Queue) endOfExt(at int64, inUse bool) (int64, error) {
	size := q.table.opt.ExtFileSize
	f, err := q.table.files.open(fileKey{q: q, start: at / size * size, ext: true})
	if errors.Is(err, fs.ErrNotExist) {
		if inUse {
			at = (at/size + 1) * size
		}
		return at, nil
	}
	if err != nil {
		return 0, fmt.Errorf("consume queue extension: %w", err)
	}
	defer q.table.files.release(f)
	end := (at/size + 1) * size
	buf := make([]byte, 64<<10)
	for at < end {
		n, err := f.ReadAt(buf[:min(int64(len(buf)), end-at)], at%size)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, fmt.Errorf("consume queue extension: %w", err)
		}
		taken := 0
		for {
			u, ok := DecodeExt(buf[taken:n])
			if !ok {
				break
			}
			taken += len(u.Raw)
		}
		if taken > 0 {
			at, inUse = at+int64(taken), false
			continue
		}
		if inUse || n >= 2 && binary.BigEndian.Uint16(buf) == extEndMark {
			return end, nil
		}
		return at, nil
	}
	return end, nil
}

// putExt writes an extension unit and returns its address, or the tags code itself
// when it cannot be written: the record decides then.
func (q *Queue) putExt(e *extEnd, tagsCode, storeTimestamp int64, bitMap []byte) int64 {
	n := extHeadSize + len(bitMap)
	if n > extUnitMax || e.at+int64(n) > maxExtPosition {
		return tagsCode
	}
	u := append(e.buf[:0], byte(n>>8), byte(n))
	u = binary.BigEndian.AppendUint64(u, uint64(tagsCode))
	u = binary.BigEndian.AppendUint64(u, uint64(storeTimestamp))
	u = binary.BigEndian.AppendUint16(u, uint16(len(bitMap)))
	e.buf = append(u, bitMap...)
	if err := q.appendExt(e); err != nil {
		if !e.failed {
			q.table.log.Error().Err(err).Str("topic", q.Topic).Int32("queue", q.ID).
				Msg("consume queue extension: not written; filters read the messages instead")
		}
		e.failed = true
		return tagsCode
	}
	e.failed = false
	address := e.at + extAddressBase
	e.at += int64(n)
	return address
}

// appendExt writes e.buf at the end, into the next file where it does not fit.
func (q *Queue) appendExt(e *extEnd) error {
	size, n := q.table.opt.ExtFileSize, int64(len(e.buf))
	if int64(extHeadSize+extEndRoom) > size || n+extEndRoom > size {
		return fmt.Errorf("a unit of %d bytes, files of %d", n, size)
	}
	start := e.at / size * size
	if e.at+n+extEndRoom > start+size {
		if e.at > start { // at the end of a file already otherwise
			if err := q.writeExt(e, start, []byte{extEndMark >> 8, extEndMark & 0xff}); err != nil {
				return err
			}
			start += size
			e.at = start
		}
	}
	return q.writeExt(e, start, e.buf)
}

// writeExt writes at e.at, which is in the file that begins at start.
func (q *Queue) writeExt(e *extEnd, start int64, data []byte) error {
	key := fileKey{q: q, start: start, ext: true}
	f, err := q.table.files.open(key)
	if errors.Is(err, fs.ErrNotExist) {
		if err = q.createExt(key.path()); err == nil {
			f, err = q.table.files.open(key)
		}
	}
	if err != nil {
		return err
	}
	defer q.table.files.release(f)
	if _, err := f.WriteAt(data, e.at-start); err != nil {
		return err
	}
	e.last.Store(start)
	e.dirty.CompareAndSwap(-1, start)
	return nil
}

// createExt makes an extension file at its full, sparse size.
func (q *Queue) createExt(path string) error {
	disk := q.table.opt.FS
	if err := disk.MkdirAll(filepath.Dir(path)); err != nil {
		return err
	}
	raw, err := disk.Create(path)
	if err != nil {
		return err
	}
	err = raw.Truncate(q.table.opt.ExtFileSize)
	if cerr := raw.Close(); err == nil {
		err = cerr
	}
	return err
}

// syncExt makes the extension durable, before the units that point to it.
func (q *Queue) syncExt() error {
	e := q.ext
	if e == nil {
		return nil
	}
	start := e.dirty.Swap(-1)
	if start < 0 {
		return nil
	}
	err := q.syncExtFrom(start)
	for err != nil { // all of it once more, also when more was written meanwhile
		now := e.dirty.Load()
		if now >= 0 && now <= start || e.dirty.CompareAndSwap(now, start) {
			break
		}
	}
	return err
}

func (q *Queue) syncExtFrom(start int64) error {
	for ; start <= q.ext.last.Load(); start += q.table.opt.ExtFileSize {
		f, err := q.table.files.open(fileKey{q: q, start: start, ext: true})
		if errors.Is(err, fs.ErrNotExist) {
			continue // expired meanwhile
		}
		if err != nil {
			return err
		}
		err = f.Sync()
		q.table.files.release(f)
		if err != nil {
			return err
		}
	}
	return q.table.opt.FS.SyncDir(q.extDir())
}

// destroyExt removes the extension and begins it anew, under io.
func (q *Queue) destroyExt() error {
	if q.table.opt.ExtDir == "" {
		return nil
	}
	size := q.table.opt.ExtFileSize
	if starts, _, err := listFiles(q.table.opt.FS, q.extDir(), size, false); err == nil {
		for _, start := range starts {
			q.table.files.drop(fileKey{q: q, start: start, ext: true})
		}
	}
	if e := q.ext; e != nil {
		e.at = 0
		e.last.Store(0)
		e.dirty.Store(-1)
	}
	if err := q.table.opt.FS.RemoveAll(q.extDir()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("consume queue extension: destroy: %w", err)
	}
	return nil
}
