// Package mapped holds the files of one size that make up a log: a Dir is their
// list, a File is one of them. The commit log, the consume queues and the timer
// log are made of them.
//
// A Dir starts no goroutine. Its list is an immutable snapshot: readers take it
// without a lock; creating, adding and removing swap it under a mutex. Files are
// opened when they are first used, and may be put to rest again (File.Rest), so
// that many thousands of them cost no descriptor and no mapping each.
package mapped

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/skylarkmq/skylark/internal/vfs"
)

// Options say where a Dir is.
type Options struct {
	FS vfs.FS
	// Paths are the directories in which files are created: file number k in
	// Paths[k mod n] of the n that Rank ranks lowest. They need not exist yet.
	Paths []string
	// Rank says how little a path suits a new file; nil: all do.
	Rank func(path string) int
	// ReadOnlyPaths are searched for files too. None are made there, but they are removed there.
	ReadOnlyPaths []string
	// FileSize is the length of every file.
	FileSize int64
}

// Dir is the list of the files of one log, by their first byte.
type Dir struct {
	opt Options

	mu    sync.Mutex // held while the list or the directory changes
	files atomic.Pointer[[]*File]
	// left are the ReadOnlyPaths that lost a file; under mu. A power cut must not bring it back:
	// another that starts at the same offset may be in Paths by then.
	left []string
}

// OpenDir reads the listing. A file of another length than FileSize is an error,
// as it is for the Java broker, except an empty last one, which is removed.
func OpenDir(opt Options) (*Dir, error) {
	if opt.FileSize <= 0 || len(opt.Paths) == 0 {
		return nil, fmt.Errorf("mapped: file size %d in %d directories: want both positive", opt.FileSize, len(opt.Paths))
	}
	d := &Dir{opt: opt}
	var files []*File
	for _, path := range append(append([]string{}, opt.ReadOnlyPaths...), opt.Paths...) {
		found, err := list(opt.FS, path)
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	sort.Slice(files, func(i, j int) bool { return files[i].Start < files[j].Start })
	files, err := d.check(files)
	if err != nil {
		return nil, err
	}
	d.files.Store(&files)
	return d, nil
}

func list(disk vfs.FS, path string) ([]*File, error) {
	entries, err := disk.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("mapped: list %s: %w", path, err)
	}
	var files []*File
	for _, e := range entries {
		if e.Dir {
			continue
		}
		start, err := strconv.ParseInt(e.Name, 10, 64)
		if err != nil || start < 0 {
			return nil, fmt.Errorf("mapped: %s: the name is no start offset", filepath.Join(path, e.Name))
		}
		files = append(files, &File{Start: start, fs: disk, dir: path, path: filepath.Join(path, e.Name)})
	}
	return files, nil
}

func (d *Dir) check(files []*File) ([]*File, error) {
	kept := files[:0]
	for i, f := range files {
		info, err := d.opt.FS.Stat(f.path)
		if err != nil {
			return nil, fmt.Errorf("mapped: %w", err)
		}
		if info.Size < d.opt.FileSize && i == len(files)-1 {
			removed, err := d.removeUnmade(f)
			if err != nil {
				return nil, err
			}
			if removed {
				continue
			}
		}
		if info.Size != d.opt.FileSize {
			return nil, fmt.Errorf("mapped: %s: length %d, but the configured file size is %d", f.path, info.Size, d.opt.FileSize)
		}
		if i > 0 && f.Start == files[i-1].Start {
			return nil, fmt.Errorf("mapped: %s and %s start at the same offset", files[i-1].path, f.path)
		}
		f.Size = d.opt.FileSize
		kept = append(kept, f)
	}
	return kept, nil
}

// removeUnmade removes a last file that a crash has left while it was being allocated, which file systems do piece by
// piece: nobody had written to it yet.
func (d *Dir) removeUnmade(f *File) (bool, error) {
	blank, err := vfs.Blank(d.opt.FS, f.path)
	if err != nil || !blank {
		return false, err
	}
	if err := d.opt.FS.Remove(f.path); err != nil {
		return false, fmt.Errorf("mapped: remove empty last file: %w", err)
	}
	d.noteRemoval(f)
	return true, nil
}

// FileSize is the length of every file.
func (d *Dir) FileSize() int64 { return d.opt.FileSize }

// Paths are the directories that are written.
func (d *Dir) Paths() []string { return d.opt.Paths }

// Files is the list now, ascending; it must not be changed.
func (d *Dir) Files() []*File { return *d.files.Load() }

// First is the oldest file, nil when there is none.
func (d *Dir) First() *File {
	if files := d.Files(); len(files) > 0 {
		return files[0]
	}
	return nil
}

// Last is the newest file, nil when there is none.
func (d *Dir) Last() *File {
	if files := d.Files(); len(files) > 0 {
		return files[len(files)-1]
	}
	return nil
}

