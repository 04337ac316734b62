package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/skylarkmq/skylark/internal/vfs"
)

// What the writer of a file adds is in memory first, and readers look there: entries
// in a tail, slots in a table, the head. Tend writes the tail and the head, Flush the
// slots too. What is lost of it by a kill comes back from the log, as after a power
// cut: entries say what was lost, slots and chains follow from the entries.

const (
	// tailMost bounds the entries in memory; beyond it, where nobody has written them
	// for seconds, the writer does so by itself, a chunk at a time.
	tailMost  = 1 << 20
	tailLeast = 2 * inChunk
)

var errCut = errors.New("the file is shorter than it was made")

// ErrNotSynced is in what Flush answers when the disk did not take what had been written: it may be lost, though another
// flush succeeds.
var ErrNotSynced = errors.New("not synced")

// open makes the file the one that is written.
func (f *file) open(isNew bool) error {
	h, err := f.readHeader()
	if err != nil {
		return err
	}
	f.w.Lock()
	defer f.w.Unlock()
	if f.live {
		return nil // the one before it has gone, and it has not been flushed yet
	}
	if err := f.table.open(f.slotAt(f.slots), isNew); err != nil {
		return fmt.Errorf("index: %w", err)
	}
	h.count = min(h.count, f.entries)
	f.head, f.live = h, true
	f.tail.begin(h.count)
	return nil
}

// begin makes the head of a new file take over where the one before it ends.
func (f *file) begin(last *file) {
	f.w.Lock()
	defer f.w.Unlock()
	end := last.head
	f.head = header{beginTime: end.endTime, endTime: end.endTime, beginPhy: end.endPhy, endPhy: end.endPhy, count: 1}
}

// freeze lets go of the memory of a file that is on the disk and not written any more.
func (f *file) freeze() error {
	f.w.Lock()
	defer f.w.Unlock()
	f.live, f.tail = false, tail{}
	return f.table.close()
}

// put adds keys of a record, as many as there is room for, and says how many.
func (f *file) put(hashes []int32, phy, storeTimestamp int64) (n int, err error) {
	f.w.Lock()
	for h := &f.head; h.count-f.tail.written >= f.tailMost; {
		f.w.Unlock()
		if err := f.writeTail(h.count); err != nil {
			return 0, fmt.Errorf("index: %s: no room for more entries: %w", f.path, err)
		}
		f.w.Lock()
	}
	defer f.w.Unlock()
	for _, hash := range hashes {
		if f.full() {
			break
		}
		if hash >= 0 {
			if err := f.add(hash, phy, storeTimestamp); err != nil {
				return n, err
			}
		}
		n++
	}
	return n, nil
}

// add is one of them, under w.
func (f *file) add(hash int32, phy, storeTimestamp int64) error {
	h := &f.head
	at := f.slotAt(hash % f.slots)
	slot, err := f.table.slot(at, f)
	if err != nil {
		return fmt.Errorf("index: slots of %s: %w", f.path, err)
	}
	prev := int32(binary.BigEndian.Uint32(slot))
	if prev < 0 || prev > h.count {
		prev = 0
	}
	f.tail.add(entry{hash, phy, h.seconds(storeTimestamp), prev})
	binary.BigEndian.PutUint32(slot, uint32(h.count))
	f.table.changed(at)
	if h.count <= 1 {
		h.beginPhy, h.beginTime = phy, storeTimestamp
	}
	if prev == 0 {
		h.slots++
	}
	h.count++
	h.endPhy, h.endTime = phy, storeTimestamp
	return nil
}

// warm is Index.Warm.
func (f *file) warm(hashes []int32) {
	f.w.Lock()
	defer f.w.Unlock()
	touched := f.warmed
	for _, hash := range hashes {
		if hash >= 0 {
			touched ^= f.table.mem[f.slotAt(hash%f.slots)]
		}
	}
	f.warmed = touched // so that it is not left out
}

// ReadAt reads the file.
func (f *file) ReadAt(b []byte, at int64) (int, error) {
	raw, err := f.acquire()
	if err != nil {
		return 0, err
	}
	defer f.release()
	return raw.ReadAt(b, at)
}

// seconds is the entry's time, 0 in the first entry of the first file.
func (h *header) seconds(storeTimestamp int64) int32 {
	if h.beginTime <= 0 {
		return 0
	}
	return int32(min(max((storeTimestamp-h.beginTime)/1000, 0), math.MaxInt32))
}

