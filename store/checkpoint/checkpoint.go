// Package checkpoint is the file that remembers how far log, queues and index
// are on the disk, so that recovery after a crash knows where to begin.
//
//	0                  8                   16                24                   32               40     4096
//	+------------------+-------------------+-----------------+--------------------+----------------+------+
//	| physicMsgTime    | logicsMsgTime     | indexMsgTime    | masterFlushedOffset| confirmOffset  | 0    |
//	+------------------+-------------------+-----------------+--------------------+----------------+------+
//
// The three times are store timestamps in ms of the newest record whose log
// bytes, queue units and index entries the disk has. Java brokers write these 40
// bytes, 4.9 the first 24, and leave the rest as it is. Behind them is our Mark:
//
//	40        44      48          56              64             72         76           80
//	+---------+-------+-----------+---------------+--------------+----------+------------+
//	| "SKYL"  | CRC32 | PhyOffset | StoreTime     | IndexEnd     | Size     | Queues     |
//	+---------+-------+-----------+---------------+--------------+----------+------------+
//
// The CRC-32 covers all that is in front of the letters and behind the sum: once a
// Java broker wrote other times than ours, the mark says nothing any more.
package checkpoint

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/skylarkmq/skylark/internal/vfs"
)

const (
	fileSize = 4096
	javas    = 40
	used     = 80
)

// Mark is a record up to which, and with which, log, consume queues and index are
// on the disk whole. A start need not look at anything before it.
type Mark struct {
	PhyOffset, StoreTime int64
	// IndexEnd is where the newest record in the index was; NotIndexed: no index was kept.
	IndexEnd int64
	Size     int32 // of the record; 0: there is no mark
	Queues   int32 // how many there were; with fewer some were taken away, to be built anew
}

// NotIndexed is an IndexEnd.
const NotIndexed = -2

// Margin is subtracted from the times, as Java does: clocks step back.
const Margin = 3000

// Checkpoint is the file. Fields and mark may be set from anywhere; Flush writes them.
type Checkpoint struct {
	PhysicTime, LogicsTime, IndexTime  atomic.Int64
	MasterFlushedOffset, ConfirmOffset atomic.Int64

	mark atomic.Pointer[Mark] // nil: none

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
	c.decode(c.last[:])
	return nil
}

var letters = []byte("SKYL")

func (c *Checkpoint) decode(b []byte) {
	for i, field := range c.fields() {
		field.Store(int64(binary.BigEndian.Uint64(b[8*i:])))
	}
	if bytes.Equal(b[javas:javas+4], letters) && binary.BigEndian.Uint32(b[javas+4:]) == sum(b) {
		m := b[javas+8 : used]
		c.SetMark(Mark{
			PhyOffset: int64(binary.BigEndian.Uint64(m)), StoreTime: int64(binary.BigEndian.Uint64(m[8:])), IndexEnd: int64(binary.BigEndian.Uint64(m[16:])),
			Size: int32(binary.BigEndian.Uint32(m[24:])), Queues: int32(binary.BigEndian.Uint32(m[28:])),
		})
	}
}

func (c *Checkpoint) encode() (b [used]byte) {
	for i, field := range c.fields() {
		binary.BigEndian.PutUint64(b[8*i:], uint64(field.Load()))
	}
	if m := c.Mark(); m.Size > 0 {
		at := b[javas+8:]
		binary.BigEndian.PutUint64(at, uint64(m.PhyOffset))
		binary.BigEndian.PutUint64(at[8:], uint64(m.StoreTime))
		binary.BigEndian.PutUint64(at[16:], uint64(m.IndexEnd))
		binary.BigEndian.PutUint32(at[24:], uint32(m.Size))
		binary.BigEndian.PutUint32(at[28:], uint32(m.Queues))
		copy(b[javas:], letters)
		binary.BigEndian.PutUint32(b[javas+4:], sum(b[:]))
	}
	return b
}

func sum(b []byte) uint32 {
	return crc32.Update(crc32.ChecksumIEEE(b[:javas]), crc32.IEEETable, b[javas+8:used])
}

// Mark is the last one set; its Size is 0 when there is none.
func (c *Checkpoint) Mark() Mark {
	if m := c.mark.Load(); m != nil {
		return *m
	}
	return Mark{}
}

// SetMark replaces the mark; one without a Size takes it away.
func (c *Checkpoint) SetMark(m Mark) { c.mark.Store(&m) }

func (c *Checkpoint) fields() [javas / 8]*atomic.Int64 {
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
	now := c.encode()
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
