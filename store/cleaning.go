package store

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/skylarkmq/skylark/store/clean"
)

const (
	// cleanFirst is how long after the start cleaning begins, as in Java.
	cleanFirst = 60 * time.Second
	// manualRounds is how many rounds an operator's request deletes in.
	manualRounds = 20
)

// cleaning is what the cleaner remembers between its rounds.
type cleaning struct {
	manual atomic.Int32 // rounds that an operator asked for
	minPhy int64        // what queues and index were cleaned for
}

// DeleteExpiredLog deletes expired files of the log in the coming rounds, whatever
// the hour (the operator's request deleteExpiredCommitLog).
func (s *Store) DeleteExpiredLog() { s.cleaning.manual.Store(manualRounds) }

// cleanLoop is the goroutine that deletes.
func (s *Store) cleanLoop(ctx context.Context) {
	wait := cleanFirst
	for {
		select {
		case <-ctx.Done():
			return
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
		CleanForciblyEnable: c.CleanFileForciblyEnable, DeleteWhen: c.DeleteWhen, ReservedHours: c.FileReservedTime, BatchMax: c.DeleteFileBatchMax,
	}
}

// cleanRound deletes what the policy lets go: files of the log, and then what
// points to them.
func (s *Store) cleanRound(ctx context.Context, cfg *Config) {
	p := policyOf(cfg)
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
	used, path := 2.0, ""
	for _, dir := range s.logPaths() {
		if u := s.used(dir); u < used {
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

// used is the used part of the disk of a directory, below 0 when it is unknown.
func (s *Store) used(dir string) float64 {
	usage, err := s.fs.Usage(existing(s, dir))
	if err != nil {
		return -1
	}
	return usage.Ratio()
}

// deleteLogFiles deletes the oldest files of the log, one after the other with a
// pause, and returns how many.
func (s *Store) deleteLogFiles(ctx context.Context, cfg *Config, p clean.Policy, now bool) int {
	files := s.commitLog.Files()
	modified := make([]time.Time, 0, len(files))
	for _, f := range files {
		at, err := f.ModTime()
		if err != nil {
			s.logger.Error().Err(err).Msg("store: age of a log file")
			break
		}
		modified = append(modified, at)
	}
	n := p.Expired(modified, s.clk.Now(), now)
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
