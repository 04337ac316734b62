package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/skylarkmq/skylark/internal/vfs"
)

// file is one index file. Everybody reads and writes it by calls: a load from or a
// store to a mapping that has to wait stops a whole process (table.go).
type file struct {
	layout
	fs   vfs.FS
	path string
	name string

	repaired bool  // its last record is whole
	tailMost int32 // entries

	// Of the file that is written (write.go), under w; its one writer may read the
	// head without.
	w     sync.Mutex
	live  bool
	head  header
	table table
	tail  tail

	warmed byte

	flushing sync.Mutex // one at a time writes the file

	mu    sync.Mutex
	raw   vfs.File
	users int
	gone  bool
}

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
	f.users--
	last := f.users == 0 && f.gone
	f.mu.Unlock()
	if last {
		_ = f.shut()
	}
}

// retire closes the file once nobody uses it.
func (f *file) retire() error {
	f.mu.Lock()
	f.gone = true
	last := f.users == 0
	f.mu.Unlock()
	if !last {
		return nil
	}
	return f.shut()
}

// shut is called once, by whoever is the last.
func (f *file) shut() error {
	err := f.freeze()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.raw != nil {
		err = errors.Join(err, f.raw.Close())
		f.raw = nil
	}
	return err
}

var errGone = errors.New("the file is gone")

// readHeader is the head, of the writer or from the file.
func (f *file) readHeader() (header, error) {
	if h, _, _, ok := f.inMemory(0); ok {
		return h, nil
	}
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
	h, next, known, live := f.inMemory(hash)
	if !live {
		var err error
		if h, err = f.readHeader(); err != nil {
			return dst, err
		}
	}
	if h.count <= 1 {
		return dst, nil
	}
	raw, err := f.acquire()
	if err != nil {
		return dst, err
	}
	defer f.release()
	if !known {
		var b [slotSize]byte
		if _, err := raw.ReadAt(b[:], f.slotAt(hash%f.slots)); err != nil {
			return dst, fmt.Errorf("index: slot of %s: %w", f.path, err)
		}
		next = int32(binary.BigEndian.Uint32(b[:]))
	}
	walk := chain{f: f, raw: raw}
	for next > 0 && next < f.entries && next <= h.count && len(dst) < limit {
		e, err := walk.entry(next)
		if err != nil {
			return dst, err
		}
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
		layout:   layout{int32(opt.Slots), int32(opt.Entries)},
		tailMost: opt.tailMost(),
		fs:       opt.FS, path: filepath.Join(opt.Dir, name), name: name,
	}
}

func (o *Options) tailMost() int32 {
	if o.MemoryMost <= 0 {
		return tailMost
	}
	return int32(min(max(o.MemoryMost/entrySize, tailLeast), tailMost))
}
