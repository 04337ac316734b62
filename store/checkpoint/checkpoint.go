// Package checkpoint is the file that remembers how far log, queues and index
// are on the disk, so that recovery after a crash knows where to begin.
//
//	0                  8                   16                24                   32               40     4096
//	+------------------+-------------------+-----------------+--------------------+----------------+------+
//	| physicMsgTime    | logicsMsgTime     | indexMsgTime    | masterFlushedOffset| confirmOffset  | 0    |
//	+------------------+-------------------+-----------------+--------------------+----------------+------+
//
// The three times are store timestamps in ms of the newest record whose log
// bytes, queue units and index entries the disk has.
package checkpoint

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/skylarkmq/skylark/internal/vfs"
)

const (
	fileSize = 4096
	used     = 40
)

// Margin is subtracted from the times, as Java does: clocks step back.
const Margin = 3000

// Checkpoint is the file. The fields may be set from anywhere; Flush writes them.
type Checkpoint struct {
	PhysicTime, LogicsTime, IndexTime  atomic.Int64
	MasterFlushedOffset, ConfirmOffset atomic.Int64

	mu   sync.Mutex // guards file and last
	file vfs.File
	last [used]byte
}

// Open reads the checkpoint, or makes one of zeros.
func Open(disk vfs.FS, path string) (*Checkpoint, error) {
	c := &Checkpoint{}
	f, err := disk.Create(path)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	if err := c.read(disk, f, path); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("checkpoint %s: %w", path, err)
	}
	c.file = f
	return c, nil
}

func (c *Checkpoint) read(disk vfs.FS, f vfs.File, path string) error {
	size, err := f.Size()
	if err != nil {
		return err
	}
	if size < fileSize {
		if err := f.Truncate(fileSize); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		if err := disk.SyncDir(filepath.Dir(path)); err != nil {
			return err
		}
	}
	if _, err := f.ReadAt(c.last[:], 0); err != nil {
		return err
	}
	for i, field := range c.fields() {
		field.Store(int64(binary.BigEndian.Uint64(c.last[8*i:])))
	}
	return nil
}

func (c *Checkpoint) fields() [used / 8]*atomic.Int64 {
	return [...]*atomic.Int64{&c.PhysicTime, &c.LogicsTime, &c.IndexTime, &c.MasterFlushedOffset, &c.ConfirmOffset}
}

// MinTime is from when on recovery must look at the log again.
func (c *Checkpoint) MinTime() int64 {
	return max(0, min(c.PhysicTime.Load(), c.LogicsTime.Load())-Margin)
}

// MinTimeIndex is the same when the index must be complete (messageIndexSafe).
func (c *Checkpoint) MinTimeIndex() int64 { return min(c.MinTime(), c.IndexTime.Load()) }

// Flush writes the fields when they changed, and waits for the disk.
func (c *Checkpoint) Flush() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var now [used]byte
	for i, field := range c.fields() {
		binary.BigEndian.PutUint64(now[8*i:], uint64(field.Load()))
	}
	if now == c.last {
		return nil
	}
	if _, err := c.file.WriteAt(now[:], 0); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if err := c.file.Datasync(); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	c.last = now
	return nil
}

// Close flushes and closes the file.
func (c *Checkpoint) Close() error {
	err := c.Flush()
	if cerr := c.file.Close(); err == nil {
		err = cerr
	}
	return err
}
