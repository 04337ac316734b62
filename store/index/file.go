package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/store/mapped"
)

// file is one index file. The writer stores through a mapping that only the
// newest file has; readers use pread, which never stops a whole process as a load
// from a cold mapping can, and sees the same pages.
type file struct {
	layout
	fs   vfs.FS
	path string
	name string

	// Of the writer: header in memory, mapping, and how far its entries are
	// populated (bytes): a store beyond could meet a full disk, which on a mapping
	// is a signal and not an error.
	head      header
	mapping   []byte
	populated int64
	repaired  bool  // its last record is whole
	tended    int64 // of the tender: written at its last turn, or when the file was opened

	// wanted is what the tender keeps populated ahead of the entries.
	written atomic.Int64 // bytes: end of the newest entry
	ready   atomic.Int64 // bytes: populated by the tender

	mu    sync.Mutex
	raw   vfs.File
	users int
	gone  bool
}

// populateStep is what the writer itself makes present when nobody did it ahead.
const populateStep = 64 << 10

func (f *file) acquire() (vfs.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.gone {
		return nil, fmt.Errorf("index %s: %w", f.path, errGone)
	}
	if f.raw == nil {
		raw, err := f.fs.Open(f.path)
		if err != nil {
			return nil, fmt.Errorf("index: %w", err)
		}
		f.raw = raw
	}
	f.users++
	return f.raw, nil
}

func (f *file) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.users--; f.users == 0 && f.gone {
		_ = f.shut()
	}
}

// retire closes the file once nobody uses it.
func (f *file) retire() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gone = true
	if f.users > 0 {
		return nil
	}
	return f.shut()
}

func (f *file) shut() error {
	err := f.unmapLocked()
	if f.raw != nil {
		err = errors.Join(err, f.raw.Close())
		f.raw = nil
	}
	return err
}

func (f *file) unmapLocked() error {
	if f.mapping == nil {
		return nil
	}
	m := f.mapping
	f.mapping = nil
	return f.raw.Unmap(m)
}

var errGone = errors.New("the file is gone")

// readHeader reads the head from the file.
func (f *file) readHeader() (header, error) {
	raw, err := f.acquire()
	if err != nil {
		return header{}, err
	}
	defer f.release()
	var b [headerSize]byte
	if n, err := raw.ReadAt(b[:], 0); n < headerSize {
		return header{}, fmt.Errorf("index: head of %s: %w", f.path, err)
	}
	h := decodeHeader(b[:])
	h.count = max(h.count, 1)
	return h, nil
}

// open makes the file the one that is written: mapped, its head in memory.
func (f *file) open() (err error) {
	h, err := f.readHeader()
	if err != nil {
		return err
	}
	raw, err := f.acquire()
	if err != nil {
		return err
	}
	defer f.release()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mapping == nil {
		if f.mapping, err = raw.Map(f.size(), true); err != nil {
			return fmt.Errorf("index: %w", err)
		}
	}
	h.count = min(h.count, f.entries)
	f.head = h
	f.populated = f.entryAt(h.count)
	f.written.Store(f.populated)
	f.ready.Store(f.populated)
	// Else the first turn of the tender would take head and slots for entries of the
	// last second, and populate twice as much ahead.
	f.tended = f.populated
	return nil
}

// put adds one key. The order of the stores is the original's: entry, slot, head.
func (f *file) put(hash int32, phy, storeTimestamp int64) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("index: put: %w", mapped.FaultError(r))
		}
	}()
	before := debug.SetPanicOnFault(true)
	defer debug.SetPanicOnFault(before)

	h := &f.head
	at := f.entryAt(h.count)
	if at+entrySize > f.populated {
		if err := f.populate(at); err != nil {
			return err
		}
	}
	slot := f.mapping[f.slotAt(hash%f.slots):][:slotSize]
	prev := int32(binary.BigEndian.Uint32(slot))
	if prev < 0 || prev > h.count {
		prev = 0
	}
	entry{hash, phy, h.seconds(storeTimestamp), prev}.encode(f.mapping[at:])
	binary.BigEndian.PutUint32(slot, uint32(h.count))
	m := f.mapping[:headerSize]
	if h.count <= 1 {
		h.beginPhy, h.beginTime = phy, storeTimestamp
	}
	if prev == 0 {
		h.slots++
	}
	h.count++
	h.endPhy, h.endTime = phy, storeTimestamp
	h.encode(m)
	f.written.Store(at + entrySize)
	return nil
}

