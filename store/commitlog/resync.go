package commitlog

import (
	"encoding/binary"
	"errors"

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
func (l *Log) resume(s *Scan, r *Resume) bool {
	if s.Stop == nil || errors.Is(s.Stop, message.ErrBlank) || r == nil || !r.Certain(s.End) {
		return false
	}
	next, ok := l.Resync(s.End+1, func(_ int64, v *message.View) bool { return v != nil && r.Accept(v) })
	if !ok {
		return false
	}
	r.Lost(s.End, next, s.Stop)
	s.Stop, s.End, s.resume = nil, next, next
	return true
}

// resyncPiece is how much is read at once where no records are.
const resyncPiece = 1 << 20

// offPhy is where a record says its own place.
const offPhy = 28

// Resync finds where the log goes on at or behind an offset where no record is: at a
// record that knows its own place and has the right sum, or at the blank that ends a
// file with another behind it, for which v is nil. accept has the last word.
func (l *Log) Resync(from int64, accept func(at int64, v *message.View) bool) (int64, bool) {
	files := l.dir.Files()
	for i, f := range files {
		if f.End() <= from {
			continue
		}
		if at, ok := resyncIn(f, max(from, f.Start), i == len(files)-1, accept); ok {
			return at, true
		}
	}
	return 0, false
}

func resyncIn(f *mapped.File, from int64, last bool, accept func(at int64, v *message.View) bool) (int64, bool) {
	const overlap = 8
	buf := make([]byte, min(resyncPiece, f.End()-from))
	for at := from; at+overlap <= f.End(); {
		piece := buf[:min(int64(len(buf)), f.End()-at)]
		if err := f.ReadAt(piece, at-f.Start); err != nil {
			return 0, false
		}
		for i := 0; i+overlap <= len(piece); i++ {
			// The first byte of a magic: of a record, or of a blank.
			if (piece[i+4] == 0xDA || piece[i+4] == 0xCB) && beginsAt(f, at+int64(i), piece[i:], last, accept) {
				return at + int64(i), true
			}
		}
		at += int64(len(piece)) - overlap + 1
	}
	return 0, false
}

// beginsAt says whether a record, or a blank, begins at an offset whose first bytes
// are in head.
func beginsAt(f *mapped.File, at int64, head []byte, last bool, accept func(at int64, v *message.View) bool) bool {
	size, err := message.Size(head)
	if errors.Is(err, message.ErrBlank) {
		// Only where records follow: zeros and a lone magic prove nothing.
		return int64(size) == f.End()-at && !last && accept(at, nil)
	}
	if err != nil || int64(size) > f.End()-at {
		return false
	}
	// A body may be full of what looks like a long record: none is read that does not know its place.
	if len(head) >= offPhy+8 && int64(binary.BigEndian.Uint64(head[offPhy:])) != at {
		return false
	}
	rec := make([]byte, size)
	var v message.View
	return f.ReadAt(rec, at-f.Start) == nil && message.Decode(rec, &v) == nil && v.PhyOffset == at && v.CheckBody() == nil && accept(at, &v)
}
