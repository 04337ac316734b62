package store

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/vfs"
)

// disks is a memory whose directories are on disks of their own, with so many per cent in use.
type disks struct {
	vfs.FS
	used map[string]uint64
}

func (d disks) Usage(path string) (vfs.Usage, error) {
	for dir, used := range d.used {
		if path == dir || strings.HasPrefix(path, dir+"/") {
			return vfs.Usage{Total: 100 << 20, Used: used << 20, Free: (100 - used) << 20}, nil
		}
	}
	return vfs.Usage{Total: 100 << 20, Free: 100 << 20}, nil
}

// logDirs counts the log files by directory.
func logDirs(s *Store) map[string]int {
	count := map[string]int{}
	for _, f := range s.commitLog.Files() {
		count[filepath.Dir(f.Path())]++
	}
	return count
}

// The log goes on where there is room, as in Java: full paths are passed over, and so are those that are named as read-only.
func TestPathsOfTheLog(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		log, read      string
		a, b           uint64 // per cent in use
		inA, inB, full bool
	}{
		"both have room":              {"/a,/b", "", 10, 10, true, true, false},
		"one is nearly full":          {"/a,/b", "", 88, 10, false, true, false},
		"both are nearly full":        {"/a,/b", "", 88, 89, true, true, false},
		"both are, one has no room":   {"/a,/b", "", 100, 88, false, true, false},
		"none has room":               {"/a,/b", "", 100, 100, true, true, true},
		"one path":                    {"/a", "", 88, 10, true, false, false},
		"named twice":                 {"/a,/a/,/b", "", 10, 10, true, true, false},
		"one is named as read-only":   {"/a,/b", "/a/", 10, 10, false, true, false},
		"the other one, the only one": {"/b", "/a", 10, 10, false, true, false},
		"the one with room is not written, and the other one full": {"/a,/b", "/a", 10, 95, false, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clk := clock.NewFake(upstreamStart)
			disk := disks{vfs.NewMemory(clk.Now), map[string]uint64{"/a": row.a, "/b": row.b}}
			for _, dir := range []string{"/a", "/b"} {
				if err := disk.MkdirAll(dir); err != nil {
					t.Fatal(err)
				}
			}
			s := openAt(t, disk, small("/store", func(c *Config) { c.StorePathCommitLog, c.ReadOnlyCommitLogStorePaths = row.log, row.read }), clk)
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
			putN(t, s, "T", 0, 40, 1024, 1)
			if got := logDirs(s); got["/a"] > 0 != row.inA || got["/b"] > 0 != row.inB {
				t.Errorf("files by directory: %v", got)
			}
			s.judgeDisk(policyOf(s.cfg.Get()))
			if ok, why := s.Writeable(); ok == row.full {
				t.Errorf("writeable %t: %s", ok, why)
			}
		})
	}
}

// Senders are told of the disks that hold each part, as by Java.
func TestUseOfTheDisks(t *testing.T) {
	t.Parallel()
	clk := clock.NewFake(upstreamStart)
	disk := disks{vfs.NewMemory(clk.Now), map[string]uint64{"/a": 93, "/b": 92, "/store/index": 30, "/store/consumequeue": 20}}
	for _, dir := range []string{"/a", "/b", "/store/index", "/store/consumequeue"} {
		if err := disk.MkdirAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	s := openAt(t, disk, small("/store", func(c *Config) { c.StorePathCommitLog = "/a,/b" }), clk)
	if log, queues, index := s.DiskUse(); log != 0.92 || queues != 0.20 || index != 0.30 {
		t.Errorf("log %v, queues %v, index %v", log, queues, index)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// An operator takes a path out of use by naming it as read-only: what is in it is read on.
func TestPathThatBecameReadOnly(t *testing.T) {
	t.Parallel()
	clk := clock.NewFake(upstreamStart)
	disk := vfs.NewMemory(clk.Now)
	open := func(read string) (*Store, error) {
		return Open(small("/store", func(c *Config) { c.StorePathCommitLog, c.ReadOnlyCommitLogStorePaths = "/a,/b", read }),
			Options{FS: disk, Clock: clk, StoreHost: stood, Log: testLog()})
	}
	s, err := open("")
	if err != nil {
		t.Fatal(err)
	}
	putN(t, s, "T", 0, 40, 1024, 1)
	before := logDirs(s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = open("/a"); err != nil {
		t.Fatal(err)
	}
	putN(t, s, "T", 0, 40, 1024, 1)
	if got := logDirs(s); got["/a"] != before["/a"] || got["/b"] < before["/b"]+4 {
		t.Errorf("files by directory: %v, before %v", got, before)
	}
	if low, high := s.MinOffset("T", 0), s.MaxOffset("T", 0); low != 0 || high != 80 {
		t.Errorf("queue [%d, %d)", low, high)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := open("/b,/a"); !errors.Is(err, ErrTakeover) || !strings.Contains(err.Error(), "readOnlyCommitLogStorePaths") {
		t.Errorf("with nothing to write to: %v", err)
	}
}
