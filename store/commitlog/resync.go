package commitlog

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store/mapped"
)

// Resume is what a walk over a damaged log needs to know. One bad record must not cost
// those behind it; but behind the true end there may be old records, which must stay
// away.
type Resume struct {
	// Certain: whether the log did not end at this place.
	Certain func(end int64) bool
	// Accept: whether a record may be one of those that follow.
	Accept func(v *message.View) bool
	// Lost hears what was left out.
	Lost func(from, to int64, err error)
}

// resume looks for records behind what ended a walk.
func (l *Log) resume(s *Scan, r *Resume) (bool, error) {
	if s.Stop == nil || errors.Is(s.Stop, message.ErrBlank) || r == nil || !r.Certain(s.End) {
		return false, nil
	}
	refuse := func(_ int64, err error) error { return err } // the log goes on: what cannot be read may be where
	next, ok, err := l.Resync(s.End+1, func(_ int64, v *message.View) bool { return v != nil && r.Accept(v) }, refuse)
	if err != nil {
		return false, fmt.Errorf("looking for records behind the damage at %d (%v): %w", s.End, s.Stop, err) //nolint:errorlint // callers branch on why the search failed, not on what ended the walk
	}
	if !ok {
		return false, nil
	}
	r.Lost(s.End, next, s.Stop)
	s.Stop, s.End, s.resume = nil, next, next
	return true, nil
}

// pageEnd is the end of the page of a file that has an offset of the log: of what can be
// read alone where a disk has bad sectors.
func pageEnd(f *mapped.File, at int64) int64 {
	return min(f.Start+(at-f.Start)/vfs.Page*vfs.Page+vfs.Page, f.End())
}

// offPhy is where a record says its own place.
const offPhy = 28

// Resync finds where the log goes on at or behind an offset where no record is: at a
// record that knows its own place and has the right sum, or at the blank that ends a
// file with another behind it, for which v is nil. accept has the last word. unread
// hears of what cannot be read; the search passes it over, or ends with its error.
func (l *Log) Resync(from int64, accept func(at int64, v *message.View) bool, unread func(at int64, err error) error) (int64, bool, error) {
	files := l.dir.Files()
	for i, f := range files {
		if f.End() <= from {
			continue
		}
		s := search{f: f, last: i == len(files)-1, accept: accept, unread: unread}
		if at, ok, err := s.from(max(from, f.Start)); ok || err != nil {
			return at, ok, err
		}
	}
	return 0, false, nil
}

// search is Resync in one file.
type search struct {
	f      *mapped.File
	last   bool
	accept func(at int64, v *message.View) bool
	unread func(at int64, err error) error
}

func (s *search) from(at int64) (int64, bool, error) {
	const overlap = 8
	f := s.f
	buf, paged := make([]byte, min(window, f.End()-at)), at // up to paged by the page
	for at+overlap <= f.End() {
		piece := buf[:min(int64(len(buf)), f.End()-at)]
		if at < paged {
			piece = piece[:min(int64(len(piece)), pageEnd(f, at+overlap-1)-at)]
		}
		if err := f.ReadAt(piece, at-f.Start); err != nil {
			if at >= paged {
				paged = at + int64(len(piece))
				continue
			}
			if err := s.unread(at, err); err != nil {
				return 0, false, err
			}
			at = pageEnd(f, at+overlap-1)
			continue
		}
		for i := 0; i+overlap <= len(piece); i++ {
			// The first byte of a magic: of a record, or of a blank.
			if piece[i+4] != 0xDA && piece[i+4] != 0xCB {
				continue
			}
			if ok, err := s.beginsAt(at+int64(i), piece[i:]); ok || err != nil {
				return at + int64(i), ok, err
			}
		}
		at += int64(len(piece)) - overlap + 1
	}
	return 0, false, nil
}

// beginsAt says whether a record, or a blank, begins at an offset whose first bytes
// are in head.
func (s *search) beginsAt(at int64, head []byte) (bool, error) {
	f := s.f
	size, err := message.Size(head)
	if errors.Is(err, message.ErrBlank) {
		// Only where records follow: zeros and a lone magic prove nothing.
		return int64(size) == f.End()-at && !s.last && s.accept(at, nil), nil
	}
	if err != nil || int64(size) > f.End()-at {
		return false, nil
	}
	// A body may be full of what looks like a long record: none is read that does not know its place.
	if len(head) >= offPhy+8 && int64(binary.BigEndian.Uint64(head[offPhy:])) != at {
		return false, nil
	}
	rec := make([]byte, size)
	if err := f.ReadAt(rec, at-f.Start); err != nil {
		return false, s.unread(at, err)
	}
	var v message.View
	return message.Decode(rec, &v) == nil && v.PhyOffset == at && v.CheckBody() == nil && s.accept(at, &v), nil
}