// writeTail writes a chunk of the entries before end that are only in memory, the
// oldest first, and the head behind them.
func (f *file) writeTail(end int32) error {
	return f.alone(func(raw vfs.File) error { return f.writeChunk(raw, end) })
}

// alone runs what writes the file, one at a time.
func (f *file) alone(write func(raw vfs.File) error) error {
	f.flushing.Lock()
	defer f.flushing.Unlock()
	raw, err := f.acquire()
	if err != nil {
		return err
	}
	defer f.release()
	return write(raw)
}

func (f *file) writeChunk(raw vfs.File, end int32) error {
	f.w.Lock()
	b, from := f.tail.piece()
	h, n := f.head, int32(len(b)/entrySize)
	f.w.Unlock()
	if n == 0 || from >= end {
		return nil
	}
	if _, err := raw.WriteAt(b, f.entryAt(from)); err != nil {
		return err
	}
	if from+n < h.count {
		last := decodeEntry(b[len(b)-entrySize:])
		h.count, h.endPhy, h.endTime = from+n, last.phy, h.beginTime+int64(last.seconds)*1000
	}
	if err := h.write(raw); err != nil {
		return err
	}
	f.w.Lock()
	defer f.w.Unlock()
	f.tail.wrote(n)
	return nil
}

// writeEntries brings the entries to the file that were there when it began.
func (f *file) writeEntries() error {
	f.w.Lock()
	end := f.head.count
	f.w.Unlock()
	for f.behind(end) {
		if err := f.writeTail(end); err != nil {
			return fmt.Errorf("index: %s: %w", f.path, err)
		}
	}
	return nil
}

// writeAll is writeEntries, and the slots.
func (f *file) writeAll() error {
	if err := f.writeEntries(); err != nil {
		return err
	}
	if err := f.alone(f.writeSlots); err != nil {
		return fmt.Errorf("index: slots of %s: %w", f.path, err)
	}
	return nil
}

func (f *file) behind(end int32) bool {
	f.w.Lock()
	defer f.w.Unlock()
	return f.live && f.tail.written < end
}

func (f *file) writeSlots(raw vfs.File) error {
	var p piece
	for at := int64(0); at >= 0; {
		if at = f.takeSlots(&p, at); len(p.blocks) == 0 {
			break
		}
		if failed, err := f.table.write(&p, raw); err != nil {
			f.w.Lock()
			defer f.w.Unlock()
			for _, k := range failed {
				f.table.changed(k * block)
			}
			return err
		}
	}
	return nil
}

func (f *file) takeSlots(p *piece, at int64) (next int64) {
	f.w.Lock()
	defer f.w.Unlock()
	return f.table.take(p, at)
}

// sync makes the file durable.
func (f *file) sync() error {
	if err := f.writeAll(); err != nil {
		return ifThere(err)
	}
	raw, err := f.acquire()
	if err != nil {
		return ifThere(err)
	}
	defer f.release()
	if err := raw.Sync(); err != nil {
		return fmt.Errorf("index: %s: %w: %w", f.path, ErrNotSynced, err)
	}
	// Somebody who cuts a file under us would not be noticed before the next start,
	// which takes it for one of other settings.
	if info, err := f.fs.Stat(f.path); err == nil && info.Size != f.size() {
		return fmt.Errorf("index: %s: %w", f.path, errCut)
	}
	return nil
}

// ifThere forgives that a file has been removed meanwhile.
func ifThere(err error) error {
	if errors.Is(err, errGone) {
		return nil
	}
	return err
}

// inMemory returns head and slot of a file that is written; ok false: they are in the file.
func (f *file) inMemory(hash int32) (h header, newest int32, known, ok bool) {
	f.w.Lock()
	defer f.w.Unlock()
	if !f.live {
		return header{}, 0, false, false
	}
	at := f.slotAt(hash % f.slots)
	if !has(f.table.loaded, at/block) {
		return f.head, 0, false, true
	}
	return f.head, int32(binary.BigEndian.Uint32(f.table.mem[at:])), true, true
}

func (f *file) entryInMemory(n int32) (entry, bool) {
	f.w.Lock()
	defer f.w.Unlock()
	return f.tail.get(n)
}
