package check

import (
	"encoding/binary"
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
		data, err := vfs.ReadFile(disk, filepath.Join(dir, e.Name))
		shape := index.Shape{Slots: int32(c.MaxHashSlotNum), Entries: int32(c.MaxIndexNum)}
		if err != nil || len(data) < index.HeadSize || int64(len(data)) == shape.Size() {
			continue
		}
		for at := index.HeadSize + index.SlotSize + index.EntrySize; at+index.EntrySize <= len(data); at += index.SlotSize {
			slots := (at - index.HeadSize - index.EntrySize) / index.SlotSize
			rest := len(data) - index.HeadSize - slots*index.SlotSize
			if rest%index.EntrySize == 0 && shaped(data, slots, rest/index.EntrySize) {
				c.MaxHashSlotNum, c.MaxIndexNum = slots, rest/index.EntrySize
				return
			}
		}
	}
}

// shaped says whether an index file has a shape: its first entries and the last
// one agree with the head and with each other.
func shaped(data []byte, slots, entries int) bool {
	const looked = 256
	head, shape := index.DecodeHead(data), index.Shape{Slots: int32(slots), Entries: int32(entries)}
	if head.Count <= 1 || head.Count > shape.Entries {
		return false
	}
	entry := func(n int32) index.Entry { return index.DecodeEntry(data[shape.EntryAt(n):]) }
	if entry(1).Phy != head.BeginPhy || entry(1).Prev != 0 || entry(head.Count-1).Phy != head.EndPhy {
		return false
	}
	last, chains := int64(0), map[int32]int32{}
	for n := int32(1); n < min(head.Count, looked); n++ {
		e := entry(n)
		if e.Hash < 0 || e.Phy < last || e.Prev != chains[e.Hash%shape.Slots] || binary.BigEndian.Uint32(data[shape.SlotAt(e.Hash%shape.Slots):]) == 0 {
			return false
		}
		last, chains[e.Hash%shape.Slots] = e.Phy, n
	}
	return true
}
