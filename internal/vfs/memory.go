package vfs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// sector is what a disk writes whole: after a crash each sector of unsynced
// content is there or is not, on its own.
const sector = 512

// Memory is a disk in memory that knows what a crash would leave of it: content
// up to the last sync of its file, names up to the last sync of their directory,
// and of everything later a part that a seed chooses (CrashClone).
//
// Names behave as in a journal: what was changed in a directory is kept in order,
// so a crash leaves the changes up to some point.
type Memory struct {
	mu      sync.Mutex
	now     func() time.Time
	names   map[string]*memNode // as programs see them
	durable map[string]*memNode
	journal []change
	locks   map[string]bool
	total   uint64
}

// change is one name that appeared (node) or went away (nil), or one that took
// the place of another (gone).
type change struct {
	name string
	node *memNode
	gone string
}

type memNode struct {
	dir bool

	mu      sync.Mutex
	data    []byte
	synced  []byte
	lost    []byte // content at the last sync that failed; nil: none did
	modTime time.Time
	mapped  int // mappings of data: it must not move
}

// NewMemory makes an empty disk. now gives modification times; nil: the machine's clock.
func NewMemory(now func() time.Time) *Memory {
	if now == nil {
		now = time.Now //nolint:forbidigo // the fallback of whoever moves no clock
	}
	return &Memory{now: now, names: map[string]*memNode{}, durable: map[string]*memNode{}, locks: map[string]bool{}, total: 1 << 40}
}

// CrashClone is the disk a machine would find after losing power now: everything
// that was synced, and of the rest what the seed chooses. The original goes on.
func (m *Memory) CrashClone(seed uint64) *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := rand.New(rand.NewPCG(seed, 0x5bd1e995))
	c := NewMemory(m.now)
	c.total = m.total
	names := maps.Clone(m.durable)
	kept := 0
	if len(m.journal) > 0 {
		kept = r.IntN(len(m.journal) + 1)
	}
	for _, ch := range m.journal[:kept] {
		ch.apply(names)
	}
	clones := map[*memNode]*memNode{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		n := names[name]
		if clones[n] == nil {
			clones[n] = n.crash(r)
		}
		c.names[name] = clones[n]
		c.durable[name] = clones[n]
	}
	return c
}

func (ch change) apply(names map[string]*memNode) {
	if ch.node == nil {
		delete(names, ch.name)
	} else {
		names[ch.name] = ch.node
	}
	if ch.gone != "" && ch.gone != ch.name {
		delete(names, ch.gone)
	}
}

// crash chooses sector by sector between what was synced and what was written.
//
//go:norace // mappings are written without a lock, as they are on a real disk
func (n *memNode) crash(r *rand.Rand) *memNode {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := &memNode{dir: n.dir, modTime: n.modTime}
	size := len(n.synced)
	if len(n.data) != size && r.IntN(2) == 0 {
		size = len(n.data)
	}
	keep := r.Float64() // some crashes lose almost everything, some almost nothing
	c.data = make([]byte, size)
	copy(c.data, n.synced)
	for at := 0; at < size; at += sector {
		end := min(at+sector, size)
		if at < len(n.data) && r.Float64() < keep && !n.clean(at, end) {
			copy(c.data[at:end], n.data[at:min(end, len(n.data))])
		}
	}
	c.synced = slices.Clone(c.data)
	return c
}

func clean(name string) string { return filepath.Clean(name) }

func (m *Memory) node(op, name string) (*memNode, error) {
	n := m.names[clean(name)]
	if n == nil {
		return nil, pathError(op, name, fs.ErrNotExist)
	}
	return n, nil
}

func (m *Memory) set(name string, n *memNode) {
	ch := change{name: clean(name), node: n}
	ch.apply(m.names)
	m.journal = append(m.journal, ch)
}

// Open opens an existing file.
func (m *Memory) Open(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.node("open", name)
	if err != nil {
		return nil, err
	}
	if n.dir {
		return nil, pathError("open", name, syscall.EISDIR)
	}
	return &memFile{memNode: n, disk: m, name: name}, nil
}

// Create opens a file, new or not.
func (m *Memory) Create(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.names[clean(name)]
	switch {
	case n != nil && n.dir:
		return nil, pathError("open", name, syscall.EISDIR)
	case n == nil:
		if parent := m.names[filepath.Dir(clean(name))]; parent == nil || !parent.dir {
			return nil, pathError("open", name, fs.ErrNotExist)
		}
		n = &memNode{modTime: m.now()}
		m.set(name, n)
	}
	return &memFile{memNode: n, disk: m, name: name}, nil
}

