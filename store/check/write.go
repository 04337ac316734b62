package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/skylarkmq/skylark/internal/javajson"
	"github.com/skylarkmq/skylark/internal/statefile"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/store/checkpoint"
)

// writer carries out a plan.
type writer struct {
	*Repair
	ctx  context.Context
	disk vfs.FS
	kept string // the dated folder
}

// Write does what the plan says, under the store's lock: that of Hold under which the
// report was made, else it takes it itself, and the caller answers for no broker having
// run since. What it replaces is in the folder whose name it returns, under the
// same paths. A second Write after a crash of the first begins from a new report.
func (p *Repair) Write(ctx context.Context, disk vfs.FS, now time.Time) (kept string, err error) {
	if p.Refused != "" {
		return "", fmt.Errorf("repair: %s", p.Refused)
	}
	if !p.report.held {
		lock, err := Hold(disk, &Options{Config: p.cfg})
		if err != nil {
			return "", err
		}
		defer func() { err = errors.Join(err, lock.Close()) }()
	}
	w := &writer{Repair: p, ctx: ctx, disk: disk, kept: filepath.Join(p.report.Root, keptPrefix+now.UTC().Format("20060102-150405"))}
	if there, err := vfs.Exists(disk, w.kept); err != nil || there {
		return "", fmt.Errorf("repair: %s is there already: %w", w.kept, err)
	}
	for _, part := range []func() error{w.repairLog, w.moveQueues, w.refill, w.writeStates, w.setBack, w.writeCheckpoint} {
		if err := part(); err != nil {
			return w.kept, fmt.Errorf("repair: %w", err)
		}
	}
	return w.kept, nil
}

// keep is where a file goes that is replaced. One of a log elsewhere goes under its
// whole path: two such logs may have files of one name.
func (w *writer) keep(path string) (string, error) {
	rel, err := filepath.Rel(w.report.Root, path)
	if err != nil || !filepath.IsLocal(rel) {
		if rel, err = filepath.Abs(path); err != nil {
			return "", err
		}
		rel = filepath.Join("commitlog", rel)
	}
	to := filepath.Join(w.kept, rel)
	return to, w.disk.MkdirAll(filepath.Dir(to))
}

func (w *writer) moveAway(path string) error {
	to, err := w.keep(path)
	if err == nil {
		err = w.disk.Rename(path, to)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if errors.Is(err, syscall.EXDEV) { // a log on another disk
		if err = errors.Join(w.copyPart(path, 0, 1<<62, filepath.Base(path)), w.disk.SyncDir(filepath.Dir(to))); err == nil {
			err = w.disk.Remove(path)
		}
	}
	return errors.Join(err, w.disk.SyncDir(filepath.Dir(path)))
}

// copyPart keeps a part of a file; zeros are left out.
func (w *writer) copyPart(path string, from, to int64, name string) error {
	f, err := w.disk.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	size, err := f.Size()
	if err != nil {
		return err
	}
	target, err := w.keep(filepath.Join(filepath.Dir(path), name))
	if err != nil {
		return err
	}
	out, err := w.disk.Create(target)
	if err != nil {
		return err
	}
	buf := make([]byte, pieceSize)
	for at := from; at < min(to, size) && err == nil; {
		var n int
		n, err = f.ReadAt(buf[:min(int64(len(buf)), min(to, size)-at)], at)
		if errors.Is(err, io.EOF) && n > 0 {
			err = nil
		}
		if err == nil && slices.ContainsFunc(buf[:n], func(b byte) bool { return b != 0 }) {
			_, err = out.WriteAt(buf[:n], at-from)
		}
		at += int64(n)
	}
	if err == nil {
		err = out.Truncate(max(0, min(to, size)-from))
	}
	return errors.Join(err, out.Sync(), out.Close())
}

func (w *writer) repairLog() error {
	for _, name := range w.report.damage.strangers {
		if err := w.moveAway(name); err != nil {
			return err
		}
	}
	size := int64(w.cfg.MappedFileSizeCommitLog)
	for _, f := range w.report.damage.logFiles {
		if f.has > size {
			if err := w.copyPart(f.path, size, f.has, filepath.Base(f.path)+".surplus"); err != nil {
				return err
			}
		}
		if err := w.resize(f.path, size); err != nil {
			return err
		}
	}
	for i, g := range w.regions {
		if err := w.quarantine(g, w.styles[i], w.lost[i]); err != nil {
			return fmt.Errorf("quarantine of [%d, %d): %w", g.from, g.to, err)
		}
	}
	return nil
}

func (w *writer) resize(path string, size int64) error {
	f, err := w.disk.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(size), f.Sync(), f.Close(), w.disk.SyncDir(filepath.Dir(path)))
}