// Find is the file that holds an offset, nil when none does.
func (d *Dir) Find(off int64) *File {
	files := d.Files()
	if len(files) == 0 || off < files[0].Start {
		return nil
	}
	// Files are contiguous unless someone removed one by hand.
	i := (off - files[0].Start) / d.opt.FileSize
	if i >= int64(len(files)) || files[i].Start > off || off >= files[i].Start+d.opt.FileSize {
		i = int64(sort.Search(len(files), func(i int) bool { return files[i].Start > off })) - 1
	}
	if f := files[i]; off < f.Start+d.opt.FileSize {
		return f
	}
	return nil
}

// Create makes the file that starts at an offset, sparse, and lists it last.
func (d *Dir) Create(start int64) (*File, error) {
	return d.create(start, func(f vfs.File) error { return f.Truncate(d.opt.FileSize) })
}

func (d *Dir) create(start int64, fill func(vfs.File) error) (*File, error) {
	f, err := d.Make(start, fill)
	if err != nil {
		return nil, err
	}
	if err := d.Add(f); err != nil {
		return nil, errors.Join(err, f.Discard())
	}
	return f, nil
}

// Make creates a file without listing it. fill must bring it to its size; when
// fill fails the file is removed again.
func (d *Dir) Make(start int64, fill func(vfs.File) error) (*File, error) {
	dir := d.pathFor(start)
	if err := d.opt.FS.MkdirAll(dir); err != nil {
		return nil, fmt.Errorf("mapped: %w", err)
	}
	path := filepath.Join(dir, Name(start))
	file, err := d.opt.FS.Create(path)
	if err != nil {
		return nil, fmt.Errorf("mapped: %w", err)
	}
	f := &File{Start: start, Size: d.opt.FileSize, fs: d.opt.FS, dir: dir, path: path, file: file}
	if err := fill(file); err != nil {
		return nil, errors.Join(fmt.Errorf("mapped: prepare %s: %w", path, err), f.Discard())
	}
	return f, nil
}

func (d *Dir) pathFor(start int64) string {
	best := d.opt.Paths
	if d.opt.Rank != nil && len(best) > 1 {
		lowest := math.MaxInt
		for _, path := range d.opt.Paths {
			switch rank := d.opt.Rank(path); {
			case rank < lowest:
				lowest, best = rank, []string{path}
			case rank == lowest:
				best = append(best, path)
			}
		}
	}
	return best[start/d.opt.FileSize%int64(len(best))]
}

// Add lists a file that Make created. It must start after all others.
func (d *Dir) Add(f *File) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	old := d.Files()
	if len(old) > 0 && f.Start <= old[len(old)-1].Start {
		return fmt.Errorf("mapped: %s: want it after the last file, which starts at %d", f.path, old[len(old)-1].Start)
	}
	files := append(append(make([]*File, 0, len(old)+1), old...), f)
	d.files.Store(&files)
	return nil
}

// Remove takes a file out of the list and out of the directory. Whoever reads it
// may go on; the last one closes it.
func (d *Dir) Remove(f *File) error {
	d.mu.Lock()
	old := d.Files()
	files := make([]*File, 0, len(old))
	for _, g := range old {
		if g != f {
			files = append(files, g)
		}
	}
	d.files.Store(&files)
	d.noteRemoval(f)
	d.mu.Unlock()
	return f.Discard()
}

func (d *Dir) noteRemoval(f *File) {
	if !slices.Contains(d.opt.Paths, f.dir) && !slices.Contains(d.left, f.dir) {
		d.left = append(d.left, f.dir)
	}
}

// TruncateAfter removes every file that starts at or after an offset.
func (d *Dir) TruncateAfter(off int64) error {
	files := d.Files()
	for i := len(files) - 1; i >= 0 && files[i].Start >= off; i-- {
		if err := d.Remove(files[i]); err != nil {
			return err
		}
	}
	return nil
}

// Sync makes creations and removals durable.
func (d *Dir) Sync() error {
	d.mu.Lock()
	changed := append(slices.Clone(d.opt.Paths), d.left...)
	d.mu.Unlock()
	for _, p := range changed {
		if err := d.opt.FS.SyncDir(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("mapped: %w", err)
		}
	}
	return nil
}

// RemoveAll removes all files and the directories.
func (d *Dir) RemoveAll() error {
	if err := d.TruncateAfter(0); err != nil {
		return err
	}
	for _, p := range d.opt.Paths {
		if err := d.opt.FS.RemoveAll(p); err != nil {
			return fmt.Errorf("mapped: %w", err)
		}
	}
	return nil
}

// Close puts all files to rest for good; a reader that still holds one closes it
// when it is done.
func (d *Dir) Close() error {
	var errs []error
	for _, f := range d.Files() {
		errs = append(errs, f.close())
	}
	return errors.Join(errs...)
}

// Name is the name of the file that starts at an offset.
func Name(start int64) string { return fmt.Sprintf("%020d", start) }