// Remove removes a file or an empty directory.
func (m *Memory) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.node("remove", name)
	if err != nil {
		return err
	}
	if n.dir && len(m.children(name)) > 0 {
		return pathError("remove", name, syscall.ENOTEMPTY)
	}
	m.set(name, nil)
	return nil
}

// RemoveAll removes a name and everything below it.
func (m *Memory) RemoveAll(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	below := clean(name) + string(filepath.Separator)
	for _, n := range slices.Backward(slices.Sorted(maps.Keys(m.names))) {
		if n == clean(name) || strings.HasPrefix(n, below) {
			m.set(n, nil)
		}
	}
	return nil
}

// Rename moves a file, over an existing one too.
func (m *Memory) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.node("rename", from)
	if err != nil {
		return err
	}
	if n.dir {
		return pathError("rename", from, errors.New("directories are not renamed here"))
	}
	// One step of the journal: after a crash the old name stands, or the new one.
	ch := change{name: clean(to), node: n, gone: clean(from)}
	ch.apply(m.names)
	m.journal = append(m.journal, ch)
	return nil
}

// MkdirAll makes a directory and those above it.
func (m *Memory) MkdirAll(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var missing []string
	for d := clean(dir); ; d = filepath.Dir(d) {
		if n := m.names[d]; n != nil {
			if !n.dir {
				return pathError("mkdir", d, syscall.ENOTDIR)
			}
			break
		}
		missing = append(missing, d)
		if d == filepath.Dir(d) {
			break
		}
	}
	for _, d := range slices.Backward(missing) {
		m.set(d, &memNode{dir: true, modTime: m.now()})
	}
	return nil
}

