package check

import (
	"encoding/binary"
	"path/filepath"
	"slices"
	"sort"

	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store"
	"github.com/skylarkmq/skylark/store/index"
)

// indexWalk goes over the entries of all index files in order. They are in the
// order of the log.
type indexWalk struct {
	shape index.Shape
	names []string
	file  vfs.File
	path  string
	head  index.Head
	n     int32   // number of the entry at hand
	heads []int32 // the newest entry of each chain, from the entries before
	slots int32
	buf   []byte
	from  int32 // number of the first entry in buf
	entry index.Entry
	ok    bool // entry holds
	begun bool // an entry was seen: keys of later records must be there
	last  int64
	bad   bool // the file's entries are of no use
	keys  bool // a record has keys
	hash  []int32
	d     store.Derived
}

func (c *checker) listIndex() error {
	x := &c.index
	x.shape = index.Shape{Slots: int32(c.cfg.MaxHashSlotNum), Entries: int32(c.cfg.MaxIndexNum)}
	dir := filepath.Join(c.root, "index")
	entries, err := c.fs.ReadDir(dir)
	if err != nil && !notThere(err) {
		return err
	}
	for i, e := range entries {
		path := filepath.Join(dir, e.Name)
		info, err := c.fs.Stat(path)
		if c.gone(err) {
			continue
		}
		if err != nil {
			return err
		}
		switch {
		case e.Dir || !index.IsFileName(e.Name):
			c.report.add(Warning, BadName, path, -1, "Java takes every file here for an index")
			c.report.damage.index = true
		case info.Size == 0 && i == len(entries)-1:
			c.report.add(Note, BadSize, path, -1, "empty: made and not sized; the next start removes it")
		case info.Size != x.shape.Size():
			c.report.add(Warning, BadSize, path, -1, "%d bytes, expected %d: ours does not use it, Java would lengthen it", info.Size, x.shape.Size())
			c.report.damage.index = true
		default:
			x.names = append(x.names, path)
		}
	}
	c.report.Index.Files = len(x.names)
	return c.nextEntry()
}

// indexDamage is said once a file; what follows in it cannot be told from damage.
func (c *checker) indexDamage(at int64, format string, args ...any) {
	c.index.bad = true
	s := c.beyond(Warning)
	c.report.add(s, IndexDamage, c.index.path, at, format, args...)
	c.report.damage.index = c.report.damage.index || s != Note
}

// nextEntry goes to the next entry, in the next file after the last of one.
func (c *checker) nextEntry() error {
	x := &c.index
	x.ok = false
	for {
		if x.file != nil && !x.bad && x.n+1 < x.head.Count {
			x.n++
			return c.readEntry()
		}
		if err := c.closeIndexFile(); err != nil {
			return err
		}
		if len(x.names) == 0 {
			return nil
		}
		if err := c.openIndexFile(); err != nil && !c.gone(err) {
			return err
		}
	}
}

func (c *checker) openIndexFile() error {
	x := &c.index
	x.path, x.names = x.names[0], x.names[1:]
	f, err := c.fs.Open(x.path)
	if err != nil {
		return err
	}
	x.file, x.n, x.bad, x.slots, x.buf, x.from = f, 0, false, 0, x.buf[:0], 0
	var b [index.HeadSize]byte
	if _, err := f.ReadAt(b[:], 0); err != nil {
		return err
	}
	x.head = index.DecodeHead(b[:])
	x.heads = make([]int32, x.shape.Slots)
	switch h := x.head; {
	case h.Count < 0 || h.Count > x.shape.Entries, h.Slots < 0, h.Count > 1 && h.EndPhy < h.BeginPhy, h.Count > 1 && h.EndTime < h.BeginTime:
		c.indexDamage(0, "the head %+v cannot be", h)
	case h.Count < x.shape.Entries && len(x.names) > 0:
		c.report.add(Note, IndexDamage, x.path, -1, "not full, and not the last")
	}
	return nil
}

func (c *checker) readEntry() error {
	x := &c.index
	if x.n >= x.from+int32(len(x.buf)/index.EntrySize) || len(x.buf) == 0 {
		const piece = 4096
		if cap(x.buf) == 0 {
			x.buf = make([]byte, 0, piece*index.EntrySize)
		}
		x.buf, x.from = x.buf[:min(piece, int(x.head.Count-x.n))*index.EntrySize], x.n
		if _, err := x.file.ReadAt(x.buf, x.shape.EntryAt(x.n)); err != nil {
			c.report.add(Error, Unreadable, x.path, x.shape.EntryAt(x.n), "%v", err)
			x.bad = true
			return c.nextEntry()
		}
	}
	e := index.DecodeEntry(x.buf[int(x.n-x.from)*index.EntrySize:])
	switch {
	case e.Hash < 0 || e.Phy < 0 || e.Seconds < 0, e.Phy < x.last, e.Phy > x.head.EndPhy && !c.report.InUse:
		c.indexDamage(x.shape.EntryAt(x.n), "entry %d %+v cannot be, after one of the record at %d in a file that ends with %d", x.n, e, x.last, x.head.EndPhy)
		return c.nextEntry()
	case e.Prev != x.heads[e.Hash%x.shape.Slots]:
		c.indexDamage(x.shape.EntryAt(x.n), "entry %d: the one before it in its chain is %d, expected %d", x.n, e.Prev, x.heads[e.Hash%x.shape.Slots])
		return c.nextEntry()
	}
	if x.heads[e.Hash%x.shape.Slots] == 0 {
		x.slots++
	}
	x.heads[e.Hash%x.shape.Slots] = x.n
	x.entry, x.ok, x.begun, x.last = e, true, true, e.Phy
	return nil
}

