package index

// tail is the entries that are not in the file yet, and some that are, in chunks that
// are used again: a slice that grows would copy megabytes while appends wait.
type tail struct {
	chunks  [][]byte // all full but the last
	from    int32    // the first entry in them
	written int32    // the first entry that is not in the file
	spare   [][]byte
}

const (
	inChunk    = 3200 // entries, 62.5 KiB
	keepChunks = 64
)

func (t *tail) begin(from int32) { *t = tail{from: from, written: from, spare: t.spare} }

func (t *tail) add(e entry) {
	last := len(t.chunks) - 1
	if last < 0 || len(t.chunks[last]) == inChunk*entrySize {
		t.chunks = append(t.chunks, t.chunk())
		last++
	}
	t.chunks[last] = e.append(t.chunks[last])
}

func (t *tail) chunk() []byte {
	n := len(t.spare)
	if n == 0 {
		return make([]byte, 0, inChunk*entrySize)
	}
	c := t.spare[n-1]
	t.spare = t.spare[:n-1]
	return c[:0]
}

// piece is what of one chunk is not in the file; it does not change any more, and nobody
// uses its memory for anything else before wrote.
func (t *tail) piece() (b []byte, from int32) {
	at := int(t.written - t.from)
	if at/inChunk >= len(t.chunks) {
		return nil, t.written
	}
	return t.chunks[at/inChunk][at%inChunk*entrySize:], t.written
}

// wrote lets go of chunks that are in the file as a whole.
func (t *tail) wrote(n int32) {
	t.written += n
	for len(t.chunks) > 0 && len(t.chunks[0]) == inChunk*entrySize && t.from+inChunk <= t.written {
		if len(t.spare) < keepChunks {
			t.spare = append(t.spare, t.chunks[0])
		}
		t.chunks[0] = nil
		t.chunks = t.chunks[1:]
		t.from += inChunk
	}
}

// get is an entry that is in memory.
func (t *tail) get(n int32) (entry, bool) {
	at := int(n - t.from)
	if at < 0 || at/inChunk >= len(t.chunks) {
		return entry{}, false
	}
	c := t.chunks[at/inChunk]
	if at = at % inChunk * entrySize; at >= len(c) {
		return entry{}, false
	}
	return decodeEntry(c[at:]), true
}
