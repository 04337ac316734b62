//go:build linux

package crash

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/internal/testbroker"
	"github.com/skylarkmq/skylark/internal/vfs"
)

// TestSyncWithinPowerCut writes and syncs files that are only allocated, as a new file of the log is, until the file systems are shut
// down under them. A sync that said it was done within the shutdown must have been: of fdatasync alone that is not true, on ext4 once
// in ten or twenty cuts beside other disks that are busy, on xfs once in a hundred.
func TestSyncWithinPowerCut(t *testing.T) {
	for _, fs := range []fileSystem{ext4, xfs} {
		t.Run(fs.name, func(t *testing.T) {
			r := testbroker.Rand(t, "SKYLARK_CRASH_SEED")
			for range testbroker.Rounds("SKYLARK_CUT_ROUNDS", 2) {
				cutSyncing(t, fs, r)
			}
		})
	}
}

func cutSyncing(t *testing.T, fs fileSystem, r *rand.Rand) {
	syncs := make([]*syncing, 8)
	for i := range syncs {
		syncs[i] = newSyncing(t, fs, i%2 == 0)
	}
	for _, s := range syncs {
		go s.run()
	}
	for _, s := range syncs {
		<-time.After(time.Duration(5+r.IntN(20)) * time.Millisecond) // the random moment is the point of it
		s.disk.powerCut(t)
	}
	for _, s := range syncs {
		<-s.ended
		s.check(t)
	}
}

// syncing is one file on a disk of its own, of which piece after piece is written and synced. Its blocks are allocated only, or half of them have been
// written past the page cache and not synced yet, as those of a log file that is in use before all of it is zeroed.
type syncing struct {
	disk  *loopDisk
	path  string
	file  vfs.File
	done  atomic.Int64 // pieces of which a sync said that they are durable
	ended chan struct{}
}

const syncPieces, syncPiece = 4096, 256

func newSyncing(t *testing.T, fs fileSystem, zeroed bool) *syncing {
	t.Helper()
	disk := newLoopDiskIn(t, t.TempDir(), fs, 32, "")
	s := &syncing{disk: disk, path: filepath.Join(disk.dir, "log"), ended: make(chan struct{})}
	var err error
	if s.file, err = vfs.Disk.Create(s.path); err != nil {
		t.Fatal(err)
	}
	for _, step := range []func() error{
		func() error { return s.file.Allocate(syncPieces * syncPiece) },
		s.file.Sync,
		func() error { return vfs.Disk.SyncDir(disk.dir) },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	if zeroed {
		if err := s.file.WriteZeros(0, syncPieces*syncPiece/2); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s *syncing) run() {
	defer close(s.ended)
	for i := range int64(syncPieces) {
		at := i * syncPiece
		if _, err := s.file.WriteWithZeros(numbered(i), at, int(-(at+syncPiece)&(vfs.Page-1))); err != nil {
			return
		}
		if err := s.file.Datasync(); err != nil {
			return
		}
		s.done.Store(i + 1)
	}
}

// check reads what the disk had when its power went.
func (s *syncing) check(t *testing.T) {
	t.Helper()
	_ = s.file.Close()
	s.disk.again(t)
	f, err := vfs.Disk.Open(s.path)
	if err != nil {
		t.Fatal(err)
	}
	found := make([]byte, syncPiece)
	for i := range s.done.Load() {
		if _, err := f.ReadAt(found, i*syncPiece); err != nil || !bytes.Equal(found, numbered(i)) {
			t.Errorf("piece %d of %d that were synced is %x..., %v", i, s.done.Load(), found[:8], err)
			break
		}
	}
	_ = f.Close()
	s.disk.unmount(t)
}

// numbered is what stands in a piece of the file.
func numbered(i int64) []byte {
	p := bytes.Repeat([]byte{0xa5}, syncPiece)
	binary.BigEndian.PutUint64(p, uint64(i))
	return p
}
