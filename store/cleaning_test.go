package store

import (
	"math"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/internal/vfs"
)

// openAged opens a store with tiny files on a disk in memory and puts n messages of
// 1 KiB, one each hour.
func openAged(t *testing.T, n int) (*Store, *vfs.Memory, *clock.Fake) {
	t.Helper()
	clk := clock.NewFake(time.Date(2026, 1, 1, 12, 0, 0, 0, time.Local))
	disk := vfs.NewMemory(clk.Now)
	c := Defaults()
	c.StorePathRootDir = "/store"
	c.MappedFileSizeCommitLog, c.MappedFileSizeConsumeQueue = 8<<10, 100
	c.MaxHashSlotNum, c.MaxIndexNum = 10, 8
	c.FileReservedTime, c.DeleteFileBatchMax = 10, 100
	c.DeleteCommitLogFilesInterval, c.DeleteConsumeQueueFilesInterval = 0, 0
	s, err := Open(config.NewSection(c), Options{FS: disk, Clock: clk, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	for range n {
		putN(t, s, "T", 0, 1, 1024, 1)
		clk.Advance(time.Hour)
	}
	s.flushQueues(0)
	return s, disk, clk
}

func TestExpiryByAge(t *testing.T) {
	t.Parallel()
	s, _, clk := openAged(t, 50)
	files := len(s.commitLog.Files())
	round := func() { s.cleanRound(t.Context(), s.cfg.Get()) }
	round() // 14:00
	if got := len(s.commitLog.Files()); got != files {
		t.Fatalf("deleted at the wrong hour: %d of %d files left", got, files)
	}
	for clk.Now().Hour() != 4 {
		clk.Advance(time.Hour)
	}
	round()
	left := s.commitLog.Files()
	oldest, err := left[0].ModTime()
	if err != nil || len(left) >= files || clk.Now().Sub(oldest) >= 10*time.Hour && len(left) > 1 {
		t.Fatalf("%d of %d files left, the oldest is %s old: %v", len(left), files, clk.Now().Sub(oldest), err)
	}
	low, high := s.MinOffset("T", 0), s.MaxOffset("T", 0)
	if low == 0 || high != 50 {
		t.Fatalf("queue [%d, %d)", low, high)
	}
	if res, recs := s.Get(&GetRequest{Topic: "T", Offset: low, MaxCount: 1}, nil); res.Status != GetFound || int64(len(numbers(t, recs))) != 1 {
		t.Errorf("at the minimum: %+v", res)
	}
	if u, ok := s.queues.Queue("T", 0).Unit(low); !ok || u.PhyOffset < s.MinPhyOffset() {
		t.Errorf("unit at the minimum %+v, log from %d", u, s.MinPhyOffset())
	}
}

// A clock that is set forward does not make old what was written an hour ago; what comes to be old does go.
func TestClockSetForward(t *testing.T) {
	t.Parallel()
	s, _, clk := openAged(t, 20)
	round := func() int {
		s.DeleteExpiredLog()
		s.cleanRound(t.Context(), s.cfg.Get())
		return len(s.commitLog.Files())
	}
	before := round()
	clk.Step(365 * 24 * time.Hour)
	if got := round(); got != before || before < 2 {
		t.Errorf("%d of %d files left", got, before)
	}
	putN(t, s, "T", 0, 30, 1024, 1)
	s.flushQueues(0)
	files := len(s.commitLog.Files())
	clk.Advance(9 * time.Hour)
	if got := round(); got >= files || got < 4 {
		t.Errorf("after nine hours: %d of %d files left", got, files)
	}
	clk.Advance(2 * time.Hour)
	if got := round(); got != 1 {
		t.Errorf("after eleven hours: %d files left", got)
	}
}

// What an operator writes to keep files for ever must not come out negative.
func TestNumbersTooLargeToComputeWith(t *testing.T) {
	t.Parallel()
	s, _, _ := openAged(t, 30)
	s.cfg.Change(func(c *Config) { c.FileReservedTime, c.OsPageCacheBusyTimeOutMills = 9_999_999, math.MaxInt64 })
	files := len(s.commitLog.Files())
	s.DeleteExpiredLog()
	s.cleanRound(t.Context(), s.cfg.Get())
	if got := len(s.commitLog.Files()); got != files {
		t.Errorf("%d of %d files left", got, files)
	}
	if got := s.cfg.Get().BusyTimeout(); got < 200*365*24*time.Hour {
		t.Errorf("an append waits for %v", got)
	}
}

func TestExpiryOnRequest(t *testing.T) {
	t.Parallel()
	s, _, clk := openAged(t, 30)
	clk.Advance(11 * time.Hour) // all are old enough, but it is not the hour
	if clk.Now().Hour() == 4 {
		t.Fatal("the hour is the one of deleteWhen")
	}
	s.DeleteExpiredLog()
	s.cleanRound(t.Context(), s.cfg.Get())
	if got := len(s.commitLog.Files()); got != 1 {
		t.Errorf("%d files left", got)
	}
	if low, high := s.MinOffset("T", 0), s.MaxOffset("T", 0); low >= high || high != 30 {
		t.Errorf("queue [%d, %d)", low, high)
	}
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	s, disk, _ := openAged(t, 30)
	usage, err := disk.Usage("/store")
	if err != nil {
		t.Fatal(err)
	}
	used := usage.Used
	round := func() { s.cleanRound(t.Context(), s.cfg.Get()) }
	disk.SetTotal(used * 100 / 92)
	files := len(s.commitLog.Files())
	round()
	if ok, why := s.Writeable(); ok || why == "" {
		t.Errorf("92 %% full: writeable %v, %q", ok, why)
	}
	if got := len(s.commitLog.Files()); got >= files {
		t.Errorf("92 %% full: %d of %d files left", got, files)
	}
	disk.SetTotal(used * 100)
	round()
	if ok, why := s.Writeable(); !ok {
		t.Errorf("with room again: %q", why)
	}
	putN(t, s, "T", 0, 1, 100, 1)
}

// A log file goes only when the units of its records are on the disk: a crash
// would take them, and nobody could make them again.
func TestUnitsBeforeLogFiles(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		clk := clock.NewFake(time.UnixMilli(1_700_000_000_000))
		disk := vfs.NewMemory(clk.Now)
		cfg := small("/store", func(c *Config) {
			c.FileReservedTime, c.DeleteCommitLogFilesInterval, c.DeleteConsumeQueueFilesInterval = 0, 0, 0
			c.DeleteFileBatchMax = 100
		})
		s := openAt(t, disk, cfg, clk)
		for n := range 120 { // several files
			send(t, s, numbered("T", int32(n%2), n))
		}
		if err := s.flushLog(); err != nil {
			t.Fatal(err)
		}
		s.DeleteExpiredLog()
		s.cleanRound(t.Context(), cfg.Get())
		if s.MinPhyOffset() == 0 {
			t.Fatal("nothing was deleted")
		}
		disk = disk.CrashClone(seed)
		s = openAt(t, disk, cfg, clk)
		for q := range int32(2) {
			list := bodies(t, s, "T", q)
			queue, _ := s.queues.Lookup("T", q)
			if queue.MaxOffset() != 60 || len(list) == 0 {
				t.Errorf("seed %d: queue %d ends at %d with %d messages", seed, q, queue.MaxOffset(), len(list))
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A disk without room for another unit gets room by the deletion of log files, of
// those whose units had been flushed before.
func TestFullDiskKeepsNoOldFiles(t *testing.T) {
	t.Parallel()
	disk := vfs.NewFaulty(vfs.NewMemory(nil))
	cfg := small("/store", func(c *Config) {
		c.FileReservedTime, c.DeleteCommitLogFilesInterval, c.DeleteFileBatchMax = 0, 0, 100
	})
	s := open(t, disk, cfg)
	sendMany := func(n int) {
		for i := range n {
			send(t, s, numbered("T", 0, i))
		}
	}
	sendMany(120)
	s.flushQueues(0)
	flushed := s.MaxPhyOffset()
	sendMany(120)
	inject(t, disk, "space consumequeue/*/*/* err=ENOSPC")
	s.DeleteExpiredLog()
	s.cleanRound(t.Context(), cfg.Get())
	size := int64(cfg.Get().MappedFileSizeCommitLog)
	if want := flushed / size * size; s.MinPhyOffset() != want || want == 0 {
		t.Errorf("the log begins at %d, want %d", s.MinPhyOffset(), want)
	}
	disk.Heal()
	s.cleanRound(t.Context(), cfg.Get())
	if s.MinPhyOffset() <= flushed {
		t.Errorf("with room again the log begins at %d", s.MinPhyOffset())
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
