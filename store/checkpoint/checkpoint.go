// Package checkpoint is the file that remembers how far log, queues and index
// are on the disk, so that recovery after a crash knows where to begin.
//
//	0             8             16           24                   32             40                    48
//	+-------------+-------------+------------+--------------------+--------------+---------------------+
//	|physicMsgTime|logicsMsgTime|indexMsgTime| masterFlushedOffset| confirmOffset| logicsPhysicalOffset|
//	+-------------+-------------+------------+--------------------+--------------+---------------------+
//
// The three times are store timestamps in ms of the newest record whose log
// bytes, queue units and index entries the disk has. With a logicsPhysicalOffset above
// 0, Java 5.5 goes by that instead: after a crash it dispatches records from there on
// only. Java 5.0 knows 40 of these bytes, 4.9 the first 24; all leave alone what follows,
// where our Mark is:
//
//	1024      1028    1032        1040            1048           1056       1060         1064      1068   4096
//	+---------+-------+-----------+---------------+--------------+----------+------------+---------+------+
//	| "SKYL"  | CRC32 | PhyOffset | StoreTime     | IndexEnd     | Size     | Queues     | Flags   | 0    |  1: Light
//	+---------+-------+-----------+---------------+--------------+----------+------------+---------+------+
//
// The CRC-32 covers the first 48 bytes and what follows the sum: once a Java broker
// wrote other times than ours, the mark says nothing any more.
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
	javas    = 48
	markAt   = 1024
	markSize = 44
)

// Mark is a record up to which, and with which, log, consume queues and index are
// on the disk whole. A start need not look at anything before it.
type Mark struct {
	PhyOffset, StoreTime int64
	// IndexEnd is where the newest record in the index was; NotIndexed: no index was kept.
	IndexEnd int64
	Size     int32 // of the record; 0: there is no mark
	Queues   int32 // how many there were; with fewer some were taken away, to be built anew
	Light    bool  // whether light queues were filled

	// FileStart is what Java is told, its logicsPhysicalOffset: the start of the record's
	// file. It deletes index files after a crash, and fills the index from there. No start
	// of ours goes by it.
	FileStart int64
}

// NotIndexed is an IndexEnd.
const NotIndexed = -2

const flagLight = 1

// Margin is subtracted from the times, as Java does: clocks step back.
const Margin = 3000

// Checkpoint is the file. Fields and mark may be set from anywhere; Flush writes them.
type Checkpoint struct {
	PhysicTime, LogicsTime, IndexTime  atomic.Int64
	MasterFlushedOffset, ConfirmOffset atomic.Int64

	mark atomic.Pointer[Mark] // nil: none

	mu   sync.Mutex // guards file and last
	file vfs.File
	last image
}

// image is what the file holds.
type image struct {
	javas [javas]byte
	mark  [markSize]byte
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
	if _, err := f.ReadAt(c.last.javas[:], 0); err != nil {
		return err
	}
	if _, err := f.ReadAt(c.last.mark[:], markAt); err != nil {
		return err
	}
	c.decode(&c.last)
	return nil
}

var letters = []byte("SKYL")

func (c *Checkpoint) decode(i *image) {
	for n, field := range c.fields() {
		field.Store(int64(binary.BigEndian.Uint64(i.javas[8*n:])))
	}
	b := i.mark[:]
	if bytes.Equal(b[:4], letters) && binary.BigEndian.Uint32(b[4:]) == i.sum() {
		c.SetMark(Mark{
			PhyOffset: int64(binary.BigEndian.Uint64(b[8:])), StoreTime: int64(binary.BigEndian.Uint64(b[16:])), IndexEnd: int64(binary.BigEndian.Uint64(b[24:])),
			Size: int32(binary.BigEndian.Uint32(b[32:])), Queues: int32(binary.BigEndian.Uint32(b[36:])), Light: binary.BigEndian.Uint32(b[40:])&flagLight != 0,
			FileStart: int64(binary.BigEndian.Uint64(i.javas[40:])),
		})
	}
}

func (c *Checkpoint) encode() (i image) {
	for n, field := range c.fields() {
		binary.BigEndian.PutUint64(i.javas[8*n:], uint64(field.Load()))
	}
	m := c.Mark()
	if m.Size == 0 {
		return i
	}
	binary.BigEndian.PutUint64(i.javas[40:], uint64(m.FileStart))
	b := i.mark[:]
	binary.BigEndian.PutUint64(b[8:], uint64(m.PhyOffset))
	binary.BigEndian.PutUint64(b[16:], uint64(m.StoreTime))
	binary.BigEndian.PutUint64(b[24:], uint64(m.IndexEnd))
	binary.BigEndian.PutUint32(b[32:], uint32(m.Size))
	binary.BigEndian.PutUint32(b[36:], uint32(m.Queues))
	if m.Light {
		binary.BigEndian.PutUint32(b[40:], flagLight)
	}
	copy(b, letters)
	binary.BigEndian.PutUint32(b[4:], i.sum())
	return i
}

func (i *image) sum() uint32 {
	return crc32.Update(crc32.ChecksumIEEE(i.javas[:]), crc32.IEEETable, i.mark[8:])
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

func (c *Checkpoint) fields() [5]*atomic.Int64 {
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
	for at, part := range map[int64][]byte{0: now.javas[:], markAt: now.mark[:]} { // in any order: the sum is over both
		if _, err := c.file.WriteAt(part, at); err != nil {
			return fmt.Errorf("checkpoint: %w", err)
		}
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
