package index

// What tools need to read the files by themselves, without an Index: an Index
// repairs what it opens.

// Head is the head of a file.
type Head struct {
	BeginTime, EndTime int64
	BeginPhy, EndPhy   int64
	Slots              int32 // in use
	Count              int32 // number of the next entry
}

// Entry is one key of one record.
type Entry struct {
	Hash    int32
	Phy     int64
	Seconds int32 // since Head.BeginTime
	Prev    int32
}

// Sizes of the parts of a file.
const (
	HeadSize  = headerSize
	SlotSize  = slotSize
	EntrySize = entrySize
)

// DecodeHead reads the head at the start of b.
func DecodeHead(b []byte) Head {
	h := decodeHeader(b)
	return Head{h.beginTime, h.endTime, h.beginPhy, h.endPhy, h.slots, h.count}
}

// DecodeEntry reads the entry at the start of b.
func DecodeEntry(b []byte) Entry {
	e := decodeEntry(b)
	return Entry{e.hash, e.phy, e.seconds, e.prev}
}

// Shape is what maxHashSlotNum and maxIndexNum make of a file.
type Shape struct{ Slots, Entries int32 }

// Size is the length of the file, SlotAt and EntryAt where its parts are.
func (s Shape) Size() int64           { return layout{s.Slots, s.Entries}.size() }
func (s Shape) SlotAt(n int32) int64  { return layout{s.Slots, s.Entries}.slotAt(n) }
func (s Shape) EntryAt(n int32) int64 { return layout{s.Slots, s.Entries}.entryAt(n) }

// IsFileName says whether a name in the directory is that of an index file.
func IsFileName(name string) bool { return isName(name) }
