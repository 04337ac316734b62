package commitlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store/mapped"
)

// Check says how closely a scan looks at records.
type Check struct {
	BodyCRC     bool // checkCRCOnRecover
	PropertyCRC bool // forceVerifyPropCRC: the sum over the whole record instead
	// Torn: the machine may have lost power, and with it any sector of what was not
	// flushed. The body's sum does not cover topic and properties; see torn.
	Torn bool
	// Durable: records with store timestamps before it had reached the disk whole.
	// One of them with a wrong sum was damaged later: it is reported, and the walk
	// goes on, for the records behind it are sound.
	Durable int64
	Damaged func(phy int64, err error)
	// Resume: how to go on behind bytes that are no record; nil: the walk ends there.
	Resume *Resume
}

// Scan is what a walk over the records found.
type Scan struct {
	From    int64 // where it began
	End     int64 // after the last good record; the start of the next file after a blank, if there is one
	Last    int64 // start of the last good record, -1 if none
	Records int64
	// Stop is why the walk ended before the end of the last file: almost always
	// the untouched zeros behind the last record.
	Stop error

	resume int64 // behind what was left out
}

// Visit gets each good record: where it is, its bytes and what they hold, until
// it returns. An error ends the scan.
type Visit func(phy int64, rec []byte, v *message.View) error

// window is how much a scan reads at once.
const window = 1 << 20

// Scan walks the records from the start of a file, or of a record, to the first
// bytes that are no record. It changes nothing.
func (l *Log) Scan(from int64, check Check, visit Visit) (Scan, error) {
	s := Scan{From: from, End: from, Last: -1}
	w := walk{check: check, visit: visit, scan: &s, buf: make([]byte, min(window, l.opt.FileSize))}
	files := l.dir.Files()
	for i, f := range files {
		if f.End() <= max(from, s.resume) {
			continue
		}
		if err := w.file(f, max(from, s.resume, f.Start)); err != nil {
			return s, err
		}
		for {
			on, err := l.resume(&s, check.Resume)
			if err != nil {
				return s, err
			}
			if !on || s.resume >= f.End() {
				break
			}
			if err := w.file(f, s.resume); err != nil {
				return s, err
			}
		}
		if s.Stop != nil && !errors.Is(s.Stop, message.ErrBlank) {
			break
		}
		if s.Stop = nil; i+1 < len(files) {
			if files[i+1].Start != f.End() {
				s.Stop = fmt.Errorf("%w: no file starts at %d", message.ErrCorrupt, f.End())
				break
			}
			s.End = f.End()
		}
	}
	return s, nil
}

// RecordAt decodes the record at a place of the log, without body and properties.
func (l *Log) RecordAt(at int64, check Check) (message.View, error) {
	var found message.View
	f := l.dir.Find(at)
	if f == nil {
		return found, fmt.Errorf("%w: no file has %d", message.ErrShort, at)
	}
	done := errors.New("one is enough")
	s := Scan{Last: -1}
	w := walk{check: check, scan: &s, buf: make([]byte, min(window, l.opt.FileSize)), visit: func(_ int64, _ []byte, v *message.View) error {
		found = *v
		found.Body, found.Topic, found.Properties = nil, bytes.Clone(v.Topic), nil
		return done
	}}
	err := w.file(f, at)
	if errors.Is(err, done) {
		return found, nil
	}
	if err == nil {
		err = s.Stop
	}
	return found, err
}

// walk reads one file through a window that follows the records.
type walk struct {
	check Check
	visit Visit
	scan  *Scan

	buf      []byte
	from, to int64 // the part of the log that buf holds
	paged    int64 // up to here it is read by the page: a whole window could not be
	view     message.View
}

// file walks one file; scan.Stop says what ended it.
func (w *walk) file(f *mapped.File, at int64) error {
	w.from, w.to = at, at
	for {
		size, err := w.size(f, at)
		if err == nil {
			err = w.record(f, at, size)
		}
		switch {
		case err == nil:
			w.scan.Last, w.scan.End = at, at+int64(size)
			w.scan.Records++
			at += int64(size)
		case errors.Is(err, message.ErrBlank), errors.Is(err, message.ErrCorrupt), errors.Is(err, message.ErrShort):
			w.scan.Stop = fmt.Errorf("at %d: %w", at, err)
			return nil
		default:
			return err
		}
	}
}

