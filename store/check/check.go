package check

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/store"
	"github.com/skylarkmq/skylark/store/checkpoint"
)

// Options say what to look at.
type Options struct {
	FS     vfs.FS // nil: vfs.ReadOnly
	Config *store.Config
	// Guessed says that the sizes in Config are what Guess made of the files.
	Guessed bool
	// Settings are obstacles that settings beside the store's make; Takeover lists them.
	Settings []store.Obstacle

	held bool // the store's lock, by the caller
}

// Hold takes the store's lock, for a check, a plan and its Write that no broker comes
// between: vfs.ErrLocked when one runs. It is the caller's to close.
func Hold(disk vfs.FS, opt *Options) (vfs.Lock, error) {
	lock, err := disk.Lock(filepath.Join(opt.Config.StorePathRootDir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("repair: %w", err)
	}
	opt.held = true
	return lock, nil
}

// checker is one run.
type checker struct {
	ctx    context.Context
	fs     vfs.FS
	view   *view
	cfg    *store.Config
	root   string
	report *Report
	derive store.Deriver

	guessed bool // the sizes, from the files

	checkpoint *checkpoint.Checkpoint // nil: none that can be read
	offsets    []positions

	log     logWalk
	queues  map[queueKey]*queue
	batches map[queueKey]*batchQueue
	index   indexWalk
	last    lastRecord
}

// lastRecord is the newest record that the walk has seen.
type lastRecord struct{ phy, end, storeTime int64 }

// Run checks a store. The error is about the check; what is wrong with the store
// is in the report.
func Run(ctx context.Context, opt Options) (*Report, error) {
	c, err := newChecker(ctx, opt)
	if err != nil {
		return nil, err
	}
	defer c.close()
	for _, part := range []func() error{
		c.first, c.readCheckpoint, c.readStates, c.listLog, c.listQueues, c.lastUnits, c.listIndex, c.walkLog,
		c.finishQueues, c.finishBatches, c.finishIndex, c.checkCheckpoint, c.checkOffsets, c.checkTimers,
	} {
		if err := part(); err != nil {
			return nil, fmt.Errorf("check %s: %w", c.root, err)
		}
	}
	return c.report, nil
}

func (c *checker) close() {
	if c.log.log != nil {
		_ = c.log.log.Close() // nothing was written
	}
	if c.index.file != nil {
		_ = c.index.file.Close()
	}
}

func newChecker(ctx context.Context, opt Options) (*checker, error) {
	disk := opt.FS
	if disk == nil {
		disk = vfs.ReadOnly
	}
	cfg := opt.Config
	if err := usable(cfg); err != nil {
		return nil, err
	}
	r := &Report{
		Root: cfg.StorePathRootDir, Counts: map[Kind]int64{}, Problems: []Problem{},
		Settings: map[string]int64{
			"mappedFileSizeCommitLog": int64(cfg.MappedFileSizeCommitLog), "mappedFileSizeConsumeQueue": int64(cfg.MappedFileSizeConsumeQueue),
			"maxHashSlotNum": int64(cfg.MaxHashSlotNum), "maxIndexNum": int64(cfg.MaxIndexNum),
		},
		held:   opt.held,
		damage: damage{queues: map[queueKey]bool{}, batches: map[queueKey]bool{}, dead: map[queueKey]bool{}, shifted: map[queueKey]bool{}},
	}
	derive, err := store.NewDeriver(cfg.MessageDelayLevel)
	if err != nil {
		return nil, err
	}
	return &checker{
		ctx: ctx, fs: disk, cfg: cfg, root: cfg.StorePathRootDir, report: r, derive: derive,
		view:   &view{FS: disk, sizes: map[string]int64{}, dirs: map[string][]vfs.Entry{}},
		queues: map[queueKey]*queue{}, batches: map[queueKey]*batchQueue{},
		last: lastRecord{phy: -1}, guessed: opt.Guessed,
	}, nil
}

// usable refuses sizes with which no broker makes files. Those of the queues are
// rounded up.
func usable(cfg *store.Config) error {
	for _, s := range []struct {
		name       string
		has, least int
	}{
		{"mappedFileSizeCommitLog", cfg.MappedFileSizeCommitLog, 1},
		{"mappedFileSizeConsumeQueueExt", cfg.MappedFileSizeConsumeQueueExt, 1},
		{"maxHashSlotNum", cfg.MaxHashSlotNum, 1},
		{"maxIndexNum", cfg.MaxIndexNum, 2},
	} {
		if s.has < s.least {
			return fmt.Errorf("%s is %d: want at least %d", s.name, s.has, s.least)
		}
	}
	return nil
}

// known are the names in a store directory that are checked, or need no check.
var known = strings.Fields(`commitlog consumequeue consumequeue_ext batchconsumequeue index index.next consumequeue.table checkpoint abort abort.bak
	lock config timerlog timerwheel brokerIdentity brokerIdentity-temp epochFileCheckpoint epochFileCheckpoint.bak`)

// first looks at the directory itself.
func (c *checker) first() error {
	entries, err := c.fs.ReadDir(c.root)
	if err != nil {
		return err
	}
	r := c.report
	if !r.held {
		if r.InUse, err = vfs.Locked(filepath.Join(c.root, "lock")); err != nil {
			return err
		}
	}
	if r.InUse {
		r.add(Note, InUse, filepath.Join(c.root, "lock"), -1, "a broker is running here: what it has not written yet is not missed")
	}
	for _, e := range entries {
		name := filepath.Join(c.root, e.Name)
		switch {
		case e.Name == "abort":
			r.Unclean = true
			if !r.InUse {
				r.add(Note, UncleanStop, name, -1, "the last stop was a crash: the next start recovers")
			}
		case slices.Contains(known, e.Name), strings.HasPrefix(e.Name, "timerwheel."), strings.HasPrefix(e.Name, keptPrefix):
		default:
			r.add(Note, NotUnderstood, name, -1, "not checked")
		}
	}
	return nil
}

// severity is how bad something about a record is: a start after a crash redoes
// what is younger than the checkpoint, and a running broker has not finished.
func (c *checker) severity(bad Severity, storeTime int64) Severity {
	if c.report.InUse {
		return Note
	}
	if c.report.Unclean && (c.checkpoint == nil || storeTime >= c.checkpoint.MinTime()) {
		return Note
	}
	return bad
}

// beyond is the same for what speaks of a place at or behind the end of the log.
func (c *checker) beyond(bad Severity) Severity {
	if c.report.InUse || c.report.Unclean {
		return Note
	}
	return bad
}

// gone says whether an error is only that the file is not there, which a running
// broker may have brought about.
func (c *checker) gone(err error) bool { return c.report.InUse && notThere(err) }

// logDirs are the directories of the log, each once.
func (c *checker) logDirs() []string {
	dirs, _ := c.namedLogDirs()
	return dirs
}

// namedLogDirs are those that the settings name, and what they name once more by
// another name.
func (c *checker) namedLogDirs() (dirs, again []string) {
	written := store.Paths(c.cfg.StorePathCommitLog)
	named := append(written, store.Paths(c.cfg.ReadOnlyCommitLogStorePaths)...)
	if len(written) == 0 {
		named = append(named, filepath.Join(c.root, "commitlog"))
	}
	first := map[string]string{} // by place: the name that came first
	for _, dir := range named {
		text := filepath.Clean(dir)
		place, err := filepath.EvalSymlinks(dir)
		if err != nil {
			place = text
		}
		switch name, seen := first[place]; {
		case !seen:
			first[place] = text
			dirs = append(dirs, dir)
		case name != text: // by the same name a broker takes it once, and does not write it when it is called read-only
			again = append(again, dir)
		}
	}
	return dirs, again
}

func (c *checker) readCheckpoint() error {
	name := filepath.Join(c.root, "checkpoint")
	cp, err := checkpoint.Read(c.fs, name)
	switch {
	case err == nil:
		c.checkpoint = cp
	case notThere(err):
		c.report.add(Warning, CheckpointOff, name, -1, "there is none: the next start after a crash reads the whole log")
		c.report.damage.checkpoint = true
	default:
		c.report.add(Error, CheckpointOff, name, -1, "%v", err)
		c.report.damage.checkpoint = true
	}
	return nil
}

// checkCheckpoint: what it vouches for must be there, else a recovery begins too late.
func (c *checker) checkCheckpoint() error {
	cp, name, last := c.checkpoint, filepath.Join(c.root, "checkpoint"), c.last
	if cp == nil || c.report.InUse {
		return nil
	}
	bad := func(format string, args ...any) {
		c.report.add(Warning, CheckpointOff, name, -1, format, args...)
		c.report.damage.checkpoint = true
	}
	if info, err := c.fs.Stat(name); err == nil && info.Size != checkpoint.Size {
		bad("%d bytes, expected %d", info.Size, checkpoint.Size)
	}
	for _, f := range []struct {
		name string
		at   int64
	}{
		{"physicMsgTimestamp", cp.PhysicTime.Load()}, {"logicsMsgTimestamp", cp.LogicsTime.Load()}, {"indexMsgTimestamp", cp.IndexTime.Load()},
	} {
		if f.at < 0 || f.at > last.storeTime && (last.phy >= 0 || f.at > 0) {
			bad("%s is %d, and the newest record is of %d", f.name, f.at, last.storeTime)
		}
	}
	if confirm := cp.ConfirmOffset.Load(); confirm > c.report.Log.End {
		bad("confirmPhyOffset is %d, and the log ends at %d", confirm, c.report.Log.End)
	}
	return nil
}

func notThere(err error) bool { return errors.Is(err, errNotExist) }

// unread reports what the disk does not give of a file that nothing can replace.
func (c *checker) unread(path string, at int64, err error) {
	c.report.add(Error, Unreadable, path, at, "%v", err)
	if c.report.damage.unread == "" {
		c.report.damage.unread = path
	}
}
