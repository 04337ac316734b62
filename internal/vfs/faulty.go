package vfs

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// Faulty is a disk whose calls fail by rules, each one line of text:
//
//	pwrite commitlog/* after=3 err=ENOSPC
//	fdatasync * times=1 err=EIO
//	pwrite commitlog/* short=100 err=ENOSPC
//
//	change * err=EROFS
//	sync * after=17 times=1 err=EIO
//	sync commitlog/* hang
//
// An operation (open create remove removeall rename mkdir readdir stat syncdir
// lock pread tryread nextdata pwrite truncate allocate fsync fdatasync map; sync for the
// three that wait for the disk, space for those that a full disk refuses, change
// for all that a read-only one does, * for all), a pattern that the last parts of
// the path must match, and
//
//	after=N   the first N matching calls work (0)
//	times=N   then N calls fail; 0: all of them (0)
//	short=N   a pwrite that fails writes its first N bytes before (0)
//	at=N      a pread only where it wants byte N of the file: a bad sector
//	err=E     ENOSPC, EIO, EROFS, EMFILE, EACCES or EDQUOT (EIO)
//	hang      the call waits until Heal, and then works
//
// OnCall hears of each call, before any rule: a test may count them.
//
// A sync that fails loses what it should have written, as it does in Linux: the
// pages are clean afterwards, and no later sync brings them to the disk.
type Faulty struct {
	FS
	OnCall func(op, name string) // set before the first call; by any goroutine

	mu    sync.Mutex
	rules []*rule
}

type rule struct {
	op, pattern        string
	after, times, fall int
	err                syscall.Errno
	seen               int
	hang               chan struct{} // closed by Heal
	at                 int64         // -1: everywhere
}

// groups are names for several operations.
var groups = map[string][]string{
	"sync":   {"fsync", "fdatasync", "syncdir"},
	"space":  {"create", "mkdir", "pwrite", "truncate", "allocate"},
	"change": {"create", "remove", "removeall", "rename", "mkdir", "pwrite", "truncate", "allocate"},
}

func (r *rule) covers(op string) bool {
	return r.op == "*" || r.op == op || slices.Contains(groups[r.op], op)
}

// NewFaulty wraps a disk; without rules it behaves as that one.
func NewFaulty(disk FS) *Faulty { return &Faulty{FS: disk} }

var faults = map[string]syscall.Errno{
	"ENOSPC": syscall.ENOSPC, "EIO": syscall.EIO, "EROFS": syscall.EROFS, "EMFILE": syscall.EMFILE, "EACCES": syscall.EACCES,
	"EDQUOT": syscall.EDQUOT,
}