// size is the plausible length of the record at an offset. A long one is looked
// at in three places before anything of its length is read.
func (w *walk) size(f *mapped.File, at int64) (int, error) {
	head, err := w.bytes(f, at, 8)
	if err != nil {
		return 0, err
	}
	size, err := message.Size(head)
	if err != nil {
		return 0, err
	}
	if int64(size) > f.End()-at {
		return 0, fmt.Errorf("%w: size %d, the file has %d left", message.ErrCorrupt, size, f.End()-at)
	}
	if size <= len(w.buf) {
		return size, nil
	}
	whole, err := longRecord(f, at-f.Start, size)
	if err == nil && !whole {
		err = fmt.Errorf("%w: size %d is not the sum of its parts", message.ErrCorrupt, size)
	}
	return size, err
}

func (w *walk) record(f *mapped.File, at int64, size int) error {
	rec, err := w.bytes(f, at, size)
	if err != nil {
		return err
	}
	v := &w.view
	if err := message.Decode(rec, v); err != nil {
		return err
	}
	if v.PhyOffset != at {
		return fmt.Errorf("%w: a record of offset %d", message.ErrCorrupt, v.PhyOffset)
	}
	if w.check.PropertyCRC {
		err = message.CheckPropertyCRC(rec)
	} else if w.check.BodyCRC {
		err = v.CheckBody()
	}
	if err != nil && v.StoreTimestamp < w.check.Durable && w.check.Damaged != nil {
		w.check.Damaged(at, err)
		return w.visit(at, rec, v)
	}
	if err != nil {
		return err
	}
	if w.check.Torn {
		props := len(rec) - len(v.Properties)
		topic := props - 2 - len(v.Topic)
		if torn(rec, at-f.Start, topic, props-2) || torn(rec, at-f.Start, props, len(rec)) {
			return fmt.Errorf("%w: topic or properties are torn", message.ErrCorrupt)
		}
	}
	return w.visit(at, rec, v)
}

// torn says whether part of a record reads as if a sector of it had never reached
// the disk: zeros for a whole sector's share of it, or at its end. Nobody writes
// such topics and properties.
func torn(rec []byte, at int64, from, to int) bool {
	const sector = 512
	if from < to && rec[to-1] == 0 {
		return true
	}
	for from < to {
		end := min(to, from+sector-int((at+int64(from))%sector))
		if len(bytes.Trim(rec[from:end], "\x00")) == 0 {
			return true
		}
		from = end
	}
	return false
}

// bytes returns n bytes of the file at an offset of the log, reading on when the
// window does not hold them.
func (w *walk) bytes(f *mapped.File, at int64, n int) ([]byte, error) {
	if at+int64(n) > f.End() {
		return nil, message.ErrShort
	}
	if at+int64(n) > w.to {
		if n > len(w.buf) {
			w.buf = make([]byte, n)
		}
		part := w.buf[:min(int64(len(w.buf)), f.End()-at)]
		if at < w.paged {
			part = part[:min(int64(len(part)), pageEnd(f, at+int64(n)-1)-at)]
		}
		if err := f.ReadAt(part, at-f.Start); err != nil {
			if end := pageEnd(f, at+int64(n)-1); at >= w.paged && end < at+int64(len(part)) {
				w.paged = at + int64(len(part))
				return w.bytes(f, at, n)
			}
			return nil, err
		}
		w.from, w.to = at, at+int64(len(part))
	}
	return w.buf[at-w.from : at-w.from+int64(n)], nil
}

// longRecord adds up the length fields of a record without reading the rest of it.
// What cannot be read says nothing about them.
func longRecord(f *mapped.File, at int64, size int) (bool, error) {
	var field [4]byte
	var failed error
	number := func(off, n int) int {
		if off+n > size || failed != nil {
			return -1
		}
		if failed = f.ReadAt(field[:n], at+int64(off)); failed != nil {
			return -1
		}
		switch n {
		case 1:
			return int(int8(field[0]))
		case 2:
			return int(int16(binary.BigEndian.Uint16(field[:])))
		}
		return int(int32(binary.BigEndian.Uint32(field[:])))
	}
	magic, sysFlag := number(4, 4), number(36, 4)
	off, topicField := 84, 1
	if sysFlag&message.FlagBornHostV6 != 0 {
		off += 12
	}
	if sysFlag&message.FlagStoreHostV6 != 0 {
		off += 12
	}
	if uint32(magic) == message.MagicV2 {
		topicField = 2
	}
	for _, n := range []int{4, topicField, 2} {
		length := number(off, n)
		if length < 0 {
			return false, failed
		}
		off += n + length
	}
	return off == size, nil
}
