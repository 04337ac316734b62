//go:build linux

package crash

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// loopDisk is a file system of its own in a file, which can lose its power.
type loopDisk struct {
	image, dir string
	mounted    bool
	cache      *cacheDisk // what the file is, nil when it is an ordinary one
}

// A fileSystem is what a loopDisk has on it.
type fileSystem struct {
	name  string
	make  []string
	least int // MiB
}

var (
	ext4 = fileSystem{"ext4", []string{"mkfs.ext4", "-q", "-F"}, 0}
	xfs  = fileSystem{"xfs", []string{"mkfs.xfs", "-q", "-f"}, 300}
)

// newLoopDisk makes an ext4 of some MiB, mounted. Where that cannot be done the test is skipped.
func newLoopDisk(t *testing.T, mib int, options string) *loopDisk {
	t.Helper()
	return newLoopDiskIn(t, t.TempDir(), ext4, mib, options)
}

// newLoopDiskIn keeps it in a directory.
func newLoopDiskIn(t *testing.T, dir string, fs fileSystem, mib int, options string) *loopDisk {
	t.Helper()
	d := &loopDisk{image: filepath.Join(dir, "image"), dir: filepath.Join(dir, "mnt")}
	f, err := os.Create(d.image)
	if err != nil {
		t.Fatal(err)
	}
	err = f.Truncate(int64(max(mib, fs.least)) << 20)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		t.Fatal(err)
	}
	d.format(t, fs, options)
	return d
}

// newLoopDiskWithCache is one on a disk with a write cache.
func newLoopDiskWithCache(t *testing.T, fs fileSystem, mib int) *loopDisk {
	t.Helper()
	d := &loopDisk{dir: filepath.Join(t.TempDir(), "mnt")}
	d.cache, d.image = newCacheDisk(t, max(mib, fs.least))
	d.format(t, fs, "")
	return d
}

func (d *loopDisk) format(t *testing.T, fs fileSystem, options string) {
	t.Helper()
	if err := os.Mkdir(d.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := command(fs.make[0], append(fs.make[1:len(fs.make):len(fs.make)], d.image)...); err != nil {
		t.Skipf("SKIPPED, this machine makes no %s: %v", fs.name, err)
	}
	if err := d.mount(options); err != nil {
		t.Skipf("SKIPPED, this machine mounts no loop device with %s: %v", fs.name, err)
	}
	t.Cleanup(func() {
		if d.mounted {
			_ = command("umount", "-l", d.dir)
		}
	})
}

func command(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return nil
}

func (d *loopDisk) mount(options string) error {
	if options == "" {
		options = "loop"
	} else {
		options = "loop," + options
	}
	err := command("mount", "-o", options, d.image, d.dir)
	d.mounted = err == nil
	return err
}

func (d *loopDisk) unmount(t *testing.T) {
	t.Helper()
	// Somebody may still be looking at it, if only the kernel itself.
	err := command("umount", d.dir)
	for began := time.Now(); err != nil && time.Since(began) < 10*time.Second; err = command("umount", d.dir) {
		<-time.After(100 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
	d.mounted = false
}

// lose takes the power away: of the disk that has a cache, else of the file system.
func (d *loopDisk) lose(t *testing.T, r *rand.Rand) {
	t.Helper()
	if d.cache != nil {
		d.cache.cut(r)
	} else {
		d.powerCut(t)
	}
}

// again mounts it once more, after its power is back if it was lost.
func (d *loopDisk) again(t *testing.T) {
	t.Helper()
	d.unmount(t)
	if d.cache != nil {
		d.cache.powerOn()
	}
	if err := d.mount(""); err != nil {
		t.Fatal(err)
	}
}

// powerCut is EXT4_IOC_SHUTDOWN, which is XFS_IOC_GOINGDOWN too, without a flush of the journal: from now on nothing reaches the disk, every sync fails, and what the
// next mount finds is what the disk had.
func (d *loopDisk) powerCut(t *testing.T) {
	t.Helper()
	const shutdown, noLogFlush = 0x8004587d, 2
	f, err := os.Open(d.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if err := unix.IoctlSetPointerInt(int(f.Fd()), shutdown, noLogFlush); err != nil {
		t.Skipf("SKIPPED, this kernel has no shutdown of file systems: %v", err)
	}
}

// device is what is mounted.
func (d *loopDisk) device(t *testing.T) string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 1 && f[1] == d.dir {
			return f[0]
		}
	}
	t.Fatalf("%s is not mounted", d.dir)
	return ""
}