// Inject adds a rule.
func (d *Faulty) Inject(line string) error {
	words := strings.Fields(line)
	if len(words) < 2 {
		return fmt.Errorf("vfs: rule %q: want an operation and a pattern", line)
	}
	r := &rule{op: words[0], pattern: words[1], err: syscall.EIO, at: -1}
	for _, w := range words[2:] {
		name, value, _ := strings.Cut(w, "=")
		if name == "hang" {
			r.hang = make(chan struct{})
			continue
		}
		if name == "err" {
			e, ok := faults[value]
			if !ok {
				return fmt.Errorf("vfs: rule %q: unknown error %s", line, value)
			}
			r.err = e
			continue
		}
		n, err := strconv.Atoi(value)
		if err != nil {
			return fmt.Errorf("vfs: rule %q: %w", line, err)
		}
		switch name {
		case "after":
			r.after = n
		case "times":
			r.times = n
		case "short":
			r.fall = n
		case "at":
			r.at = int64(n)
		default:
			return fmt.Errorf("vfs: rule %q: unknown word %s", line, name)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rules = append(d.rules, r)
	return nil
}

// Heal takes all rules away.
func (d *Faulty) Heal() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.rules {
		if r.hang != nil {
			close(r.hang)
		}
	}
	d.rules = nil
}

// fault says whether this call fails: nil, or the rule.
func (d *Faulty) fault(op, name string) *rule { return d.faultIn(op, name, 0, 0) }

// faultIn is fault for a call that reads bytes [from, to).
func (d *Faulty) faultIn(op, name string, from, to int64) *rule {
	if d.OnCall != nil {
		d.OnCall(op, name)
	}
	r := d.due(op, name, from, to)
	if r != nil && r.hang != nil {
		<-r.hang
		return nil
	}
	return r
}

// due counts a call, and finds the rule that is due.
func (d *Faulty) due(op, name string, from, to int64) *rule {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.rules {
		if !r.covers(op) || !matches(r.pattern, name) || r.at >= 0 && (r.at < from || r.at >= to) {
			continue
		}
		r.seen++
		if r.seen > r.after && (r.times == 0 || r.seen <= r.after+r.times) {
			return r
		}
	}
	return nil
}

// Hanging says how many calls hang, and those that did, met rules with hang: a
// test may wait for it.
func (d *Faulty) Hanging() (calls int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.rules {
		if r.hang != nil {
			calls += max(0, r.seen-r.after)
		}
	}
	return calls
}

func (d *Faulty) check(op, name string) error {
	if r := d.fault(op, name); r != nil {
		return pathError(op, name, r.err)
	}
	return nil
}

// matches compares as many of the last parts of a path as the pattern has.
func matches(pattern, name string) bool {
	parts := strings.Split(filepath.ToSlash(filepath.Clean(name)), "/")
	n := strings.Count(pattern, "/") + 1
	if len(parts) < n {
		return false
	}
	ok, err := path.Match(pattern, strings.Join(parts[len(parts)-n:], "/"))
	return ok && err == nil
}

func (d *Faulty) wrap(f File, err error) (File, error) {
	if err != nil {
		return nil, err
	}
	return &faultyFile{File: f, disk: d}, nil
}

// Open opens a file.
func (d *Faulty) Open(name string) (File, error) {
	if err := d.check("open", name); err != nil {
		return nil, err
	}
	return d.wrap(d.FS.Open(name))
}

// Create opens or makes a file.
func (d *Faulty) Create(name string) (File, error) {
	if err := d.check("create", name); err != nil {
		return nil, err
	}
	return d.wrap(d.FS.Create(name))
}

// Remove removes one name.
func (d *Faulty) Remove(name string) error {
	if err := d.check("remove", name); err != nil {
		return err
	}
	return d.FS.Remove(name)
}

// RemoveAll removes a tree.
func (d *Faulty) RemoveAll(name string) error {
	if err := d.check("removeall", name); err != nil {
		return err
	}
	return d.FS.RemoveAll(name)
}

// Rename moves a file; the pattern is held against the new name.
func (d *Faulty) Rename(from, to string) error {
	if err := d.check("rename", to); err != nil {
		return err
	}
	return d.FS.Rename(from, to)
}

// MkdirAll makes directories.
func (d *Faulty) MkdirAll(dir string) error {
	if err := d.check("mkdir", dir); err != nil {
		return err
	}
	return d.FS.MkdirAll(dir)
}

// ReadDir lists a directory.
func (d *Faulty) ReadDir(dir string) ([]Entry, error) {
	if err := d.check("readdir", dir); err != nil {
		return nil, err
	}
	return d.FS.ReadDir(dir)
}

// Stat describes a name.
func (d *Faulty) Stat(name string) (Info, error) {
	if err := d.check("stat", name); err != nil {
		return Info{}, err
	}
	return d.FS.Stat(name)
}

// SyncDir makes names durable.
func (d *Faulty) SyncDir(dir string) error {
	if err := d.check("syncdir", dir); err != nil {
		return err
	}
	return d.FS.SyncDir(dir)
}

// SyncAll is SyncFS.
func (d *Faulty) SyncAll(path string) error {
	if err := d.check("syncfs", path); err != nil {
		return err
	}
	_, err := SyncFS(d.FS, path)
	return err
}

// Lock takes a lock.
func (d *Faulty) Lock(name string) (Lock, error) {
	if err := d.check("lock", name); err != nil {
		return nil, err
	}
	return d.FS.Lock(name)
}

type faultyFile struct {
	File
	disk *Faulty
}

// lose tells a disk in memory that a sync has failed.
func (f *faultyFile) lose() {
	if m, ok := f.File.(*memFile); ok {
		m.loseUnsynced()
	}
}

func (f *faultyFile) ReadAt(p []byte, off int64) (int, error) {
	if r := f.disk.faultIn("pread", f.Name(), off, off+int64(len(p))); r != nil {
		return 0, pathError("pread", f.Name(), r.err)
	}
	return f.File.ReadAt(p, off)
}

func (f *faultyFile) TryReadAt(p []byte, off int64) (int, error) {
	if err := f.disk.check("tryread", f.Name()); err != nil {
		return 0, ErrWouldBlock // a cold page: the only way this call fails in life
	}
	return f.File.TryReadAt(p, off)
}

func (f *faultyFile) NextData(off int64) (int64, error) {
	if err := f.disk.check("nextdata", f.Name()); err != nil {
		return 0, err
	}
	return f.File.NextData(off)
}

func (f *faultyFile) WriteAt(p []byte, off int64) (int, error) {
	r := f.disk.fault("pwrite", f.Name())
	if r == nil {
		return f.File.WriteAt(p, off)
	}
	return f.fail(r, p, off)
}

// fail is a write that a rule ends.
func (f *faultyFile) fail(r *rule, p []byte, off int64) (int, error) {
	n, err := f.File.WriteAt(p[:min(r.fall, len(p))], off)
	if err == nil {
		err = pathError("pwrite", f.Name(), r.err)
	}
	return n, err
}

func (f *faultyFile) WriteWithZeros(p []byte, off int64, behind int) (int, error) {
	r := f.disk.fault("pwrite", f.Name())
	if r == nil {
		return f.File.WriteWithZeros(p, off, behind)
	}
	return f.fail(r, p, off)
}

func (f *faultyFile) WriteZeros(off, n int64) error {
	if err := f.disk.check("pwrite", f.Name()); err != nil {
		return err
	}
	return f.File.WriteZeros(off, n)
}

func (f *faultyFile) Truncate(size int64) error {
	if err := f.disk.check("truncate", f.Name()); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

func (f *faultyFile) Allocate(size int64) error {
	if err := f.disk.check("allocate", f.Name()); err != nil {
		return err
	}
	return f.File.Allocate(size)
}

func (f *faultyFile) Sync() error {
	if err := f.disk.check("fsync", f.Name()); err != nil {
		f.lose()
		return err
	}
	return f.File.Sync()
}

func (f *faultyFile) Datasync() error {
	if err := f.disk.check("fdatasync", f.Name()); err != nil {
		f.lose()
		return err
	}
	return f.File.Datasync()
}

func (f *faultyFile) Map(size int64) ([]byte, error) {
	if err := f.disk.check("map", f.Name()); err != nil {
		return nil, err
	}
	return f.File.Map(size)
}
