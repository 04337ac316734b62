package commitlog

import "github.com/skylarkmq/skylark/store/mapped"

// PinMost is the longest part that Pin gives.
const PinMost = 1 << 20

const (
	// pinPiece: the part of the log around a pin that is looked at together. Readers
	// of several queues want the same pages, and those before and after them.
	pinPiece = 256 << 10
	// pinTrust is how long pages that were in memory are taken to be there, in ms.
	// A page that went meanwhile costs its reader a wait, nothing else.
	pinTrust = 20
	// pinPlaces is how many parts are remembered, by where they begin: readers of a backlog are at places of their own.
	pinPlaces = 64
)

// pinned is a part of the log that was in memory a moment ago. It is replaced, never changed.
type pinned struct {
	from, to int64
	until    int64 // ms
}

// Pin gives bytes [phy, end) of one file of the log where they lie, when they are
// in memory: many small records are then one system call, or none, and not one
// each. The caller reads them, expecting faults (mapped.Guard), and releases the
// file. nil: Read must do.
func (l *Log) Pin(phy, end int64) ([]byte, *mapped.File) {
	readable := l.readable.Load()
	if phy < 0 || phy >= end || end-phy > PinMost || end > readable {
		return nil, nil
	}
	f := l.dir.Find(phy)
	if f == nil || end > f.End() || f.Acquire() != nil {
		return nil, nil
	}
	if part := l.resident(f, phy, end, readable); part != nil {
		return part, f
	}
	f.Release()
	return nil, nil
}

// resident asks the kernel unless it said so just now, and asks about more than is
// wanted so that the next ones need not.
func (l *Log) resident(f *mapped.File, phy, end, readable int64) []byte {
	now := l.opt.Clock.NowMs()
	remembered := &l.pinned[phy/pinPiece%pinPlaces]
	if p := remembered.Load(); p != nil && phy >= p.from && end <= p.to && now < p.until {
		return f.Part(phy-f.Start, end-f.Start)
	}
	from := max(phy&^(pinPiece-1), f.Start)
	to := min((end+pinPiece-1)&^(pinPiece-1), f.End(), readable)
	if f.Resident(from-f.Start, to-f.Start) == nil {
		return f.Resident(phy-f.Start, end-f.Start)
	}
	remembered.Store(&pinned{from, to, now + pinTrust})
	return f.Part(phy-f.Start, end-f.Start)
}
