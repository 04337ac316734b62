package store

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/internal/vfs"
)

// startRefused opens a store on a disk with a fault, which must refuse the start with the
// disk's error; and once more on the healed disk.
func startRefused(t *testing.T, disk *vfs.Faulty, cfg *config.Section[Config], rule string) *Store {
	t.Helper()
	inject(t, disk, rule)
	s, err := Open(cfg, Options{FS: disk, StoreHost: stood, Log: testLog()})
	if !errors.Is(err, syscall.EIO) {
		t.Errorf("%s: the start answered %v", rule, err)
	}
	if err == nil {
		_ = s.Close()
	}
	disk.Heal()
	return open(t, disk, cfg)
}

// A sector that cannot be read in a record that is longer than what is read at once is
// not the end of the log: what is behind it was acknowledged.
func TestUnreadableSectorOfALongRecord(t *testing.T) {
	t.Parallel()
	cfg := small("/store", func(c *Config) { c.MappedFileSizeCommitLog = 8 << 20 })
	memory := vfs.NewMemory(nil)
	s := open(t, memory, cfg)
	body := strings.Repeat("b", 2<<20)
	long := send(t, s, msg("T", 0, body, ""))[0]
	send(t, s, numbered("T", 0, 1), numbered("T", 0, 2))
	killed := memory.KillClone()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	const bodyAt = 88
	s = startRefused(t, vfs.NewFaulty(killed), cfg, fmt.Sprintf("pread commitlog/* at=%d", long.PhyOffset+bodyAt+int64(len(body))))
	if d := cmp.Diff([]string{body, "body-1", "body-2"}, bodies(t, s, "T", 0)); d != "" {
		t.Error(d)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// A damaged record, and a sector behind it that cannot be read: where the log goes on is
// not known, and that it does is.
func TestUnreadableBehindDamage(t *testing.T) {
	t.Parallel()
	const all, bad = 40, 9 // the last whole record of what is read at once
	clk := clock.NewFake(time.UnixMilli(1_700_000_000_000))
	cfg := small("/store", func(c *Config) { c.MappedFileSizeCommitLog = 8 << 20 })
	memory := vfs.NewMemory(clk.Now)
	s := openAt(t, memory, cfg, clk)
	var places [all]int64
	for n := range all {
		if n == all-1 {
			clk.Advance(time.Minute) // the checkpoint vouches for those before
		}
		places[n] = send(t, s, msg("T", 0, strings.Repeat("b", 100<<10), ""))[0].PhyOffset
	}
	if err := s.flushLog(); err != nil {
		t.Fatal(err)
	}
	s.flushQueues(1) // no mark: the walk begins with the file
	killed := memory.KillClone()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := killed.Open(fmt.Sprintf("/store/commitlog/%020d", 0))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt([]byte{1}, places[bad]+2); err != nil { // its length
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	rule := fmt.Sprintf("pread commitlog/* at=%d", places[bad+3]+200)
	passing := vfs.NewFaulty(killed.KillClone())
	inject(t, passing, rule+" times=1")
	for _, s := range []*Store{startRefused(t, vfs.NewFaulty(killed), cfg, rule), open(t, passing, cfg)} {
		if end := s.MaxOffset("T", 0); end != all {
			t.Errorf("the queue ends at %d, want %d", end, all)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
