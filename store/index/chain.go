package index

import (
	"fmt"

	"github.com/skylarkmq/skylark/internal/vfs"
)

// chain reads the entries of one hash, from the newest back. Most chains have a handful, all over the file, and cost a read of an entry
// each. One key in every message makes a chain of millions that lie side by side: after some of those a read brings the entries before it
// as well, or a walk would take a lane for many seconds.
type chain struct {
	f   *file
	raw vfs.File

	last  int32 // number of the entry before
	near  int   // so many in a row were near the one before
	from  int32 // number of the first entry in ahead
	ahead []byte
}

const (
	chainBlock = 512 // entries read at once, and how far two are apart that are near
	chainNear  = 16
)

// entry reads one, from wherever it is; its number is smaller than the one before.
func (c *chain) entry(n int32) (entry, error) {
	if c.last-n < chainBlock {
		c.near++
	} else {
		c.near = 0
	}
	c.last = n
	if e, ok := c.f.entryInMemory(n); ok {
		return e, nil
	}
	if at := int(n-c.from) * entrySize; at < 0 || at >= len(c.ahead) {
		if err := c.read(n); err != nil {
			return entry{}, err
		}
	}
	return decodeEntry(c.ahead[int(n-c.from)*entrySize:]), nil
}

// read fills ahead so that it ends with an entry.
func (c *chain) read(n int32) error {
	count := int32(1)
	if c.near > chainNear {
		count = min(chainBlock, n)
	}
	if cap(c.ahead) < int(count)*entrySize {
		c.ahead = make([]byte, int(count)*entrySize)
	}
	c.from, c.ahead = n-count+1, c.ahead[:int(count)*entrySize]
	if got, err := c.raw.ReadAt(c.ahead, c.f.entryAt(c.from)); got < len(c.ahead) {
		c.ahead = c.ahead[:0]
		return fmt.Errorf("index: entry of %s: %w", c.f.path, err)
	}
	return nil
}
