package schedule

import (
	"context"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/broker/dataversion"
	"github.com/skylarkmq/skylark/internal/clock"
)

// Options of a Schedule; all are needed but Log.
type Options struct {
	Store  Store
	Levels []int64 // how long each level waits, ms; level n is Levels[n-1]
	Clock  clock.Clock
	Log    zerolog.Logger
	// Persist saves what Encode says.
	Persist func() error
	// PersistEvery is flushDelayOffsetInterval, VersionStep delayOffsetUpdateVersionStep.
	PersistEvery func() time.Duration
	VersionStep  func() int64
}

// Schedule delivers what waits in the delay levels.
type Schedule struct {
	opt    Options
	levels []*level

	mu       sync.Mutex
	progress map[int32]int64 // level → next offset
	version  dataversion.Version
	updates  int64 // since the version moved
	changed  bool  // since the last save
	safe     file  // progress whose deliveries the disk has
}

// New makes a schedule that has delivered nothing yet.
func New(opt Options) *Schedule {
	s := &Schedule{opt: opt, progress: map[int32]int64{}}
	s.version.Timestamp = opt.Clock.NowMs()
	s.safe = file{s.version, map[int32]int64{}}
	for i, delay := range opt.Levels {
		s.levels = append(s.levels, newLevel(s, int32(i+1), delay))
	}
	return s
}

// Arrived tells that a level's queue has a new message. It never waits.
func (s *Schedule) Arrived(queue int32) {
	if queue < 0 || int(queue) >= len(s.levels) {
		return
	}
	l := s.levels[queue]
	if l.idle.CompareAndSwap(true, false) {
		l.wake <- struct{}{} // has room: idle was true
	}
}

// firstSave is when the progress is saved for the first time, as in Java.
const firstSave = 10 * time.Second

// Run delivers until ctx ends, and saves the progress then.
func (s *Schedule) Run(ctx context.Context) {
	s.warnOfLost()
	var levels sync.WaitGroup
	for _, l := range s.levels {
		levels.Go(func() { l.run(ctx) })
	}
	timer := s.opt.Clock.NewTimer(firstSave)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			levels.Wait()
			s.save()
			return
		case <-timer.C():
			s.save()
			timer.Reset(max(s.opt.PersistEvery(), minSave))
		}
	}
}

const minSave = 100 * time.Millisecond

// warnOfLost names levels that a shorter messageDelayLevel took away while messages
// waited in them: nobody delivers those, in Java neither.
func (s *Schedule) warnOfLost() {
	for _, p := range s.Progress() {
		if int(p.Level) <= len(s.levels) && p.Level > 0 {
			continue
		}
		if _, _, high, err := s.opt.Store.Units(p.Level-1, p.Offset, 0, nil); err == nil && high > p.Offset {
			s.opt.Log.Warn().Int32("level", p.Level).Int64("waiting", high-p.Offset).
				Msg("schedule: messages wait in a level that messageDelayLevel does not have; they stay until it has")
		}
	}
}
