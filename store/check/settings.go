package check

import (
	"encoding/binary"
	"math"
	"path/filepath"

	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/store"
	"github.com/skylarkmq/skylark/store/index"
)

// Guess fills in the file sizes of a directory's settings from its files, for
// those who have the directory and no configuration file. A size that most of the
// first files have is the size.
func Guess(disk vfs.FS, root string, c *store.Config) {
	c.StorePathRootDir = root
	logs := []string{filepath.Join(root, "commitlog")}
	guess(disk, logs, &c.MappedFileSizeCommitLog)
	guess(disk, queueDirs(disk, filepath.Join(root, "consumequeue")), &c.MappedFileSizeConsumeQueue)
	guess(disk, queueDirs(disk, filepath.Join(root, "batchconsumequeue")), &c.MapperFileSizeBatchConsumeQueue)
	guess(disk, queueDirs(disk, filepath.Join(root, "consumequeue_ext")), &c.MappedFileSizeConsumeQueueExt)
	guess(disk, []string{filepath.Join(root, "timerlog")}, &c.MappedFileSizeTimerLog)
	guessIndex(disk, filepath.Join(root, "index"), c)
}

// guessDirs is how many directories take part in a guess.
const guessDirs = 64

func queueDirs(disk vfs.FS, dir string) []string {
	var dirs []string
	topics, _ := disk.ReadDir(dir)
	for _, t := range topics {
		queues, _ := disk.ReadDir(filepath.Join(dir, t.Name))
		for _, q := range queues {
			if dirs = append(dirs, filepath.Join(dir, t.Name, q.Name)); len(dirs) == guessDirs {
				return dirs
			}
		}
	}
	return dirs
}

func guess(disk vfs.FS, dirs []string, size *int) {
	votes, best := map[int64]int{}, 0
	for _, dir := range dirs {
		entries, _ := disk.ReadDir(dir)
		for _, e := range entries {
			start, ok := startOf(e.Name)
			info, err := disk.Stat(filepath.Join(dir, e.Name))
			if !ok || err != nil || e.Dir || info.Size == 0 || start%info.Size != 0 {
				continue
			}
			weight := 2
			if start > 0 {
				weight = 3 // its name says so too
			}
			if votes[info.Size] += weight; votes[info.Size] > best {
				best, *size = votes[info.Size], int(info.Size)
			}
		}
	}
}

// guessIndex finds the two numbers that shape an index file. The first entry lies
// behind the slots and entry 0.
func guessIndex(disk vfs.FS, dir string, c *store.Config) {
	entries, _ := disk.ReadDir(dir)
	for _, e := range entries {
		if !index.IsFileName(e.Name) {
			continue
		}
		info, err := disk.Stat(filepath.Join(dir, e.Name))
		usual := index.Shape{Slots: int32(c.MaxHashSlotNum), Entries: int32(c.MaxIndexNum)}
		if err != nil || info.Size < index.HeadSize || info.Size > math.MaxInt32 || info.Size == usual.Size() { // Java maps 2 GiB at most
			continue
		}
		raw, err := disk.Open(filepath.Join(dir, e.Name))
		if err != nil {
			continue
		}
		f := indexGuess{raw: raw, size: int(info.Size)}
		slots, found := f.find()
		_ = raw.Close()
		if found {
			c.MaxHashSlotNum, c.MaxIndexNum = slots, f.entries(slots)
			return
		}
	}
}

// indexGuess is an index file of unknown shape. It is read in pieces: it may be of
// hundreds of megabytes, and no index at all.
type indexGuess struct {
	raw  vfs.File
	size int
	head index.Head
	buf  []byte
	at   int // of buf
}

// entries is how many fit behind so many slots.
func (f *indexGuess) entries(slots int) int {
	return (f.size - index.HeadSize - slots*index.SlotSize) / index.EntrySize
}

// bytes is a part of the file, nil where it cannot be read.
func (f *indexGuess) bytes(at int64, n int) []byte {
	b := make([]byte, n)
	if _, err := f.raw.ReadAt(b, at); err != nil {
		return nil
	}
	return b
}

// find tries every place at which the first entry may lie.
func (f *indexGuess) find() (slots int, found bool) {
	b := f.bytes(0, index.HeadSize)
	if b == nil {
		return 0, false
	}
	f.head = index.DecodeHead(b)
	behind := index.HeadSize + index.EntrySize // where the first entry lies, without the slots
	for at := behind + index.SlotSize; at+index.EntrySize <= f.size; at += index.SlotSize {
		slots = (at - behind) / index.SlotSize
		if (f.size-index.HeadSize-slots*index.SlotSize)%index.EntrySize != 0 {
			continue
		}
		if at+index.EntrySize > f.at+len(f.buf) {
			if f.buf, f.at = f.bytes(int64(at), min(pieceSize, f.size-at)), at; f.buf == nil {
				return 0, false
			}
		}
		first := index.DecodeEntry(f.buf[at-f.at:])
		if first != (index.Entry{}) && first.Phy == f.head.BeginPhy && first.Prev == 0 && f.shaped(slots) {
			return slots, true
		}
	}
	return 0, false
}

// shaped says whether the file has a shape: its first entries and the last one
// agree with the head and with each other.
func (f *indexGuess) shaped(slots int) bool {
	const looked = 256
	head, shape := f.head, index.Shape{Slots: int32(slots), Entries: int32(f.entries(slots))}
	if head.Count <= 1 || head.Count > shape.Entries {
		return false
	}
	newest := f.bytes(shape.EntryAt(head.Count-1), index.EntrySize)
	if newest == nil || index.DecodeEntry(newest).Phy != head.EndPhy {
		return false
	}
	firsts := f.bytes(shape.EntryAt(0), int(min(head.Count, looked))*index.EntrySize)
	last, chains := int64(0), map[int32]int32{}
	for n := int32(1); int(n) < len(firsts)/index.EntrySize; n++ {
		e := index.DecodeEntry(firsts[n*index.EntrySize:])
		if e.Hash < 0 || e.Phy < last || e.Prev != chains[e.Hash%shape.Slots] {
			return false
		}
		slot := f.bytes(shape.SlotAt(e.Hash%shape.Slots), index.SlotSize)
		if slot == nil || binary.BigEndian.Uint32(slot) == 0 {
			return false
		}
		last, chains[e.Hash%shape.Slots] = e.Phy, n
	}
	return firsts != nil
}