// closeIndexFile compares the slots with the chains that the entries make.
func (c *checker) closeIndexFile() error {
	x := &c.index
	if x.file == nil {
		return nil
	}
	f := x.file
	x.file = nil
	defer func() { _ = f.Close() }()
	if x.bad || c.report.InUse {
		return nil
	}
	if x.slots != x.head.Slots {
		c.indexDamage(32, "the head counts %d used slots, there are %d", x.head.Slots, x.slots)
	}
	raw := make([]byte, min(len(x.heads)*index.SlotSize, 1<<20))
	for at := 0; at < len(x.heads); {
		piece := raw[:min(len(raw), (len(x.heads)-at)*index.SlotSize)]
		if _, err := f.ReadAt(piece, x.shape.SlotAt(int32(at))); err != nil {
			c.report.add(Error, Unreadable, x.path, x.shape.SlotAt(int32(at)), "%v", err)
			return nil
		}
		for ; len(piece) > 0; piece = piece[index.SlotSize:] {
			if have := int32(binary.BigEndian.Uint32(piece)); have != x.heads[at] {
				c.indexDamage(x.shape.SlotAt(int32(at)), "slot %d leads to entry %d, expected %d", at, have, x.heads[at])
				return nil
			}
			at++
		}
	}
	return nil
}

// indexed compares a record with its keys.
func (c *checker) indexed(v *message.View) error {
	x := &c.index
	if err := c.entriesBefore(v.PhyOffset); err != nil {
		return err
	}
	if quarantined(v) || !x.begun && (x.keys || c.report.Index.Files > 0) {
		return nil // what entries lead there is passed with the next record
	}
	if x.hash = x.hash[:0]; x.ok && x.entry.Phy == v.PhyOffset {
		for x.ok && x.entry.Phy == v.PhyOffset {
			x.hash = append(x.hash, x.entry.Hash)
			if err := c.nextEntry(); err != nil {
				return err
			}
		}
	}
	c.derive.Of(v, &x.d)
	must := x.d.Hashes
	if x.d.Tagged {
		must = must[:len(must)-1]
	}
	if x.keys = x.keys || len(must) > 0; !x.begun {
		return nil
	}
	for _, h := range must {
		if !slices.Contains(x.hash, h) {
			c.keyMissing(v)
			break
		}
	}
	for _, h := range x.hash {
		if !slices.Contains(x.d.Hashes, h) {
			c.keyStray(x.path, v.PhyOffset, "the entry's hash is %d, and no key of the record has it", h)
			continue
		}
		c.report.Index.Keys++
	}
	return nil
}

func (c *checker) keyMissing(v *message.View) {
	if !c.cfg.MessageIndexEnable || !c.cfg.IndexFileWriteEnable {
		return
	}
	s := c.severity(Warning, v.StoreTimestamp)
	c.report.add(s, KeyMissing, c.index.path, v.PhyOffset, "a key of the record is not in the index")
	c.report.damage.index = c.report.damage.index || s != Note
}

func (c *checker) keyStray(path string, phy int64, format string, args ...any) {
	s := c.beyond(Warning)
	c.report.add(s, KeyStray, path, phy, format, args...)
	c.report.damage.index = c.report.damage.index || s != Note
}

// entriesBefore passes the entries of records before a position.
func (c *checker) entriesBefore(phy int64) error {
	x := &c.index
	for x.ok && x.entry.Phy < phy {
		switch {
		case x.entry.Phy < c.report.Log.Min:
			c.report.Index.Expired++
		case !c.inRegion(x.entry.Phy) && !c.inQuarantine(x.entry.Phy):
			c.keyStray(x.path, x.entry.Phy, "an entry leads here, where no record begins")
		}
		if err := c.nextEntry(); err != nil {
			return err
		}
	}
	return nil
}

// finishIndex passes what is left: entries behind the end of the log.
func (c *checker) finishIndex() error {
	x := &c.index
	if x.keys && c.report.Index.Files == 0 && c.cfg.MessageIndexEnable && c.cfg.IndexFileWriteEnable {
		c.report.add(Warning, KeyMissing, filepath.Join(c.root, "index"), -1, "there are no index files: messages are not found by key")
		c.report.damage.index = true
	}
	for x.ok {
		if x.entry.Phy < c.report.Log.Min {
			c.report.Index.Expired++
		} else if !c.inRegion(x.entry.Phy) && !c.inQuarantine(x.entry.Phy) {
			c.keyStray(x.path, x.entry.Phy, "an entry leads here, and the log ends at %d", c.report.Log.End)
		}
		if err := c.nextEntry(); err != nil {
			return err
		}
	}
	return c.closeIndexFile()
}

// inQuarantine: keys of messages that were lost lead to what stands for them.
func (c *checker) inQuarantine(phy int64) bool {
	list := c.report.damage.quarantined
	i := sort.Search(len(list), func(i int) bool { return list[i].to > phy })
	return i < len(list) && list[i].from <= phy
}
