package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"

	"github.com/skylarkmq/skylark/internal/vfs"
)

// repair checks a file of which some pages may be lost, and keeps the entries up
// to the first that cannot be: positions never fall along a file, a lost page reads
// as zeros, and every Prev follows from the entries before. Slots, chains and head
// are made to agree with what is kept. Where the newest file ends, or an older one
// lost entries, the keys of the last record go as well, since it may have had more
// of them: dispatch adds it again.
//
// It returns how many entries are left.
func (f *file) repair(newest bool) (int32, error) {
	h, err := f.readHeader()
	if err != nil {
		return 0, err
	}
	raw, err := f.acquire()
	if err != nil {
		return 0, err
	}
	defer f.release()
	heads := make([]int32, f.slots) // the newest entry of each chain
	fixed := header{beginTime: h.beginTime, beginPhy: h.beginPhy, count: 1}
	last := entry{phy: h.beginPhy}
	first := int32(1) // of the newest record
	err = f.eachEntry(raw, min(h.count, f.entries), func(n int32, e entry) (bool, error) {
		if e.phy < last.phy || e.phy > h.endPhy || e.hash < 0 || e.seconds < 0 {
			return false, nil
		}
		slot := e.hash % f.slots
		if want := heads[slot]; e.prev != want {
			e.prev = want
			var b [entrySize]byte
			e.encode(b[:])
			if _, err := raw.WriteAt(b[:], f.entryAt(n)); err != nil {
				return false, err
			}
		}
		if heads[slot] == 0 {
			fixed.slots++
		}
		if e.phy != last.phy || n == 1 {
			first = n
		}
		heads[slot], last, fixed.count = n, e, n+1
		return true, nil
	})
	if err != nil {
		return 0, fmt.Errorf("index: repair %s: %w", f.path, err)
	}
	if fixed.count == h.count && !newest {
		fixed.endPhy, fixed.endTime = h.endPhy, h.endTime // whole, but its slots may be old
		if err := f.rewrite(raw, heads, fixed); err != nil {
			return 0, err
		}
		// The next full file vouches for this one, which nobody flushes any more.
		if err := raw.Sync(); err != nil {
			return 0, fmt.Errorf("index: repair %s: %w", f.path, err)
		}
		return fixed.count - 1, nil
	}
	f.repaired = true
	if err := f.uncover(raw, heads, &fixed, first); err != nil {
		return 0, fmt.Errorf("index: repair %s: %w", f.path, err)
	}
	return fixed.count - 1, f.rewrite(raw, heads, fixed)
}

// eachEntry reads entries [1, count) in order until visit has enough.
func (f *file) eachEntry(raw io.ReaderAt, count int32, visit func(int32, entry) (bool, error)) error {
	buf := make([]byte, 4096*entrySize)
	for n := int32(1); n < count; {
		piece := buf[:min(int64(len(buf)), int64(count-n)*entrySize)]
		if got, err := raw.ReadAt(piece, f.entryAt(n)); got < len(piece) {
			return err
		}
		for at := 0; at < len(piece); at += entrySize {
			if more, err := visit(n, decodeEntry(piece[at:])); err != nil || !more {
				return err
			}
			n++
		}
	}
	return nil
}

// uncover takes the entries from first on out of their chains, newest first.
func (f *file) uncover(raw io.ReaderAt, heads []int32, h *header, first int32) error {
	buf := make([]byte, 4096*entrySize)
	for h.count > first {
		from := max(first, h.count-4096)
		piece := buf[:int(h.count-from)*entrySize]
		if n, err := raw.ReadAt(piece, f.entryAt(from)); n < len(piece) {
			return err
		}
		for h.count > from {
			e := decodeEntry(piece[int(h.count-1-from)*entrySize:])
			if slot := e.hash % f.slots; e.hash >= 0 && heads[slot] == h.count-1 {
				if heads[slot] = e.prev; e.prev == 0 {
					h.slots--
				}
			}
			h.count--
		}
	}
	if h.count <= 1 {
		return nil
	}
	var b [entrySize]byte
	if n, err := raw.ReadAt(b[:], f.entryAt(h.count-1)); n < entrySize {
		return err
	}
	e := decodeEntry(b[:])
	h.endPhy, h.endTime = e.phy, h.beginTime+int64(e.seconds)*1000
	return nil
}