// quarantine replaces a region, file by file. The plan has made sure of the room.
func (w *writer) quarantine(g region, s style, ids []identity) error {
	size := int64(w.cfg.MappedFileSizeCommitLog)
	for _, p := range patches(g, size, s) {
		start := p.from / size * size
		path, err := w.logFile(start)
		if err != nil {
			return err
		}
		if err := w.copyPart(path, p.from-start, p.to-start, fmt.Sprintf("%020d-%d", p.from, p.to-p.from)); err != nil {
			return err
		}
		f, err := w.disk.Open(path)
		if err != nil {
			return err
		}
		p.write = func(at int64, rec []byte) error {
			_, err := f.WriteAt(rec, at-start)
			return err
		}
		ids, err = p.cover(ids)
		if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// logFile finds the file that starts at an offset; a missing one is made.
func (w *writer) logFile(start int64) (string, error) {
	dirs := (&checker{cfg: w.cfg, root: w.report.Root}).logDirs()
	name := fmt.Sprintf("%020d", start)
	for _, dir := range dirs {
		if there, err := vfs.Exists(w.disk, filepath.Join(dir, name)); there || err != nil {
			return filepath.Join(dir, name), err
		}
	}
	path := filepath.Join(dirs[0], name)
	return path, w.resize(path, int64(w.cfg.MappedFileSizeCommitLog))
}

// writeStates puts good .bak files in the place of files that cannot be read.
func (w *writer) writeStates() error {
	for _, name := range w.report.damage.states {
		data, err := vfs.ReadFile(w.disk, name+".bak")
		if err != nil {
			return err
		}
		if err := w.moveAway(name); err != nil {
			return err
		}
		if err := statefile.Save(w.disk, name, data); err != nil {
			return err
		}
	}
	return nil
}

// setBack moves consumers that are ahead of their queue back to its end.
func (w *writer) setBack() error {
	byFile := map[string][]position{}
	for _, o := range w.report.damage.beyond {
		byFile[o.file] = append(byFile[o.file], o)
	}
	for file, list := range byFile {
		data, err := statefile.Load(w.disk, file)
		if err != nil {
			return err
		}
		if data, err = setBackIn(data, list); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		to, err := w.keep(file)
		if err != nil {
			return err
		}
		if err := w.copyPart(file, 0, 1<<62, filepath.Base(file)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s: %w", to, err)
		}
		if err := statefile.Save(w.disk, file, data); err != nil {
			return err
		}
	}
	return nil
}

func setBackIn(data []byte, list []position) ([]byte, error) {
	var members map[string]javajson.Raw
	if err := javajson.Unmarshal(data, &members); err != nil {
		return nil, err
	}
	out := make(map[string]any, len(members))
	for name, raw := range members {
		out[name] = raw
	}
	for member, raw := range members {
		var err error
		switch {
		case member == "lmqOffsetTable":
			out[member], err = setBackTable(raw, list, func(table map[string]int64, o position) {
				if o.light {
					setAt(table, o.key, o.max)
				}
			})
		case member == "offsetTable" && filepath.Base(list[0].file) == "delayOffset.json":
			out[member], err = setBackTable(raw, list, func(table map[int32]int64, o position) { setAt(table, o.queue+1, o.max) })
		case member == "offsetTable":
			out[member], err = setBackTable(raw, list, func(table map[string]map[int32]int64, o position) {
				if !o.light {
					setAt(table[o.key], o.queue, o.max)
				}
			})
		}
		if err != nil {
			return nil, err
		}
	}
	return javajson.MarshalPretty(out)
}

// setAt leaves alone what is not there any more.
func setAt[K comparable](table map[K]int64, key K, to int64) {
	if _, ok := table[key]; ok {
		table[key] = to
	}
}

func setBackTable[T any](raw javajson.Raw, list []position, set func(T, position)) (table T, err error) {
	if err = javajson.Unmarshal(raw, &table); err != nil {
		return table, err
	}
	for _, o := range list {
		set(table, o)
	}
	return table, nil
}

// writeCheckpoint comes last, after everything that it vouches for is durable.
// After an unclean stop it is only lowered: the next start still recovers.
func (w *writer) writeCheckpoint() error {
	if !w.checkpoint() {
		return nil
	}
	if _, err := vfs.SyncFS(w.disk, w.report.Root); err != nil {
		return err
	}
	path := filepath.Join(w.report.Root, "checkpoint")
	old, err := checkpoint.Read(w.disk, path)
	if err == nil {
		if err := w.copyPart(path, 0, 1<<62, "checkpoint"); err != nil {
			return err
		}
	}
	if err := w.resize(path, checkpoint.Size); err != nil {
		return err
	}
	c, err := checkpoint.Open(w.disk, path)
	if err != nil {
		return err
	}
	last := w.report.Log.LastTime
	if old == nil && w.report.Unclean {
		last = 0
	}
	for _, at := range c.Times() {
		if !w.report.Unclean || at.Load() > last || at.Load() < 0 {
			at.Store(last)
		}
	}
	c.ConfirmOffset.Store(w.report.damage.lastPhy)
	c.SetMark(checkpoint.Mark{}) // of what was there before
	return c.Close()
}

func queueDir(root, kind string, key queueKey) string {
	return filepath.Join(root, kind, key.topic, strconv.Itoa(int(key.id)))
}
