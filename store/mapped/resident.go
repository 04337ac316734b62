package mapped

import "github.com/skylarkmq/skylark/internal/vfs"

// Resident gives bytes [from, to) of the mapping when all of them are in the page
// cache, else nil. The caller has acquired the file and uses them, under Guard or
// its like, until Release.
func (f *File) Resident(from, to int64) []byte {
	m, err := f.Map()
	if err != nil || from < 0 || to > int64(len(m)) || from > to {
		return nil
	}
	if part := m[from:to:to]; vfs.Resident(part) {
		return part
	}
	return nil
}
