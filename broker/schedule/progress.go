package schedule

import (
	"maps"
	"slices"

	"github.com/skylarkmq/skylark/broker/dataversion"
	"github.com/skylarkmq/skylark/internal/javajson"
)

// file is delayOffset.json: the next offset of each level. 4.x writes no version.
type file struct {
	DataVersion dataversion.Version `json:"dataVersion"`
	OffsetTable map[int32]int64     `json:"offsetTable"`
}

// Decode reads delayOffset.json, before Run. Levels that the settings no longer have
// are kept.
func (s *Schedule) Decode(data []byte) error {
	var f file
	if err := javajson.Unmarshal(data, &f); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.Copy(s.progress, f.OffsetTable)
	if f.DataVersion != (dataversion.Version{}) {
		s.version = f.DataVersion
	}
	s.safe = file{s.version, maps.Clone(s.progress)}
	return nil
}

// Encode writes delayOffset.json, with the progress that the disk is known to have.
func (s *Schedule) Encode() ([]byte, error) {
	s.mu.Lock()
	f := s.safe // replaced, never changed
	s.mu.Unlock()
	return javajson.MarshalPretty(f)
}

// Wire is the answer to GET_ALL_DELAY_OFFSET: the progress as it is now.
func (s *Schedule) Wire() ([]byte, error) {
	s.mu.Lock()
	f := file{s.version, maps.Clone(s.progress)}
	s.mu.Unlock()
	return javajson.Marshal(f)
}

// LevelProgress is the next offset of one level.
type LevelProgress struct {
	Level  int32
	Offset int64
}

// Progress lists the levels that have one.
func (s *Schedule) Progress() []LevelProgress {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]LevelProgress, 0, len(s.progress))
	for _, n := range slices.Sorted(maps.Keys(s.progress)) {
		list = append(list, LevelProgress{n, s.progress[n]})
	}
	return list
}

func (s *Schedule) offset(level int32) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.progress[level]
}

// advance notes how far a level has come; steps messages are Java's updates.
func (s *Schedule) advance(level int32, offset int64, steps int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, known := s.progress[level]; known && old == offset {
		return
	}
	s.progress[level] = offset
	s.changed = true
	every := max(1, s.opt.VersionStep())
	if s.updates += steps; s.updates >= every {
		s.updates %= every
		s.version = s.version.Next(s.opt.Clock.NowMs())
	}
}

// save brings the progress to the disk, after the messages it speaks of.
func (s *Schedule) save() {
	s.mu.Lock()
	f, changed := file{s.version, maps.Clone(s.progress)}, s.changed
	s.changed = false
	s.mu.Unlock()
	if !changed {
		return
	}
	err := s.opt.Store.Sync()
	if err == nil {
		s.mu.Lock()
		s.safe = f
		s.mu.Unlock()
		err = s.opt.Persist()
	}
	if err != nil {
		s.opt.Log.Error().Err(err).Msg("schedule: progress of the delay levels not saved; a restart would deliver again")
		s.mu.Lock()
		s.changed = true
		s.mu.Unlock()
	}
}
