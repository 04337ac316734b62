package store

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/skylarkmq/skylark/internal/vfs"
)

// wantKeys looks for messages by two keys each: all are found, once.
func wantKeys(t *testing.T, s *Store, count int) {
	t.Helper()
	for n := range count {
		for _, key := range []string{"a", "b"} {
			found, _, _, err := s.index.Query(fmt.Sprintf("T#%s%d", key, n), 64, 0, math.MaxInt64)
			if err != nil || len(found) != 1 {
				t.Fatalf("key %s%d of %d: %v, %v", key, n, count, found, err)
			}
		}
	}
}

// No descriptor for the next file of the index: the keys wait, nothing vouches for them,
// and they are found once there is one; or after a crash, from the log.
func TestKeysWaitForTheIndex(t *testing.T) {
	t.Parallel()
	const all = 60
	memory := vfs.NewMemory(nil)
	disk := vfs.NewFaulty(memory)
	cfg := small("/store", func(c *Config) { c.MaxIndexNum = 20 })
	s := open(t, disk, cfg)
	for n := range all {
		if n == all/2 {
			inject(t, disk, "open index/* err=EMFILE")
		}
		send(t, s, msg("T", 0, "x", fmt.Sprintf("KEYS\x01a%d b%d\x02", n, n)))
	}
	if err := s.flushLog(); err != nil {
		t.Fatal(err)
	}
	s.flushQueues(0)
	if !s.flags.has(flagIndexError) || s.checkpoint.Mark().Size > 0 {
		t.Fatalf("keys wait: %v, and the mark is %+v", s.flags.has(flagIndexError), s.checkpoint.Mark())
	}
	killed := memory.KillClone()
	disk.Heal()
	if err := s.retryKeys(); err != nil || s.flags.has(flagIndexError) {
		t.Fatalf("again: %v, %s", err, s.flags.reason(flagIndexError))
	}
	wantKeys(t, s, all)
	s.flushQueues(0)
	if s.checkpoint.Mark().Size == 0 {
		t.Error("no mark, although the index has all keys")
	}
	lost := memory.CrashClone(5)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for _, image := range []*vfs.Memory{killed, lost} {
		s = open(t, image, cfg)
		wantKeys(t, s, all)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Keys do not wait without end: the next start takes them from the log.
func TestTooManyKeysWait(t *testing.T) {
	t.Parallel()
	disk := vfs.NewFaulty(vfs.NewMemory(nil))
	cfg := small("/store")
	s := open(t, disk, cfg)
	inject(t, disk, "create index/* err=EMFILE")
	send(t, s, msg("T", 0, "x", "KEYS\x01a0 b0\x02"))
	s.dispatching.Lock()
	for n := range missingMost {
		s.fillIndex(&entry{phy: int64(1000 + n), keys: [2]int32{0, 1}}, []int32{1})
	}
	s.dispatching.Unlock()
	if len(s.missing.records) > 0 || !s.missing.lost {
		t.Errorf("%d wait", len(s.missing.records))
	}
	disk.Heal()
	if err := s.retryKeys(); err != nil || !s.flags.has(flagIndexError) {
		t.Errorf("an index that lacks keys counts as whole: %v", err)
	}
	if err := s.Close(); err == nil || !strings.Contains(err.Error(), "lacks entries") {
		t.Errorf("closed with %v", err)
	}
	s = open(t, disk, cfg)
	wantKeys(t, s, 1)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