// children are the full names directly below a directory, sorted.
func (m *Memory) children(dir string) []string {
	var list []string
	for name := range m.names {
		if name != clean(dir) && filepath.Dir(name) == clean(dir) {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// ReadDir lists a directory.
func (m *Memory) ReadDir(dir string) ([]Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.node("open", dir)
	if err != nil {
		return nil, err
	}
	if !n.dir {
		return nil, pathError("readdir", dir, syscall.ENOTDIR)
	}
	var entries []Entry
	for _, name := range m.children(dir) {
		entries = append(entries, Entry{Name: filepath.Base(name), Dir: m.names[name].dir})
	}
	return entries, nil
}

// Stat describes a name.
func (m *Memory) Stat(name string) (Info, error) {
	m.mu.Lock()
	n, err := m.node("stat", name)
	m.mu.Unlock()
	if err != nil {
		return Info{}, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return Info{Size: int64(len(n.data)), ModTime: n.modTime, Dir: n.dir}, nil
}

// SyncDir makes the names in a directory durable, and the directory's own. Of a
// rename both ends are, whichever directory is synced.
func (m *Memory) SyncDir(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.node("open", dir); err != nil {
		return err
	}
	last := -1
	for i, ch := range m.journal {
		if ch.name == clean(dir) || filepath.Dir(ch.name) == clean(dir) {
			last = i
		}
	}
	// A journal commits in order.
	for _, ch := range m.journal[:last+1] {
		ch.apply(m.durable)
	}
	m.journal = slices.Clone(m.journal[last+1:])
	return nil
}

// SyncAll is SyncFS.
func (m *Memory) SyncAll(string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, n := range m.names {
		n.mu.Lock()
		n.flush()
		n.mu.Unlock()
	}
	for _, ch := range m.journal {
		ch.apply(m.durable)
	}
	m.journal = nil
	return nil
}

// Lock excludes a second Lock of the same name on this disk.
func (m *Memory) Lock(name string) (Lock, error) {
	f, err := m.Create(name)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.locks[clean(name)] {
		return nil, fmt.Errorf("%s: %w", name, ErrLocked)
	}
	m.locks[clean(name)] = true
	return &memLock{f, m, clean(name)}, nil
}

type memLock struct {
	f    File
	disk *Memory
	name string
}

func (l *memLock) WriteText(text string) error {
	if err := l.f.Truncate(int64(len(text))); err != nil {
		return err
	}
	_, err := l.f.WriteAt([]byte(text), 0)
	return err
}

func (l *memLock) Close() error {
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	delete(l.disk.locks, l.name)
	return nil
}

// Usage counts what the files hold against a size set by SetTotal.
func (m *Memory) Usage(string) (Usage, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var used uint64
	for _, n := range m.names {
		n.mu.Lock()
		used += uint64(len(n.data))
		n.mu.Unlock()
	}
	used = min(used, m.total)
	return Usage{Total: m.total, Used: used, Free: m.total - used}, nil
}

// SetTotal says how large the disk is for Usage; writes do not look at it.
func (m *Memory) SetTotal(bytes uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.total = bytes
}

// Names lists all files, sorted: for tests that look at what is left.
func (m *Memory) Names() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []string
	for name, n := range m.names {
		if !n.dir {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

type memFile struct {
	*memNode
	disk   *Memory
	name   string
	closed bool
}

func (f *memFile) Name() string { return f.name }

func (f *memFile) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return pathError("close", f.name, fs.ErrClosed)
	}
	f.closed = true
	return nil
}

func (f *memFile) Size() (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return int64(len(f.data)), nil
}

func (f *memFile) ModTime() (time.Time, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.modTime, nil
}

//go:norace // see crash
func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return 0, pathError("pread", f.name, fs.ErrClosed)
	}
	if off < 0 {
		return 0, pathError("pread", f.name, fs.ErrInvalid)
	}
	if off >= int64(len(f.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) TryReadAt(p []byte, off int64) (int, error) { return f.ReadAt(p, off) }

func (f *memFile) WriteAt(p []byte, off int64) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return 0, pathError("pwrite", f.name, fs.ErrClosed)
	}
	if off < 0 {
		return 0, pathError("pwrite", f.name, fs.ErrInvalid)
	}
	if err := f.resize(max(int64(len(f.data)), off+int64(len(p)))); err != nil {
		return 0, pathError("pwrite", f.name, err)
	}
	copy(f.data[off:], p)
	f.modTime = f.disk.now()
	return len(p), nil
}

//go:norace // see crash
func (f *memFile) NextData(off int64) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for at := max(off, 0); at < int64(len(f.data)); at++ {
		if f.data[at] != 0 {
			return at, nil
		}
	}
	return 0, io.EOF
}

func (f *memFile) Truncate(size int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.resize(size); err != nil {
		return pathError("truncate", f.name, err)
	}
	f.modTime = f.disk.now()
	return nil
}

func (f *memFile) Allocate(size int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if size <= int64(len(f.data)) {
		return nil
	}
	if err := f.resize(size); err != nil {
		return pathError("fallocate", f.name, err)
	}
	return nil
}

// resize is called with mu held.
func (f *memFile) resize(size int64) error {
	old := int64(len(f.data))
	switch {
	case size == old:
	case size < old:
		if f.mapped > 0 {
			return errors.New("shorter than a mapping of it")
		}
		clear(f.data[size:])
		f.data = f.data[:size]
	case size <= int64(cap(f.data)):
		f.data = f.data[:size]
	case f.mapped > 0:
		return errors.New("a mapped file cannot grow here")
	default:
		grown := make([]byte, size, size+size/8)
		copy(grown, f.data)
		f.data = grown
	}
	return nil
}

func (f *memFile) Sync() error { return f.Datasync() }

//go:norace // see crash
func (f *memFile) Datasync() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return pathError("fdatasync", f.name, fs.ErrClosed)
	}
	f.flush()
	return nil
}

// flush makes content durable, but for what a failed sync lost. mu is held.
//
//go:norace // see crash
func (n *memNode) flush() {
	if n.lost == nil {
		n.synced = append(n.synced[:0], n.data...)
		return
	}
	synced := slices.Clone(n.data)
	for at := 0; at < len(synced); at += sector {
		if end := min(at+sector, len(synced)); n.clean(at, end) {
			clear(synced[at:end])
			if at < len(n.synced) {
				copy(synced[at:end], n.synced[at:])
			}
		}
	}
	n.synced = synced
}

// clean says whether a sector has not been written since a sync failed over it: it
// reaches the disk only when it is written again. mu is held.
//
//go:norace // see crash
func (n *memNode) clean(at, end int) bool {
	if at >= len(n.lost) {
		return false
	}
	known := min(end, len(n.lost))
	return bytes.Equal(n.lost[at:known], n.data[at:known]) && allZero(n.data[known:end])
}

// loseUnsynced is a sync that failed.
//
//go:norace // see crash
func (f *memFile) loseUnsynced() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lost = slices.Clone(f.data)
	// What is in the cache may be read, and is nowhere else.
	grown := make([]byte, len(f.data))
	copy(grown, f.synced)
	f.synced = grown
}

// Map returns the array itself.
func (f *memFile) Map(size int64) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if size > int64(len(f.data)) {
		return nil, pathError("mmap", f.name, fmt.Errorf("%d bytes of %d", size, len(f.data)))
	}
	f.mapped++
	return f.data[:size:size], nil
}

func (f *memFile) Unmap([]byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mapped--
	return nil
}
