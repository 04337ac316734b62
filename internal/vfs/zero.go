package vfs

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"sync"
)

// ZeroFrom makes everything in a file from an offset on zero, reading only what
// was ever written and writing only what is not zero yet.
func ZeroFrom(f File, off int64) error {
	size, err := f.Size()
	if err != nil {
		return err
	}
	piece := pieces.Get().(*[]byte)
	defer pieces.Put(piece)
	buf := (*piece)[:Page-off%Page]
	for off < size {
		if off, err = f.NextData(off); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		buf = buf[:min(int64(len(buf)), size-off)]
		n, err := f.ReadAt(buf, off)
		if n == 0 {
			return err
		}
		// No more than this: a write into what is sparse would fill it.
		if first, end := nonZero(buf[:n]); first < end {
			clear(buf[first:end])
			if _, err := f.WriteAt(buf[first:end], off+int64(first)); err != nil {
				return err
			}
		}
		off += int64(n)
		buf = *piece
	}
	return nil
}

// nonZero is the part of b from its first byte that is not zero to its last.
func nonZero(b []byte) (first, end int) {
	if allZero(b) {
		return 0, 0
	}
	for b[first] == 0 {
		first++
	}
	for end = len(b); b[end-1] == 0; end-- {
	}
	return first, end
}

// Blank says whether a file holds nothing but zeros, or nothing.
func Blank(fs FS, name string) (blank bool, err error) {
	f, err := fs.Open(name)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return ZerosFrom(f, 0)
}

// ZerosFrom says whether a file holds nothing but zeros from an offset on. Where only
// the beginning of a sparse file was written that is one short read and a question.
func ZerosFrom(f File, off int64) (bool, error) {
	piece := pieces.Get().(*[]byte)
	defer pieces.Put(piece)
	buf := (*piece)[:Page-off%Page]
	for {
		n, err := f.ReadAt(buf, off)
		if err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		if !allZero(buf[:n]) {
			return false, nil
		}
		if n < len(buf) {
			return true, nil
		}
		off, err = f.NextData(off + int64(n))
		if errors.Is(err, io.EOF) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		buf = *piece
	}
}

var pieces = sync.Pool{New: func() any { b := make([]byte, 64<<10); return &b }}

func allZero(b []byte) bool {
	for len(b) > len(zeros) {
		if !bytes.Equal(b[:len(zeros)], zeros[:]) {
			return false
		}
		b = b[len(zeros):]
	}
	return bytes.Equal(b, zeros[:len(b)])
}

// Page is what most machines keep together in the page cache, and what is read from a disk at least.
const Page = 4 << 10

var zeros [Page]byte

// zeroPiece is how much is zeroed by one write through the page cache: larger ones make larger
// folios there, and each small write walks all of its folio.
const zeroPiece = 64 << 10

func writeZerosCached(f io.WriterAt, off, n int64) error {
	piece := make([]byte, min(n, zeroPiece))
	for n > 0 {
		wrote, err := f.WriteAt(piece[:min(n, zeroPiece)], off)
		if err != nil {
			return err
		}
		off, n = off+int64(wrote), n-int64(wrote)
	}
	return nil
}

func (f *memFile) WriteWithZeros(p []byte, off int64, behind int) (int, error) {
	n, err := f.WriteAt(slices.Concat(p, zeros[:behind]), off)
	return min(n, len(p)), err
}

func (f *memFile) WriteZeros(off, n int64) error { return writeZerosCached(f, off, n) }
