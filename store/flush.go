package store

import (
	"context"
	"errors"
	"time"

	"github.com/skylarkmq/skylark/store/checkpoint"
	"github.com/skylarkmq/skylark/store/index"
)

// pageSize is Java's unit of "enough to flush".
const pageSize = 4096

// How much may be appended between two thorough flushes of the consume queues: as much
// log is read again after a crash. Each queue with new units costs such a flush some
// 10 µs: so that this stays about a microsecond a message, many queues get more time.
const (
	thoroughBytes = 256 << 20
	thoroughQueue = 32 << 10 // a queue
	thoroughMost  = 2 << 30
)

func thoroughAfter(dirtyQueues int) int64 {
	return min(max(thoroughBytes, int64(dirtyQueues)*thoroughQueue), thoroughMost)
}

// flushLog makes the log durable and notes up to which record. The first error
// ends the acceptance of messages for good.
func (s *Store) flushLog() error {
	newest := s.lastStoreTime.Load() // before: what follows may not be covered
	if _, err := s.commitLog.Flush(); err != nil {
		if !s.flags.has(flagNotWriteable) {
			s.trouble(err)
			s.flags.set(flagNotWriteable, "the disk failed to store what was written: "+err.Error()+"; restart the broker when the disk is sound")
			s.logger.Error().Err(err).Msg("store: flush failed; no more messages are accepted until a restart")
		}
		return err
	}
	raise(&s.checkpoint.PhysicTime, newest)
	return nil
}

// flushLoop is the goroutine of ASYNC_FLUSH.
func (s *Store) flushLoop(ctx context.Context) {
	thorough := s.clk.MonoMs()
	for {
		cfg := s.cfg.Get()
		select {
		case <-ctx.Done():
			return
		case <-s.clk.After(time.Duration(max(cfg.FlushIntervalCommitLog, 1)) * time.Millisecond):
		}
		least := int64(cfg.FlushCommitLogLeastPages)
		if now := s.clk.MonoMs(); now >= thorough+int64(cfg.FlushCommitLogThoroughInterval) {
			thorough, least = now, 0
		}
		from, to := s.commitLog.Flushed(), s.commitLog.Written()
		if to > from && to/pageSize-from/pageSize >= least {
			_ = s.flushLog() // said and remembered
		}
	}
}

// queueLoop is the goroutine that makes consume queues, index and checkpoint
// durable, and tries again what could not be dispatched.
func (s *Store) queueLoop(ctx context.Context) {
	last, at := s.clk.MonoMs(), s.commitLog.Written()
	for {
		cfg := s.cfg.Get()
		interval := max(cfg.FlushIntervalConsumeQueue, 1)
		if s.flags.has(flagQueueError) {
			interval = min(interval, 500)
		}
		select {
		case <-ctx.Done():
			return
		case <-s.clk.After(time.Duration(interval) * time.Millisecond):
		}
		if s.flags.has(flagQueueError) {
			_ = s.retryBacklog() // the flag stays with the reason
		}
		if s.flags.has(flagIndexError) {
			_ = s.retryKeys()
		}
		least := max(cfg.FlushConsumeQueueLeastPages, 1)
		now, end := s.clk.MonoMs(), s.commitLog.Written()
		if now >= last+int64(cfg.FlushConsumeQueueThoroughInterval) || end-at >= thoroughAfter(s.queues.Dirty()) {
			last, at, least = now, end, 0
		}
		s.flushQueues(least)
	}
}

// flushQueues writes consume queues, index and checkpoint. leastPages 0 makes
// everything durable, whatever it costs, and lets the checkpoint say so: recovery
// takes neither queues nor index on trust beyond it.
func (s *Store) flushQueues(leastPages int) {
	var mark checkpoint.Mark
	if leastPages == 0 {
		mark = s.markNow() // before: what follows may not be covered
	}
	err := s.flushUnits(leastPages)
	if err != nil {
		s.notDurable(err, flagQueueUnsynced, s.queues.SyncFailed() != nil, "consume queues")
	} else {
		s.told &^= flagQueueUnsynced
	}
	tend := s.index.Tend
	if leastPages == 0 {
		tend = s.index.Flush
	}
	if ierr := tend(); ierr != nil {
		s.notDurable(ierr, flagIndexUnsynced, indexLost(ierr), "index")
		err = ierr
	} else {
		s.told &^= flagIndexUnsynced
	}
	if err == nil && leastPages == 0 {
		s.vouch(mark)
	}
	if err := s.checkpoint.Flush(); err != nil {
		s.trouble(err)
		s.logger.Error().Err(err).Msg("store: flush of the checkpoint")
	}
}

// indexLost says whether entries may be gone that the kernel had taken: no later flush brings them to the disk.
func indexLost(err error) bool { return FaultOf(err) == FaultIO || errors.Is(err, index.ErrNotSynced) }

// notDurable notes that queues or index could not be flushed. A final failure is said
// once: it stays until a restart, which recovers them from the log.
func (s *Store) notDurable(err error, flag uint32, final bool, what string) {
	if s.flags.has(flag) {
		return
	}
	why := s.trouble(err)
	if !final {
		if s.told&flag == 0 { // a full disk: every second from now on
			s.told |= flag
			s.logger.Error().Err(err).Msg("store: flush of the " + what + "; it is tried again every second")
		}
		return
	}
	s.flags.set(flag, why)
	s.logger.Error().Err(err).Msg("store: flush of the " + what + " failed; messages are accepted, but no file of the log is deleted and the next start " +
		"recovers from the log: look at the disk and restart the broker before it is full")
}

// flushUnits flushes the consume queues and notes where the records end that have all
// their units on the disk.
func (s *Store) flushUnits(leastPages int) error {
	end := s.dispatched.Load() // before: what follows may not be covered
	err := s.queues.Flush(leastPages)
	if err == nil && leastPages == 0 {
		raise(&s.pointed, end)
	}
	return err
}

// vouch moves the checkpoint on after a thorough flush that began at mark. The clock
// may have been set back since; times from before say nothing then. It may not vouch
// for records that the index lost: a second flush succeeds, though the kernel may have
// dropped the pages that the first could not write. The mark names a record, not a
// time: the log has to be on the disk up to there as well.
func (s *Store) vouch(mark checkpoint.Mark) {
	if s.flags.has(flagIndexUnsynced) {
		return
	}
	raise(&s.checkpoint.LogicsTime, min(s.queues.FlushedTimestamp(), s.lastStoreTime.Load()))
	if mark.Size > 0 && s.markable() && (s.commitLog.Flushed() >= mark.PhyOffset+int64(mark.Size) || s.flushLog() == nil) {
		s.checkpoint.SetMark(mark)
	}
}
