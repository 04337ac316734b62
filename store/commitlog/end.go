package commitlog

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/skylarkmq/skylark/store/mapped"
)

// cleanRun is how many zeros in a row behind the end say that nothing follows.
// What an earlier crash left lies within what was written between two flushes,
// and write-back goes through a file in order.
const cleanRun = 64 << 20

// End sets where the log ends, after recovery: files that start later are
// removed, and what follows in the last one is made zero. (Java leaves it, and
// trusts magic, length and CRC; but records of the same sizes as the new ones
// would be met, whole, by a recovery after a second crash.) Everything from an
// offset on is flushed, because recovery found it in the page cache only.
func (l *Log) End(end, flushFrom int64) error {
	files := l.dir.Files()
	for i := len(files) - 1; i >= 0 && files[i].Start > end; i-- {
		if err := l.dir.Remove(files[i]); err != nil {
			return fmt.Errorf("commitlog: remove what follows the end at %d: %w", end, err)
		}
	}
	l.file, l.position = l.dir.Find(end), end
	if l.file != nil {
		if err := zeroTail(l.file, end-l.file.Start); err != nil {
			return err
		}
	}
	l.written.Store(end)
	l.readable.Store(end)
	l.flushed.Store(min(flushFrom, end))
	if err := l.dir.Sync(); err != nil {
		return fmt.Errorf("commitlog: %w", err)
	}
	if _, err := l.Flush(); err != nil {
		return err
	}
	return nil
}

func zeroTail(f *mapped.File, from int64) error {
	buf, zeros := make([]byte, min(window, f.Size)), make([]byte, min(window, f.Size))
	clean := int64(0)
	for at := from; at < f.Size && clean < cleanRun; {
		data, err := f.NextData(at)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("commitlog: look behind the end: %w", err)
		}
		if clean += data - at; data > at {
			at = data
			continue
		}
		part := buf[:min(int64(len(buf)), f.Size-at)]
		if err := f.ReadAt(part, at); err != nil {
			return fmt.Errorf("commitlog: look behind the end: %w", err)
		}
		if bytes.Equal(part, zeros[:len(part)]) {
			clean += int64(len(part))
		} else {
			clean = 0
			if err := f.WriteAt(zeros[:len(part)], at); err != nil {
				return fmt.Errorf("commitlog: clear what follows the end: %w", err)
			}
		}
		at += int64(len(part))
	}
	return nil
}
