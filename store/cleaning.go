package store

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/skylarkmq/skylark/store/clean"
	"github.com/skylarkmq/skylark/store/mapped"
)

const (
	// cleanFirst is how long after the start cleaning begins, as in Java.
	cleanFirst = 60 * time.Second
	// manualRounds is how many rounds an operator's request deletes in.
	manualRounds = 20
)

// cleaning is what the cleaner remembers between its rounds.
type cleaning struct {
	manual atomic.Int32  // rounds that an operator asked for
	kick   chan struct{} // wakes cleanLoop
	minPhy int64         // what queues and index were cleaned for
	ages   clean.Ages
}

// DeleteExpiredLog deletes expired files of the log now and in the coming rounds,
// whatever the hour (the operator's request deleteExpiredCommitLog).
func (s *Store) DeleteExpiredLog() {
	s.cleaning.manual.Store(manualRounds)
	select {
	case s.cleaning.kick <- struct{}{}:
	default:
	}
}

// cleanLoop is the goroutine that deletes.
func (s *Store) cleanLoop(ctx context.Context) {
	wait := cleanFirst
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.cleaning.kick:
		case <-s.clk.After(wait):
		}
		cfg := s.cfg.Get()
		wait = time.Duration(max(cfg.CleanResourceInterval, 10)) * time.Millisecond
		s.cleanRound(ctx, cfg)
	}
}

func policyOf(c *Config) clean.Policy {
	return clean.Policy{
		WarningLevelRatio: c.DiskSpaceWarningLevelRatio, CleanForciblyRatio: c.DiskSpaceCleanForciblyRatio, MaxUsedRatio: c.DiskMaxUsedSpaceRatio,
		CleanForciblyEnable: c.CleanFileForciblyEnable, DeleteWhen: c.DeleteWhen,
		Reserved: time.Duration(c.FileReservedTime) * time.Hour, BatchMax: c.DeleteFileBatchMax,
		FreeWarning: c.DiskFreeWarningBytes, FreeForcibly: c.DiskFreeCleanForciblyBytes,
	}
}

// cleanRound deletes what the policy lets go: files of the log, and then what
// points to them.
func (s *Store) cleanRound(ctx context.Context, cfg *Config) {
	p := policyOf(cfg)
	if set := s.cleaning.ages.Note(s.clk.Now(), s.clk.MonoMs()); set != 0 {
		s.logger.Warn().Dur("by", set).Msg("store: the machine's clock was set; log files that were written before do not age by it")
	}
	s.commitLog.Rest()
	space := s.judgeDisk(p)
	manual := s.cleaning.manual.Load() > 0
	if manual {
		s.cleaning.manual.Add(-1)
	}
	if p.Hour(s.clk.Now()) || space.Delete || manual {
		if n := s.deleteLogFiles(ctx, cfg, p, space.Now); n == 0 && space.Now {
			s.logger.Warn().Msg("store: the disk is filling up, and no file of the log may be deleted")
		}
	}
	if minPhy := s.commitLog.Min(); minPhy > s.cleaning.minPhy {
		s.cleaning.minPhy = minPhy
		s.deletePointers(ctx, cfg, minPhy)
	}
}

// judgeDisk measures the disks of log and queues, and stops or lets go on the
// acceptance of messages.
func (s *Store) judgeDisk(p clean.Policy) clean.Space {
	used, path := clean.Use{Part: 2}, ""
	for _, dir := range writable(s.cfg.Get(), s.root) {
		if u := s.used(dir); u.Part < used.Part {
			used, path = u, dir
		}
	}
	space := p.Disk(used)
	s.judge(flagDiskFull, space, p.Why(path, used))
	if space.Now {
		return space
	}
	used = s.used(filepath.Join(s.root, "consumequeue"))
	queues := p.Disk(used)
	s.judge(flagLogicsFull, queues, p.Why(s.root, used))
	space.Delete, space.Now = space.Delete || queues.Delete, queues.Now
	return space
}

func (s *Store) judge(flag uint32, space clean.Space, why string) {
	switch {
	case space.Full:
		if !s.flags.has(flag) {
			s.logger.Error().Str("why", why).Msg("store: disk full, no messages are accepted")
		}
		s.flags.set(flag, why)
	case space.Room:
		s.flags.clear(flag)
	}
}

// deleteLogFiles deletes the oldest files of the log, one after the other with a
// pause, and returns how many.
func (s *Store) deleteLogFiles(ctx context.Context, cfg *Config, p clean.Policy, now bool) int {
	files := s.commitLog.Files()
	modified, ages := make([]time.Time, 0, len(files)), make([]time.Duration, 0, len(files))
	for _, f := range files {
		at, err := f.ModTime()
		if err != nil {
			s.logger.Error().Err(err).Msg("store: age of a log file")
			break
		}
		modified, ages = append(modified, at), append(ages, s.cleaning.ages.Of(at))
	}
	n := p.Expired(ages, now)
	if now && cfg.ProtectUnconsumedEnable {
		n = max(p.Expired(ages, false), s.consumed(files[:n]))
	}
	n = s.pointedTo(files[:n])
	for i, f := range files[:n] {
		if err := s.commitLog.Remove(f); err != nil {
			s.logger.Error().Err(err).Msg("store: delete a log file")
			return i
		}
		s.logger.Info().Str("file", f.Path()).Time("written", modified[i]).Bool("forced", now).Msg("store: log file deleted")
		if i < n-1 {
			s.pause(ctx, time.Duration(cfg.DeleteCommitLogFilesInterval)*time.Millisecond)
		}
	}
	return n
}

// consumed is how many of the oldest files hold nothing that a group still has to
// consume.
func (s *Store) consumed(files []*mapped.File) int {
	if s.unconsumed == nil || len(files) == 0 {
		return len(files)
	}
	low, who := s.unconsumed()
	n := 0
	for n < len(files) && files[n].End() <= low {
		n++
	}
	if n < len(files) {
		s.logger.Warn().Str("group", who).Int64("phy", low).Int("files", len(files)-n).
			Msg("store: the disk is filling up, and these files are kept for a group that has not consumed them (protectUnconsumedEnable)")
	}
	return n
}

// pointedTo is how many of the oldest files have all their queue units on the disk.
// A unit that a crash takes is made again from its record; of a record that went
// with its file nothing would say that its offset was ever given. A disk that is too
// full for new units does not keep the files of old ones, which would keep it full.
func (s *Store) pointedTo(files []*mapped.File) int {
	if len(files) == 0 {
		return 0
	}
	if err := s.flushUnits(0); err != nil {
		s.logger.Error().Err(err).Msg("store: the consume queues cannot be flushed; log files with newer units than their last flush are kept")
	}
	end, n := s.pointed.Load(), 0
	for n < len(files) && files[n].End() <= end {
		n++
	}
	return n
}

// deletePointers deletes files of queues and index that point to records that are gone.
func (s *Store) deletePointers(ctx context.Context, cfg *Config, minPhy int64) {
	pause := func(d time.Duration) { s.pause(ctx, d) }
	deleted, err := s.queues.DeleteExpired(minPhy, pause, time.Duration(cfg.DeleteConsumeQueueFilesInterval)*time.Millisecond)
	if err = errors.Join(err, s.index.DeleteBefore(minPhy)); err != nil {
		s.logger.Error().Err(err).Msg("store: delete expired consume queue and index files")
	}
	if deleted > 0 {
		s.logger.Info().Int("files", deleted).Int64("log from", minPhy).Msg("store: consume queue files deleted")
	}
}

func (s *Store) pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case <-ctx.Done():
	case <-s.clk.After(d):
	}
}
