package broker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/statefile"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/store"
)

// stateFile is one of config/*.json. persist may be called from anywhere: callers
// that come while a save runs share the next one.
type stateFile struct {
	path   string
	disk   vfs.FS
	log    zerolog.Logger
	encode func() ([]byte, error)
	decode func([]byte) error

	asked   atomic.Int64
	mu      sync.Mutex
	saved   int64 // the value of asked that the file on the disk covers
	damaged bool  // the file on the disk was not taken at load

	unsaved atomic.Bool // the last save failed
}

// inConfig is the path of a file in the store's config directory.
func (b *Broker) inConfig(name string) string {
	return filepath.Join(b.storeCfg.Get().StorePathRootDir, "config", name)
}

// stateFile is the file of that name there.
func (b *Broker) stateFile(name string, encode func() ([]byte, error), decode func([]byte) error) *stateFile {
	return &stateFile{path: b.inConfig(name), disk: b.disk, log: b.log, encode: encode, decode: decode}
}

// load reads the file if there is one, and says when it is damaged and its .bak used.
// Nothing is changed: the store's lock may not be held yet.
func (f *stateFile) load() error {
	_, damaged, err := statefile.ReadOr(f.disk, f.path, func(data []byte) error {
		if err := store.WholeState(filepath.Base(f.path), data); err != nil {
			return err
		}
		return f.decode(data)
	})
	if err != nil || damaged == nil {
		return err
	}
	f.log.Error().Err(damaged).Str("file", f.path).Msg("state file is damaged; its .bak, the state before the last change, is used")
	f.mu.Lock()
	f.damaged = true
	f.mu.Unlock()
	return nil
}

// setAside keeps a damaged file before the first save. mu is held.
func (f *stateFile) setAside() error {
	if !f.damaged {
		return nil
	}
	err := statefile.SetAside(f.disk, f.path)
	f.damaged = err != nil
	return err
}

// exists says whether there is anything to load.
func (f *stateFile) exists() (bool, error) {
	_, err := statefile.Load(f.disk, f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// persist brings the present state to the disk and returns when it is there.
func (f *stateFile) persist() error {
	err := f.save()
	if err != nil {
		f.log.Error().Err(err).Str("file", f.path).Msg("state not saved")
	}
	return err
}

// resave persists again when the last save failed, and says that once it went well:
// what is in memory holds, and a crash must not undo it.
func (f *stateFile) resave() error {
	if !f.unsaved.Load() {
		return nil
	}
	err := f.save()
	if err == nil {
		f.log.Info().Str("file", f.path).Msg("state saved now")
	}
	return err
}

func (f *stateFile) save() error {
	want := f.asked.Add(1)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.saved >= want {
		return nil
	}
	covers := f.asked.Load()
	data, err := f.encode()
	if err == nil {
		err = f.setAside()
	}
	if err == nil {
		err = statefile.Save(f.disk, f.path, data)
	}
	f.unsaved.Store(err != nil)
	if err == nil {
		f.saved = covers
	}
	return err
}

// saver keeps the state files: those that change seldom as soon as they are
// marked, and every second once that failed; the offsets by the clock. Run is its only
// goroutine.
type saver struct {
	clock   clock.Clock
	topics  *stateFile
	groups  *stateFile
	offsets *stateFile
	filters *filterSaver
	modes   *stateFile

	// offsetsBefore is read when offsets is not there yet: enableLmq is new, and with
	// it the name of the file. Java begins without any offset then.
	offsetsBefore *stateFile

	offsetChanges   func() int64
	offsetsEvery    time.Duration
	offsetsSavedFor int64

	groupsDirty chan struct{}
}

// resaveEvery is how often what could not be saved is tried again.
const resaveEvery = time.Second

// firstOffsets is when offsets are saved for the first time, as in Java.
const firstOffsets = 10 * time.Second

func (b *Broker) newSaver() *saver {
	offsets := b.stateFile(offsetsFile, b.Offsets.Encode, b.Offsets.Decode)
	var before *stateFile
	if b.storeCfg.Get().EnableLmq {
		offsets, before = b.stateFile(lightOffsetsFile, b.Offsets.Encode, b.Offsets.Decode), offsets
	}
	return &saver{
		offsetsBefore:   before,
		clock:           b.clock,
		topics:          b.stateFile("topics.json", b.Topics.Encode, b.Topics.Decode),
		groups:          b.stateFile("subscriptionGroup.json", b.Groups.Encode, b.Groups.Decode),
		offsets:         offsets,
		filters:         &filterSaver{file: b.stateFile("consumerFilter.json", b.Filters.Encode, b.Filters.Decode), table: b.Filters},
		modes:           b.stateFile("messageRequestMode.json", b.Modes.Encode, b.Modes.Decode),
		offsetChanges:   b.Offsets.Changes,
		offsetsSavedFor: -1,
		offsetsEvery:    time.Duration(max(100, b.cfg.Get().FlushConsumerOffsetInterval)) * time.Millisecond,
		groupsDirty:     make(chan struct{}, 1),
	}
}

const (
	offsetsFile      = "consumerOffset.json"
	lightOffsetsFile = "lmqConsumerOffset.json"
)

// load reads all files but topics.json, which the store needs earlier; Java's order.
func (s *saver) load() error {
	offsets := s.offsets
	if s.offsetsBefore != nil {
		there, err := offsets.exists()
		if err != nil {
			return err
		}
		if !there {
			offsets = s.offsetsBefore
		}
	}
	for _, f := range []*stateFile{offsets, s.groups, s.filters.file, s.modes} {
		if err := f.load(); err != nil {
			return err
		}
	}
	return nil
}

// skippedOffsets says which offsets of a file are left out.
func (b *Broker) skippedOffsets(keys []string) {
	b.log.Warn().Int("keys", len(keys)).Str("first", fmt.Sprintf("%.100q", keys[0])).
		Msg("consumer offsets under keys that are not topic@group are left out, and gone with the next save")
}

// markGroups asks for a save without waiting for it.
func (s *saver) markGroups() {
	select {
	case s.groupsDirty <- struct{}{}:
	default:
	}
}

// run saves until ctx ends.
func (s *saver) run(ctx context.Context) {
	timer := s.clock.NewTimer(firstOffsets)
	defer timer.Stop()
	filters := s.clock.NewTicker(filtersEvery)
	defer filters.Stop()
	again := s.clock.NewTicker(resaveEvery)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.groupsDirty:
			_ = s.groups.persist() // logged there, and tried again
		case <-again.C():
			for _, f := range []*stateFile{s.topics, s.groups, s.modes} {
				_ = f.resave() // the first failure was logged
			}
		case <-timer.C():
			s.saveOffsets()
			timer.Reset(s.offsetsEvery)
		case <-filters.C():
			s.filters.save()
		}
	}
}

// saveOffsets writes consumerOffset.json when anything was committed since the
// last time.
func (s *saver) saveOffsets() {
	changes := s.offsetChanges()
	if changes == s.offsetsSavedFor {
		return
	}
	if s.offsets.persist() == nil {
		s.offsetsSavedFor = changes
	}
}

// close saves everything once more, after run has ended.
func (s *saver) close() error {
	var first error
	for _, f := range []*stateFile{s.topics, s.groups, s.offsets, s.filters.file} {
		if err := f.persist(); err != nil && first == nil {
			first = err
		}
	}
	return first
}
