//go:build linux

package crash

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// cacheDisk is a disk with a write cache: what was written since the last flush it loses with its power, but for sectors that it happened to
// have written. It is a file in memory, served by FUSE; a loop device on it passes the flushes of the file system on. The shutdown of
// a file system (loopDisk.powerCut) keeps whatever the kernel had sent to the disk; this is what is left of it.
type cacheDisk struct {
	fs.Inode
	server *fuse.Server

	mu      sync.Mutex
	data    []byte
	before  map[int64][]byte // blocks as they were at the last flush, by offset
	dead    bool
	flushes int
}

const (
	cacheBlock = 4096
	sector     = 512
)

var (
	_ fs.NodeGetattrer = (*cacheDisk)(nil)
	_ fs.NodeSetattrer = (*cacheDisk)(nil)
	_ fs.NodeOpener    = (*cacheDisk)(nil)
	_ fs.NodeReader    = (*cacheDisk)(nil)
	_ fs.NodeWriter    = (*cacheDisk)(nil)
	_ fs.NodeFsyncer   = (*cacheDisk)(nil)
)

// shelf is the directory that the disk is in.
type shelf struct {
	fs.Inode
	disk *cacheDisk
}

func (s *shelf) OnAdd(ctx context.Context) {
	s.AddChild("image", s.NewPersistentInode(ctx, s.disk, fs.StableAttr{Mode: syscall.S_IFREG}), false)
}

// newCacheDisk serves one of some MiB, and says where it is.
func newCacheDisk(t *testing.T, mib int) (d *cacheDisk, image string) {
	t.Helper()
	d = &cacheDisk{data: make([]byte, mib<<20), before: make(map[int64][]byte)}
	dir := t.TempDir()
	server, err := fs.Mount(dir, &shelf{disk: d}, &fs.Options{MountOptions: fuse.MountOptions{DirectMountStrict: true, MaxWrite: 512 << 10, Name: "cachedisk"}})
	if err != nil {
		t.Skipf("SKIPPED, this machine has no FUSE: %v", err)
	}
	d.server = server
	t.Cleanup(func() { d.remove(t) })
	return d, filepath.Join(dir, "image")
}

// remove gives its memory back.
func (d *cacheDisk) remove(t *testing.T) {
	t.Helper()
	if d.server == nil {
		return
	}
	if err := d.server.Unmount(); err != nil {
		t.Errorf("the disk in memory: %v", err)
	}
	if d.flushes == 0 && !t.Skipped() { // where no file system could be made on it there was no test
		t.Error("no flush came to the disk: this was no test of one")
	}
	d.server, d.data = nil, nil
}

func (d *cacheDisk) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Mode, out.Size, out.Blocks = 0o600, uint64(len(d.data)), uint64(len(d.data)/sector)
	return 0
}

func (d *cacheDisk) Setattr(ctx context.Context, f fs.FileHandle, _ *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	return d.Getattr(ctx, f, out)
}

// Open keeps the kernel from a cache of its own of what is on the disk: it would outlive the power cut.
func (d *cacheDisk) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, fuse.FOPEN_DIRECT_IO, 0
}

func (d *cacheDisk) Read(_ context.Context, _ fs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead {
		return nil, syscall.EIO
	}
	if off >= int64(len(d.data)) {
		return fuse.ReadResultData(nil), 0
	}
	return fuse.ReadResultData(dest[:copy(dest, d.data[off:])]), 0
}

func (d *cacheDisk) Write(_ context.Context, _ fs.FileHandle, p []byte, off int64) (uint32, syscall.Errno) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch end := off + int64(len(p)); {
	case d.dead:
		return 0, syscall.EIO
	case end > int64(len(d.data)):
		return 0, syscall.ENOSPC
	default:
		for at := off &^ (cacheBlock - 1); at < end; at += cacheBlock {
			if _, there := d.before[at]; !there {
				d.before[at] = append([]byte(nil), d.data[at:at+cacheBlock]...)
			}
		}
	}
	return uint32(copy(d.data[off:], p)), 0
}

// Fsync is the flush of the write cache.
func (d *cacheDisk) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead {
		return syscall.EIO
	}
	clear(d.before)
	d.flushes++
	return 0
}

// cut takes the power away. A part of what was not flushed has reached the disk, sector by sector.
func (d *cacheDisk) cut(r *rand.Rand) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead = true
	kept := r.IntN(3) // nothing, a half, nearly all
	for at, block := range d.before {
		for i := int64(0); i < cacheBlock; i += sector {
			if r.IntN(8) >= []int{0, 4, 7}[kept] {
				copy(d.data[at+i:at+i+sector], block[i:])
			}
		}
	}
	clear(d.before)
}

func (d *cacheDisk) powerOn() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead = false
}
