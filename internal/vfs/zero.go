package vfs

import (
	"bytes"
	"errors"
	"io"
)

// ZeroFrom makes everything in a file from an offset on zero, reading only what
// was ever written and writing only what is not zero yet.
func ZeroFrom(f File, off int64) error {
	size, err := f.Size()
	if err != nil {
		return err
	}
	var buf []byte
	for off < size {
		if off, err = f.NextData(off); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if buf == nil {
			buf = make([]byte, 64<<10)
		}
		piece := buf[:min(int64(len(buf)), size-off)]
		n, err := f.ReadAt(piece, off)
		if n == 0 {
			return err
		}
		if !allZero(piece[:n]) {
			clear(piece[:n])
			if _, err := f.WriteAt(piece[:n], off); err != nil {
				return err
			}
		}
		off += int64(n)
	}
	return nil
}

// ZerosFrom says whether a file holds nothing but zeros from an offset on. Where only
// the beginning of a sparse file was written that is one short read and a question.
func ZerosFrom(f File, off int64) (bool, error) {
	const page = 4 << 10
	buf := make([]byte, page-off%page, 64<<10)
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
		buf = buf[:cap(buf)]
	}
}

func allZero(b []byte) bool {
	for len(b) > len(zeros) {
		if !bytes.Equal(b[:len(zeros)], zeros[:]) {
			return false
		}
		b = b[len(zeros):]
	}
	return bytes.Equal(b, zeros[:len(b)])
}

var zeros [4 << 10]byte
