package mapped

import "github.com/skylarkmq/skylark/internal/vfs"

// Resident gives bytes [from, to) of the mapping when all of them are in the page
// cache, else nil. The caller has acquired the file and uses them, under Guard or
// its like, until Release.
func (f *File) Resident(from, to int64) []byte {
	if part := f.Part(from, to); part != nil && vfs.Resident(part) {
		return part
	}
	return nil
}

// Part is Resident for a caller that knows the pages to be in memory.
func (f *File) Part(from, to int64) []byte {
	m, err := f.Map()
	if err != nil || from < 0 || to > int64(len(m)) || from > to {
		return nil
	}
	return m[from:to:to]
}
