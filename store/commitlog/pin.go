package commitlog

import "github.com/skylarkmq/skylark/store/mapped"

// PinMost is the longest part that Pin gives.
const PinMost = 1 << 20

// Pin gives bytes [phy, end) of one file of the log where they lie, when they are
// in memory: many small records are then one system call and not one each. The
// caller reads them, expecting faults (mapped.Guard), and releases the file. nil:
// Read must do.
func (l *Log) Pin(phy, end int64) ([]byte, *mapped.File) {
	if phy < 0 || phy >= end || end-phy > PinMost || end > l.readable.Load() {
		return nil, nil
	}
	f := l.dir.Find(phy)
	if f == nil || end > f.End() || f.Acquire() != nil {
		return nil, nil
	}
	if part := f.Resident(phy-f.Start, end-f.Start); part != nil {
		return part, f
	}
	f.Release()
	return nil, nil
}
