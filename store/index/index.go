// Package index finds records by key: hash index files, newest last, each with a
// table of slots and chains of entries (format.go).
//
// Index has one writer (Put, in commit log order) and any number of readers. It
// starts no goroutine: the store calls Tend regularly, which does everything that
// may wait for the disk, so that Put does not.
package index

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
)

// Options say where the files are and how large; all files have one shape.
type Options struct {
	FS    vfs.FS
	Clock clock.Clock
	Dir   string // <root>/index
	// NextFile is where the next file is made ready, outside of Dir because every
	// name in there is an index file: <root>/index.next. Empty: files are made when needed.
	NextFile string
	Slots    int // maxHashSlotNum
	Entries  int // maxIndexNum
	// OnFull is called from Tend after a full file has reached the disk: the
	// checkpoint's index timestamp may move to its end.
	OnFull func(endTimestamp int64)
	// MemoryMost bounds the bytes of entries that wait in memory to be written; 0 or
	// more than 20 MiB: 20 MiB.
	MemoryMost int64
	Log        zerolog.Logger
}

// Index is the list of index files.
type Index struct {
	opt   Options
	files atomic.Pointer[[]*file] // oldest first; replaced, never changed

	changing sync.Mutex // one change of the list at a time
	current  *file      // of the writer; nil: the next Put makes one
	from     int64      // of the writer: records before it have all their keys, after a repair

	tending sync.Mutex
	fullMu  sync.Mutex
	full    []*file // left by the writer, to be flushed
	nextOK  atomic.Bool
}

const nameLayout = "20060102150405.000"

// Open makes an empty Index; Load reads the directory.
func Open(opt Options) (*Index, error) {
	if opt.Slots <= 0 || opt.Entries <= 1 || opt.Slots > math.MaxInt32 || opt.Entries > math.MaxInt32 {
		return nil, fmt.Errorf("index: maxHashSlotNum %d, maxIndexNum %d: want both positive, and more than one entry", opt.Slots, opt.Entries)
	}
	x := &Index{opt: opt}
	x.files.Store(&[]*file{})
	return x, nil
}

func (x *Index) list() []*file { return *x.files.Load() }

// Load opens the files of the directory.
//
// After an abnormal exit Java deletes every file that ends after the checkpoint's
// index timestamp, in practice the newest, and loses those of its keys that the
// recovery of the log does not come by. Here such a file is checked entry by entry
// and keeps what holds (repair.go); the rest comes back from the log.
func (x *Index) Load(abnormal bool, checkpoint int64) error {
	entries, err := x.opt.FS.ReadDir(x.opt.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		entries, err = nil, nil
	}
	if err != nil {
		return fmt.Errorf("index: %w", err)
	}
	if x.opt.NextFile != "" {
		if err := x.opt.FS.Remove(x.opt.NextFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("index: %w", err)
		}
	}
	var names []string
	for _, e := range entries {
		if !e.Dir && isName(e.Name) {
			names = append(names, e.Name)
		}
	}
	files, err := x.loadFiles(names, abnormal, checkpoint)
	if err != nil {
		return err
	}
	x.files.Store(&files)
	if n := len(files); n > 0 {
		if err := files[n-1].open(false); err != nil {
			return err
		}
		x.current = files[n-1]
		if x.current.repaired && x.current.head.count > 1 {
			// What is left of it are whole records.
			x.from = x.current.head.endPhy + 1
		}
	}
	return nil
}

// loadFiles opens the files by name. One of another size belongs to other
// settings: it stays where it is and is not used. Behind a file that lost entries
// nothing is kept, as the index has no gaps.
func (x *Index) loadFiles(names []string, abnormal bool, checkpoint int64) ([]*file, error) {
	var files []*file
	damaged := false
	for i, name := range names {
		f := newFile(&x.opt, name)
		if damaged {
			if err := f.remove(); err != nil {
				return nil, err
			}
			continue
		}
		info, err := x.opt.FS.Stat(f.path)
		if err != nil {
			return nil, fmt.Errorf("index: %w", err)
		}
		if info.Size == 0 {
			// A crash between its creation and the moment it got its length.
			if err := f.remove(); err != nil {
				return nil, err
			}
			continue
		}
		if info.Size != f.size() {
			x.opt.Log.Error().Str("file", f.path).Int64("size", info.Size).Int64("want", f.size()).
				Msg("index: the file has another size than maxHashSlotNum and maxIndexNum make; not used")
			continue
		}
		h, err := f.readHeader()
		if err != nil {
			return nil, err
		}
		// A file that is not full was never flushed whole, even when its head has the
		// very millisecond of the checkpoint.
		if abnormal && (h.endTime > checkpoint || h.count < f.entries) {
			last := i == len(names)-1 || h.count < f.entries // one that its writer left was full
			kept, err := f.repair(last)
			if err != nil {
				return nil, err
			}
			x.opt.Log.Info().Str("file", name).Int32("entries", h.count-1).Int32("kept", kept).
				Msg("index: checked after an abnormal exit")
			damaged = kept < h.count-1 || last
			if kept == 0 {
				if err := f.remove(); err != nil {
					return nil, err
				}
				continue
			}
		}
		files = append(files, f)
	}
	return files, nil
}