// seconds is the entry's time, 0 in the first entry of the first file.
func (h *header) seconds(storeTimestamp int64) int32 {
	if h.beginTime <= 0 {
		return 0
	}
	return int32(min(max((storeTimestamp-h.beginTime)/1000, 0), math.MaxInt32))
}

// populate makes the page at a position present. Its failure for want of space is
// the error that a store through the mapping would turn into a signal.
func (f *file) populate(at int64) error {
	if ready := f.ready.Load(); ready >= at+entrySize {
		f.populated = ready
		return nil
	}
	end := min(at+populateStep, f.size())
	if err := f.populateRange(f.populated, end); err != nil {
		return err
	}
	f.populated = end
	return nil
}

// populateRange asks for pages. Only a full or failing disk counts; where the
// call is not known, the fault of the store itself is guarded.
func (f *file) populateRange(from, to int64) error {
	if from >= to {
		return nil
	}
	err := f.raw.Populate(f.mapping[from:to])
	if errors.Is(err, syscall.EFAULT) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EIO) {
		return fmt.Errorf("index: %s: no room for more entries: %w", f.path, err)
	}
	return nil
}

// full says whether the next key needs another file.
func (f *file) full() bool { return f.head.count >= f.entries }

// matches is Java's test of the two times (IndexFile#isTimeMatched).
func (h header) matches(begin, end int64) bool {
	return begin < h.beginTime && end > h.endTime ||
		begin >= h.beginTime && begin <= h.endTime ||
		end >= h.beginTime && end <= h.endTime
}

// query walks the chain of a hash from the newest entry on and appends the
// positions of those inside the times, up to limit in all.
func (f *file) query(hash int32, limit int, begin, end int64, dst []int64) ([]int64, error) {
	h, err := f.readHeader()
	if err != nil || h.count <= 1 {
		return dst, err
	}
	raw, err := f.acquire()
	if err != nil {
		return dst, err
	}
	defer f.release()
	var b [entrySize]byte
	if _, err := raw.ReadAt(b[:slotSize], f.slotAt(hash%f.slots)); err != nil {
		return dst, fmt.Errorf("index: slot of %s: %w", f.path, err)
	}
	next := int32(binary.BigEndian.Uint32(b[:]))
	for next > 0 && next < f.entries && next <= h.count && len(dst) < limit {
		if n, err := raw.ReadAt(b[:], f.entryAt(next)); n < entrySize && !errors.Is(err, io.EOF) {
			return dst, fmt.Errorf("index: entry of %s: %w", f.path, err)
		}
		e := decodeEntry(b[:])
		if e.seconds < 0 {
			break
		}
		at := h.beginTime + int64(e.seconds)*1000
		if e.hash == hash && at >= begin && at <= end {
			dst = append(dst, e.phy)
		}
		// A chain only ever leads back: anything else is damage, and could be a circle.
		if e.prev >= next || at < begin {
			break
		}
		next = e.prev
	}
	return dst, nil
}

func (f *file) remove() error {
	err := f.fs.Remove(f.path)
	if err != nil {
		err = fmt.Errorf("index: %w", err)
	}
	return errors.Join(err, f.retire())
}

func newFile(opt *Options, name string) *file {
	return &file{
		layout: layout{int32(opt.Slots), int32(opt.Entries)},
		fs:     opt.FS, path: filepath.Join(opt.Dir, name), name: name,
	}
}
