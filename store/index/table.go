package index

import (
	"errors"
	"io"
	"math/bits"

	"github.com/skylarkmq/skylark/internal/vfs"
)

// table is the slots of the file that is written, in memory of its own outside of
// the heap: a mapping of the file would let its writer wait for the disk in a page
// fault, and there the collector waits for it, and everybody for the collector. Blocks
// of it are read when they are first wanted, and written by the flush.
//
// Positions are those of the file, so that blocks are its pages; the first one
// begins behind the head.
type table struct {
	mem    []byte   // up to end; nil: not open
	end    int64    // of the slots
	loaded []uint64 // a bit a block
	dirty  []uint64
}

const (
	block    = 4096
	flushTen = 64 // blocks copied under the lock at once
)

// open takes memory for a file; slots of a new one are known.
func (t *table) open(end int64, isNew bool) (err error) {
	if t.mem, err = vfs.Anonymous(end); err != nil {
		return err
	}
	words := (end/block + 64) / 64
	t.end, t.loaded, t.dirty = end, make([]uint64, words), make([]uint64, words)
	if isNew {
		for i := range t.loaded {
			t.loaded[i] = ^uint64(0)
		}
	}
	return nil
}

func (t *table) close() error {
	m := t.mem
	*t = table{}
	if m == nil {
		return nil
	}
	return vfs.Release(m)
}

func has(set []uint64, k int64) bool { return set[k/64]>>(k%64)&1 != 0 }

// bounds of a block are what of it are slots.
func (t *table) bounds(k int64) (from, to int64) {
	return max(k*block, headerSize), min((k+1)*block, t.end)
}

// slot is the bytes of one, for reading, or writing with changed.
func (t *table) slot(at int64, raw io.ReaderAt) ([]byte, error) {
	if k := at / block; !has(t.loaded, k) {
		from, to := t.bounds(k)
		if n, err := raw.ReadAt(t.mem[from:to], from); n < int(to-from) {
			clear(t.mem[from:to])
			return nil, errors.Join(errCut, err)
		}
		t.loaded[k/64] |= 1 << (k % 64)
	}
	return t.mem[at : at+slotSize], nil
}

func (t *table) changed(at int64) {
	k := at / block
	t.dirty[k/64] |= 1 << (k % 64)
}

// piece is some dirty blocks that have been copied.
type piece struct {
	blocks []int64
	data   []byte
}

// take copies the next dirty blocks from a place on, and counts them as clean; next is
// where to go on, -1 at the end.
func (t *table) take(p *piece, from int64) (next int64) {
	p.blocks, p.data = p.blocks[:0], p.data[:0]
	for w := from / 64; w < int64(len(t.dirty)); w++ {
		for t.dirty[w] != 0 {
			if len(p.blocks) == flushTen {
				return w * 64
			}
			k := w*64 + int64(bits.TrailingZeros64(t.dirty[w]))
			t.dirty[w] &= t.dirty[w] - 1
			a, b := t.bounds(k)
			p.blocks, p.data = append(p.blocks, k), append(p.data, t.mem[a:b]...)
		}
	}
	return -1
}

// write brings them to the file, neighbours in one call. Those that it could not write
// are returned.
func (t *table) write(p *piece, raw io.WriterAt) (failed []int64, err error) {
	data := p.data
	for i := 0; i < len(p.blocks); {
		first, n := i, int64(0)
		for ; i < len(p.blocks) && p.blocks[i] == p.blocks[first]+int64(i-first); i++ {
			a, b := t.bounds(p.blocks[i])
			n += b - a
		}
		at, _ := t.bounds(p.blocks[first])
		if _, err := raw.WriteAt(data[:n], at); err != nil {
			return p.blocks[first:], err
		}
		data = data[n:]
	}
	return nil, nil
}