// rewrite stores slots and head.
func (f *file) rewrite(raw vfs.File, heads []int32, h header) error {
	buf := make([]byte, 0, 64<<10)
	for at := 0; at < len(heads); {
		from := at
		for buf = buf[:0]; at < len(heads) && len(buf) < cap(buf); at++ {
			buf = binary.BigEndian.AppendUint32(buf, uint32(heads[at]))
		}
		if _, err := raw.WriteAt(buf, f.slotAt(int32(from))); err != nil {
			return fmt.Errorf("index: %s: %w", f.path, err)
		}
	}
	if err := h.write(raw); err != nil {
		return fmt.Errorf("index: %s: %w", f.path, err)
	}
	// Entries behind the last one would be taken for new ones after another crash.
	if err := vfs.ZeroFrom(raw, f.entryAt(h.count)); err != nil {
		return fmt.Errorf("index: %s: %w", f.path, err)
	}
	return nil
}

// Truncate takes out the keys of records at or behind a position of the commit
// log: recovery found that they are not there. The caller keeps writers out.
func (x *Index) Truncate(phy int64) error {
	x.from = min(x.from, phy)
	for x.current != nil {
		f := x.current
		if f.head.count > 1 && f.head.endPhy < phy {
			return nil
		}
		kept, err := f.truncate(phy)
		if err != nil || kept > 0 {
			return err
		}
		if err := x.dropLast(); err != nil {
			return err
		}
	}
	return nil
}

// BeginOf is the store time at which the oldest file begins that holds keys of records
// at or behind a position of the log: Truncate changes it. ok is false without such.
func (x *Index) BeginOf(phy int64) (storeTime int64, ok bool, err error) {
	files := x.list()
	for i := len(files) - 1; i >= 0; i-- {
		h, err := files[i].readHeader()
		if err != nil {
			return 0, false, err
		}
		if h.endPhy < phy {
			break
		}
		storeTime, ok = h.beginTime, true
	}
	return storeTime, ok, nil
}

// truncate is Truncate in one file; it returns how many entries are left.
func (f *file) truncate(phy int64) (int32, error) {
	if err := f.writeAll(); err != nil {
		return 0, err
	}
	raw, err := f.acquire()
	if err != nil {
		return 0, err
	}
	defer f.release()
	// Positions never fall along a file.
	var failed error
	var b [entrySize]byte
	first := 1 + int32(sort.Search(int(f.head.count-1), func(i int) bool {
		if n, err := raw.ReadAt(b[:], f.entryAt(int32(i)+1)); n < entrySize {
			failed = errors.Join(failed, err)
		}
		return decodeEntry(b[:]).phy >= phy
	}))
	if failed != nil {
		return 0, fmt.Errorf("index: truncate %s: %w", f.path, failed)
	}
	if first == 1 {
		return 0, nil // the caller removes the file
	}
	heads := make([]int32, f.slots)
	if err := f.readSlots(raw, heads); err != nil {
		return 0, err
	}
	h := f.head
	if err := f.uncover(raw, heads, &h, first); err != nil {
		return 0, fmt.Errorf("index: truncate %s: %w", f.path, err)
	}
	if err := f.rewrite(raw, heads, h); err != nil {
		return 0, err
	}
	if err := f.freeze(); err != nil {
		return 0, fmt.Errorf("index: %w", err)
	}
	return h.count - 1, f.open(false)
}

func (f *file) readSlots(raw io.ReaderAt, heads []int32) error {
	buf := make([]byte, len(heads)*slotSize)
	if n, err := raw.ReadAt(buf, f.slotAt(0)); n < len(buf) {
		return fmt.Errorf("index: slots of %s: %w", f.path, err)
	}
	for i := range heads {
		heads[i] = int32(binary.BigEndian.Uint32(buf[i*slotSize:]))
	}
	return nil
}

// dropLast removes the newest file and goes on in the one before.
func (x *Index) dropLast() error {
	x.changing.Lock()
	files := x.list()
	rest := files[: len(files)-1 : len(files)-1]
	x.files.Store(&rest)
	x.changing.Unlock()
	err := files[len(files)-1].remove()
	x.current = nil
	if n := len(rest); n > 0 {
		x.current = rest[n-1]
		x.notFull(rest[n-1])
		err = errors.Join(err, rest[n-1].open(false))
	}
	return err
}

// notFull takes a file back from those that wait to be flushed and unmapped: it is
// written again.
func (x *Index) notFull(f *file) {
	x.fullMu.Lock()
	x.full = slices.DeleteFunc(x.full, func(g *file) bool { return g == f })
	x.fullMu.Unlock()
}
