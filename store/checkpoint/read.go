package checkpoint

import (
	"fmt"
	"sync/atomic"

	"github.com/skylarkmq/skylark/internal/vfs"
)

// Size is the length of the file.
const Size = fileSize

// Read decodes a checkpoint without opening it for writing. It must not be
// flushed or closed.
func Read(disk vfs.FS, path string) (*Checkpoint, error) {
	data, err := vfs.ReadFile(disk, path)
	if err != nil {
		return nil, err
	}
	if len(data) < javas {
		return nil, fmt.Errorf("checkpoint %s: %d bytes, expected %d", path, len(data), fileSize)
	}
	c, i := &Checkpoint{}, image{javas: [javas]byte(data)}
	if len(data) >= markAt+markSize {
		i.mark = [markSize]byte(data[markAt:])
	}
	c.decode(&i)
	return c, nil
}

// Times are the three times.
func (c *Checkpoint) Times() [3]*atomic.Int64 {
	return [...]*atomic.Int64{&c.PhysicTime, &c.LogicsTime, &c.IndexTime}
}
