package consumequeue

import (
	"container/list"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"github.com/skylarkmq/skylark/internal/vfs"
)

// maxOpenFiles bounds the descriptors of all queues together: the process limit
// may be a few thousand, the queues a hundred thousand. Options.OpenFiles may be less.
const maxOpenFiles = 512

// openFiles is the set of open queue files, the least recently used closed first.
type openFiles struct {
	fs  vfs.FS
	max int

	mu    sync.Mutex
	table map[fileKey]*openFile
	order list.List // of *openFile, most recent in front

	replaced uint64 // files removed or made anew, ever: what was opened before may be one of them
}

type fileKey struct {
	q     *Queue
	start int64
	ext   bool // of the extension
}

func (k fileKey) path() string {
	if k.ext {
		return filepath.Join(k.q.extDir(), fileName(k.start))
	}
	return k.q.path(k.start)
}

type openFile struct {
	vfs.File
	key   fileKey
	users int
	gone  bool // removed from the table: the last user closes
	place *list.Element
}

func newOpenFiles(fs vfs.FS, limit int) *openFiles {
	return &openFiles{fs: fs, max: limit, table: make(map[fileKey]*openFile)}
}

// acquire opens a file, or takes it from the set. Every acquire needs a release.
func (o *openFiles) acquire(q *Queue, start int64) (*openFile, error) {
	return o.open(fileKey{q: q, start: start})
}

func (o *openFiles) open(key fileKey) (*openFile, error) {
	for {
		f, replaced := o.taken(key)
		if f != nil {
			return f, nil
		}
		// Without the lock: the file of one queue may wait for the disk, others not for it.
		raw, err := o.fs.Open(key.path())
		if err != nil {
			return nil, err
		}
		o.mu.Lock()
		if o.table[key] == nil && o.replaced == replaced {
			f, idle := o.insert(key, raw), o.evict()
			o.mu.Unlock()
			closeAll(idle)
			return f, nil
		}
		// Somebody was faster, or what was opened may have been removed meanwhile.
		o.mu.Unlock()
		_ = raw.Close()
	}
}

func (o *openFiles) taken(key fileKey) (f *openFile, replaced uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if f = o.table[key]; f != nil {
		f.users++
		o.order.MoveToFront(f.place)
	}
	return f, o.replaced
}

// adopt takes a file that was just made, in place of any that had its name before.
func (o *openFiles) adopt(key fileKey, raw vfs.File) *openFile {
	o.mu.Lock()
	o.replaced++
	var idle []*openFile
	if old := o.table[key]; old != nil && o.forget(old) {
		idle = append(idle, old)
	}
	f := o.insert(key, raw)
	idle = append(idle, o.evict()...)
	o.mu.Unlock()
	closeAll(idle)
	return f
}

// insert adds a file with one user, under mu.
func (o *openFiles) insert(key fileKey, raw vfs.File) *openFile {
	f := &openFile{File: raw, key: key, users: 1}
	f.place = o.order.PushFront(f)
	o.table[key] = f
	return f
}

func (o *openFiles) release(f *openFile) {
	o.mu.Lock()
	f.users--
	closing := f.gone && f.users == 0
	o.mu.Unlock()
	if closing {
		_ = f.Close()
	}
}

// evict takes idle files out at the cold end until the set is within its limit, under
// mu; the caller closes them.
func (o *openFiles) evict() (idle []*openFile) {
	for e := o.order.Back(); e != nil && len(o.table) > o.max; {
		f, before := e.Value.(*openFile), e.Prev()
		if f.users == 0 {
			o.forget(f)
			idle = append(idle, f)
		}
		e = before
	}
	return idle
}

// forget takes a file out of the set, under mu. It says whether the caller must close
// it: otherwise its last user does.
func (o *openFiles) forget(f *openFile) (idle bool) {
	delete(o.table, f.key)
	o.order.Remove(f.place)
	f.gone = true
	return f.users == 0
}

func closeAll(list []*openFile) {
	for _, f := range list {
		_ = f.Close()
	}
}

// drop closes a file that is about to be removed from the disk.
func (o *openFiles) drop(key fileKey) {
	o.mu.Lock()
	o.replaced++
	f := o.table[key]
	closing := f != nil && o.forget(f)
	o.mu.Unlock()
	if closing {
		_ = f.Close()
	}
}

func (o *openFiles) closeAll() {
	o.mu.Lock()
	var idle []*openFile
	for _, f := range o.table {
		if o.forget(f) {
			idle = append(idle, f)
		}
	}
	o.mu.Unlock()
	closeAll(idle)
}

// fileName is the name of the queue file that starts at a byte position.
func fileName(start int64) string { return string(appendFileName(nil, start)) }

// nameDigits holds every position: all file names are as long.
const nameDigits = 20

func appendFileName(b []byte, start int64) []byte {
	var name [nameDigits]byte
	for i := nameDigits - 1; i >= 0; i-- {
		name[i] = byte('0' + start%10)
		start /= 10
	}
	return append(b, name[:]...)
}

// listFiles returns the byte positions at which the files of a queue directory
// start, in order. Every file must have the one size; an empty last one, left by
// a crash between creation and sizing, is removed, after a crash any
// empty one, and what follows it. Files before a gap are unreachable: the queue
// begins after it, and damaged says so.
func listFiles(fs vfs.FS, dir string, size int64, crashed bool) (starts []int64, damaged bool, err error) {
	entries, err := fs.ReadDir(dir)
	if err != nil {
		return nil, false, err
	}
	var empty []string
	for i, e := range entries {
		start, err := strconv.ParseInt(e.Name, 10, 64)
		if e.Dir || err != nil || start < 0 {
			continue
		}
		path := filepath.Join(dir, e.Name)
		info, err := fs.Stat(path)
		if err != nil {
			return nil, false, err
		}
		if len(empty) > 0 || info.Size == 0 && (crashed || i == len(entries)-1) {
			empty = append(empty, path)
			continue
		}
		if info.Size != size || start%size != 0 {
			return nil, false, fmt.Errorf("%s: a file of %d bytes, the configured size is %d", path, info.Size, size)
		}
		if n := len(starts); n > 0 && starts[n-1]+size != start {
			starts, damaged = starts[:0], true
		}
		starts = append(starts, start)
	}
	// The last one first: what another crash leaves of this has no gap.
	for _, path := range slices.Backward(empty) {
		if err := fs.Remove(path); err != nil {
			return nil, false, err
		}
	}
	if len(empty) > 0 {
		err = fs.SyncDir(dir)
	}
	return starts, damaged, err
}
