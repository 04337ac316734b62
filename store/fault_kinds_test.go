package store

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/vfs"
)

// Disks that are full, failing, hanging, read-only, cut under us.

func faults(s *Store, kind string) (n int64) {
	s.Faults(func(k string, count int64) {
		if k == kind {
			n = count
		}
	})
	return n
}

// sendOn sends until n messages are acknowledged or refused, and flushes now and then.
func sendOn(t *testing.T, s *Store, from, n int) (acked []string) {
	t.Helper()
	for i := from; i < from+n; i++ {
		if r := put(t, s, numbered("T", 0, i)); r.Status == PutOK {
			acked = append(acked, fmt.Sprintf("body-%d", i))
		}
		if i%5 == 0 {
			_ = s.flushLog()
			s.flushQueues(i % 2)
		}
	}
	return acked
}

// A disk that is full from any call on: what was acknowledged stays and can be read,
// nothing panics, and when there is room the store goes on without a restart.
func TestFullFromAnyCallOn(t *testing.T) {
	t.Parallel()
	refused := 0
	for after := range 150 {
		disk := vfs.NewFaulty(vfs.NewMemory(nil))
		cfg := small("/store", func(c *Config) { c.MaxIndexNum = 40 })
		s := open(t, disk, cfg)
		acked := sendOn(t, s, 0, 3)
		inject(t, disk, fmt.Sprintf("space * after=%d err=ENOSPC", after))
		acked = append(acked, sendOn(t, s, 3, 60)...)
		if len(acked) < 63 {
			refused++
			if why := s.Cause(); !strings.Contains(why, "the disk is full") || faults(s, "no_space") == 0 {
				t.Errorf("after %d: %q, %d counted", after, why, faults(s, "no_space"))
			}
		}
		if res, _ := s.Get(&GetRequest{Topic: "T", MaxCount: 32}, nil); res.Status != GetFound {
			t.Errorf("after %d: reading: %v", after, res.Status)
		}
		disk.Heal()
		if s.flags.has(flagQueueError) {
			if err := s.retryBacklog(); err != nil {
				t.Errorf("after %d: %v", after, err)
			}
		}
		if again := sendOn(t, s, 100, 10); len(again) != 10 {
			t.Errorf("after %d: %d of 10 messages when there is room again: %s", after, len(again), s.Cause())
		} else {
			acked = append(acked, again...)
		}
		wantBodies(t, s, 0, acked)
		if err := s.Close(); err != nil {
			t.Errorf("after %d: the stop: %v", after, err)
		}
		s = open(t, disk, cfg)
		wantBodies(t, s, 0, acked)
		for _, body := range acked {
			if found, _, _, err := s.index.Query("T#U"+strings.TrimPrefix(body, "body-"), 64, 0, math.MaxInt64); err != nil || len(found) == 0 {
				t.Fatalf("after %d: the key of %s is not found: %v", after, body, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Errorf("after %d: %v", after, err)
		}
	}
	if refused < 75 {
		t.Errorf("only %d of 150 points refused anything", refused)
	}
}

// Each of the first 200 calls that wait for the disk fails once, and takes with it
// what it should have written. Nothing acknowledged is missing, neither after the
// kill that follows, nor after a power cut.
func TestEachSyncFails(t *testing.T) {
	t.Parallel()
	stopped := 0
	for after := range 200 {
		clk := clock.NewFake(upstreamStart)
		memory := vfs.NewMemory(clk.Now)
		disk := vfs.NewFaulty(memory)
		cfg := small("/store", syncFlush, func(c *Config) { c.MaxIndexNum = 60 })
		s := openAt(t, disk, cfg, clk)
		inject(t, disk, fmt.Sprintf("sync * after=%d times=1 err=EIO", after))
		var acked []string
		for n := 0; n < 120; n++ {
			clk.Advance(100 * time.Millisecond)
			r := put(t, s, numbered("T", 0, n))
			if r.Status != PutOK {
				break
			}
			s.AwaitFlush(s.commitLog.Written(), func(st PutStatus) {
				if st == PutOK {
					acked = append(acked, fmt.Sprintf("body-%d", n))
				}
			})
			s.commitRound()
			if n%10 == 0 {
				s.flushQueues(n % 20)
			}
		}
		if ok, _ := s.Writeable(); !ok {
			stopped++
			for range 3 { // it does not get better by itself
				s.commitRound()
			}
			if ok, why := s.Writeable(); ok || !strings.Contains(why, "input/output error") || faults(s, "io_error") == 0 {
				t.Errorf("after %d: writeable %v, %q", after, ok, why)
			}
		}
		for name, image := range map[string]*vfs.Memory{"kill": memory.KillClone(), "power cut": memory.CrashClone(uint64(after))} {
			s := openAt(t, image, cfg, clk)
			got := bodies(t, s, "T", 0)
			if len(got) < len(acked) {
				t.Errorf("after %d, %s: %d of %d acknowledged messages", after, name, len(got), len(acked))
			} else if d := cmp.Diff(acked, got[:len(acked)], cmpopts.EquateEmpty()); d != "" {
				t.Errorf("after %d, %s: %s", after, name, d)
			}
			if err := s.Close(); err != nil {
				t.Errorf("after %d, %s: %v", after, name, err)
			}
		}
	}
	if stopped < 50 {
		t.Errorf("only %d of 200 failures ended the writing", stopped)
	}
}

// A file system that becomes read-only: messages are refused and told why, reading
// goes on, and when it is writeable again, so is the store.
func TestReadOnlyRemount(t *testing.T) {
	t.Parallel()
	disk := vfs.NewFaulty(vfs.NewMemory(nil))
	s := running(t, disk, small("/store"), nil)
	send(t, s, numbered("T", 0, 0))
	inject(t, disk, "change * err=EROFS")
	if r := put(t, s, numbered("T", 0, 1)); r.Status != ServiceNotAvailable {
		t.Errorf("a message: %v", r.Status)
	}
	if why := s.Cause(); !strings.Contains(why, "read-only") || faults(s, "read_only") == 0 {
		t.Errorf("%q", why)
	}
	wantBodies(t, s, 0, bodyNames(0, 1))
	disk.Heal()
	send(t, s, numbered("T", 0, 1))
	wantBodies(t, s, 0, bodyNames(0, 2))
}

// A disk that hangs in a flush: senders are told after syncFlushTimeout, readers and
// everybody else are not held up, and what hung is there when the disk goes on.
func TestDiskHangs(t *testing.T) {
	t.Parallel()
	disk := vfs.NewFaulty(vfs.NewMemory(nil))
	s := running(t, disk, small("/store", syncFlush, func(c *Config) { c.SyncFlushTimeout = 500 }), nil)
	if r := s.Put(numbered("T", 0, 0)); r.Status != PutOK {
		t.Fatal(r.Status)
	}
	inject(t, disk, "sync commitlog/* hang")
	if r := s.Put(numbered("T", 0, 1)); r.Status != FlushDiskTimeout {
		t.Errorf("while the disk hangs: %v", r.Status)
	}
	wantBodies(t, s, 0, bodyNames(0, 1))
	if ok, why := s.Writeable(); !ok {
		t.Errorf("refusing: %s", why)
	}
	told := make(chan PutStatus, 1)
	s.AwaitFlush(s.commitLog.Written(), func(st PutStatus) { told <- st })
	disk.Heal()
	if st := <-told; st != PutOK {
		t.Errorf("when it goes on: %v", st)
	}
	wantBodies(t, s, 0, bodyNames(0, 2))
}

// Someone cuts a file of the running store: one file fails, the process lives, other
// queues go on.
func TestFileCutUnderUs(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"commitlog/00000000000000000000", "consumequeue/T/0/00000000000000000000", "index", "checkpoint"} {
		t.Run(strings.ReplaceAll(name, "/", "_"), func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			s := open(t, nil, small(root, func(c *Config) { c.MappedFileSizeCommitLog = 1 << 20; c.MaxHashSlotNum, c.MaxIndexNum = 5000, 20000 }))
			for n := range 50 {
				send(t, s, numbered("T", 0, n))
			}
			s.flushQueues(0)
			path := filepath.Join(root, name)
			if name == "index" {
				entries, err := os.ReadDir(path)
				if err != nil || len(entries) == 0 {
					t.Fatal(err)
				}
				path = filepath.Join(path, entries[0].Name())
			}
			if err := os.Truncate(path, 0); err != nil {
				t.Fatal(err)
			}
			for n := range 50 {
				put(t, s, numbered("U", 0, n))
				_, _ = s.Get(&GetRequest{Topic: "T", Offset: int64(n), MaxCount: 32}, nil)
				_, _ = s.Get(&GetRequest{Topic: "T", Offset: int64(n), MaxCount: 32, ResidentOnly: true}, nil)
				_, _, _, _ = s.index.Query(fmt.Sprintf("T#U%d", n), 64, 0, math.MaxInt64)
				_, _ = s.OffsetByTime("T", 0, 1, false)
			}
			s.flushQueues(0)
			_ = s.flushLog()
			if name == "index" && faults(s, "other") == 0 {
				t.Error("no fault of the index is counted")
			}
			if name != "commitlog/00000000000000000000" {
				if got := len(bodies(t, s, "U", 0)); got != 50 {
					t.Errorf("the other queue has %d messages", got)
				}
			}
			_ = s.Close() // it may say that something is missing
		})
	}
}

// With protectUnconsumedEnable a disk that fills up refuses messages rather than
// delete those that a group has still to consume.
func TestProtectUnconsumed(t *testing.T) {
	t.Parallel()
	s, disk, _ := openAged(t, 30)
	s.cfg.Change(func(c *Config) { c.ProtectUnconsumedEnable, c.FileReservedTime = true, 1000 })
	low := int64(0)
	s.unconsumed = func() (int64, string) { return low, "T@G" }
	usage, err := disk.Usage("/store")
	if err != nil {
		t.Fatal(err)
	}
	disk.SetTotal(usage.Used * 100 / 92)
	files := len(s.commitLog.Files())
	s.cleanRound(t.Context(), s.cfg.Get())
	if got := len(s.commitLog.Files()); got != files {
		t.Errorf("%d of %d files left, nothing is consumed", got, files)
	}
	if ok, _ := s.Writeable(); ok {
		t.Error("messages are accepted")
	}
	low, _ = s.PlaceOf("T", 0, 20)
	s.cleanRound(t.Context(), s.cfg.Get())
	if min := s.MinPhyOffset(); min == 0 || min > low {
		t.Errorf("the log begins at %d, the group is at %d", min, low)
	}
}