func isName(name string) bool {
	for _, c := range name {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(name) == 17
}

// Put adds the keys of a record. Records must come in commit log order; one that lies
// before the newest in the index is dropped, as its keys are there.
func (x *Index) Put(keyHashes []int32, phy, storeTimestamp int64) error {
	_, err := x.PutSome(keyHashes, phy, storeTimestamp)
	return err
}

// PutSome is Put that says how many of the keys are in, for who tries again with the
// others before anything else is put.
func (x *Index) PutSome(keyHashes []int32, phy, storeTimestamp int64) (done int, err error) {
	if f := x.current; phy < x.from || f != nil && phy < f.head.endPhy {
		return len(keyHashes), nil
	}
	for done < len(keyHashes) {
		f := x.current
		if f == nil || f.full() {
			if f, err = x.roll(f); err != nil {
				return done, err
			}
		}
		n, err := f.put(keyHashes[done:], phy, storeTimestamp)
		if done += n; err != nil {
			return done, err
		}
	}
	return done, nil
}

// Warm touches the slots of keys that are about to be put. The processor fetches them
// from memory at the same time, where Put would wait for one after the other.
func (x *Index) Warm(keyHashes []int32) {
	if x.current != nil && len(keyHashes) > 1 {
		x.current.warm(keyHashes)
	}
}

// roll begins a new file. Its head takes over where the last one ends.
func (x *Index) roll(last *file) (*file, error) {
	name, err := x.newName()
	if err != nil {
		return nil, err
	}
	f := newFile(&x.opt, name)
	if err := x.create(f); err != nil {
		return nil, err
	}
	if err := f.open(true); err != nil {
		return nil, errors.Join(err, f.remove())
	}
	if last != nil {
		f.begin(last)
		x.fullMu.Lock()
		x.full = append(x.full, last)
		x.fullMu.Unlock()
	}
	x.changing.Lock()
	files := append(slices.Clone(x.list()), f)
	x.files.Store(&files)
	x.changing.Unlock()
	x.current = f
	return f, nil
}

// newName is the local time to the millisecond; where the clock has gone back, the
// number after the newest name.
func (x *Index) newName() (string, error) {
	stamp := x.opt.Clock.Now().Local().Format(nameLayout)
	name, files := stamp[:14]+stamp[15:], x.list()
	if len(files) == 0 || files[len(files)-1].name < name {
		return name, nil
	}
	last := files[len(files)-1].name
	n, err := strconv.ParseInt(last, 10, 64)
	if err == nil {
		name = fmt.Sprintf("%017d", n+1)
	}
	if err != nil || !isName(name) {
		return "", fmt.Errorf("index: no file name comes after %s", last)
	}
	return name, nil
}

// create puts a file of full size in place: the one made ready, or a new one.
func (x *Index) create(f *file) error {
	if x.nextOK.Swap(false) {
		if err := x.opt.FS.Rename(x.opt.NextFile, f.path); err == nil {
			return nil
		}
	}
	if err := x.opt.FS.MkdirAll(x.opt.Dir); err != nil {
		return fmt.Errorf("index: %w", err)
	}
	return x.allocate(f.path, f.size())
}

// allocate makes a sparse file.
func (x *Index) allocate(path string, size int64) error {
	raw, err := x.opt.FS.Create(path)
	if err != nil {
		return fmt.Errorf("index: %w", err)
	}
	err = raw.Truncate(size)
	if err = errors.Join(err, raw.Close()); err != nil {
		return fmt.Errorf("index: %s: %w", path, errors.Join(err, x.opt.FS.Remove(path)))
	}
	return nil
}

// Query returns the positions of records with a key, at most limit, of the store
// times [begin, end], as the chains give them: newest file first. Hash collisions
// are in it. It also returns the time and position of the newest entry of all.
func (x *Index) Query(key string, limit int, begin, end int64) (found []int64, lastTime, lastPhy int64, err error) {
	files := x.list()
	hash := message.IndexHash(message.HashCode(key))
	for i := len(files) - 1; i >= 0 && len(found) < limit; i-- {
		h, err := files[i].readHeader()
		if errors.Is(err, errGone) {
			continue
		}
		if err != nil {
			return found, lastTime, lastPhy, err
		}
		if i == len(files)-1 {
			lastTime, lastPhy = h.endTime, h.endPhy
		}
		if h.matches(begin, end) {
			found, err = files[i].query(hash, limit, begin, end, found)
			if err != nil && !errors.Is(err, errGone) {
				return found, lastTime, lastPhy, err
			}
		}
		if h.beginTime < begin {
			break
		}
	}
	return found, lastTime, lastPhy, nil
}

// EndPhy is the position of the newest record in the index, -1 when it is empty.
// The log from there on must be dispatched again after a crash.
func (x *Index) EndPhy() int64 {
	if x.current == nil || x.current.head.count <= 1 {
		return -1
	}
	return x.current.head.endPhy
}

// DeleteBefore removes files, never the last, whose newest entry is before the
// commit log's minimum.
func (x *Index) DeleteBefore(minPhy int64) error {
	var failed error
	for {
		f, err := x.takeOldest(minPhy)
		if f == nil || err != nil {
			return errors.Join(failed, err)
		}
		failed = errors.Join(failed, f.remove())
	}
}

// takeOldest takes the oldest file off the list, if all of it is before a position and it is not the last; nil: it is not so.
func (x *Index) takeOldest(minPhy int64) (*file, error) {
	x.changing.Lock()
	defer x.changing.Unlock()
	files := x.list()
	if len(files) < 2 {
		return nil, nil
	}
	h, err := files[0].readHeader()
	if err != nil || h.endPhy >= minPhy {
		return nil, err
	}
	rest := slices.Clone(files[1:])
	x.files.Store(&rest)
	return files[0], nil
}

// Destroy removes all files; the caller keeps writers out.
func (x *Index) Destroy() error {
	x.tending.Lock()
	defer x.tending.Unlock()
	files := x.list()
	x.files.Store(&[]*file{})
	x.current, x.full = nil, nil
	var failed error
	for _, f := range files {
		failed = errors.Join(failed, f.remove())
	}
	return failed
}

// Dir is where the files are.
func (x *Index) Dir() string { return filepath.Clean(x.opt.Dir) }
