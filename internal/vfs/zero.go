package vfs

import (
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

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
