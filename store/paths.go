package store

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/skylarkmq/skylark/store/clean"
)

// logPaths are the directories of the log as storePathCommitLog names them.
func (s *Store) logPaths() []string { return logPaths(s.cfg.Get(), s.root) }

func logPaths(c *Config, root string) []string {
	if p := Paths(c.StorePathCommitLog); len(p) > 0 {
		return p
	}
	return []string{filepath.Join(root, "commitlog")}
}

// writable are those of them in which files are made: naming one in readOnlyCommitLogStorePaths as well is how an operator of a
// Java broker takes it out of use (MultiPathMappedFileQueue#tryCreateMappedFile).
func writable(c *Config, root string) []string {
	read := Paths(c.ReadOnlyCommitLogStorePaths)
	return slices.DeleteFunc(logPaths(c, root), func(p string) bool { return names(read, p) })
}

// Paths are the directories that a setting lists, each once. A blank may be part of a name; only a comma separates.
func Paths(list string) []string {
	var p []string
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		if !names(p, part) {
			p = append(p, part)
		}
	}
	return p
}

func names(dirs []string, dir string) bool {
	return slices.ContainsFunc(dirs, func(d string) bool { return filepath.Clean(d) == filepath.Clean(dir) })
}

// rankPath says how little a directory suits the next file of the log: one on a disk that is to be cleaned only when all are, as in
// Java, and one without room for the file only when none has any. It is asked when the file is made, which is once a GiB.
func (s *Store) rankPath(dir string) int {
	use := s.used(dir)
	switch {
	case use.Part >= 0 && use.Free < int64(s.cfg.Get().MappedFileSizeCommitLog):
		return 2
	case use.Part < 0 || policyOf(s.cfg.Get()).Disk(use).Now:
		return 1
	}
	return 0
}

// used is the state of the disk of a directory.
func (s *Store) used(dir string) clean.Use {
	usage, err := s.fs.Usage(s.existing(dir))
	if err != nil {
		return clean.Use{Part: -1}
	}
	return clean.Use{Part: usage.Ratio(), Free: int64(min(usage.Free, 1<<62))}
}

// DiskUse is which parts of the disks of log, consume queues and index are in use, 0 to 1, and -1 where that cannot be told. Of several
// paths of the log the emptiest counts (SendMessageProcessor#diskUtil). Every send that is refused asks: the disks are asked once a second.
func (s *Store) DiskUse() (log, queues, index float64) {
	u, now := &s.diskUse, s.clk.MonoMs()
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.at != 0 && now-u.at < diskUseMs {
		return u.log, u.queues, u.index
	}
	u.at, u.log = now, math.Inf(1)
	for _, dir := range s.logPaths() {
		u.log = min(u.log, s.used(dir).Part)
	}
	u.queues, u.index = s.used(filepath.Join(s.root, "consumequeue")).Part, s.used(filepath.Join(s.root, "index")).Part
	return u.log, u.queues, u.index
}

const diskUseMs = 1000

// diskUse is what DiskUse answered last, and when by MonoMs; 0: not yet.
type diskUse struct {
	mu                 sync.Mutex
	at                 int64
	log, queues, index float64
}

// existing is a path, or what there is of it: the disk it will be on.
func (s *Store) existing(path string) string {
	for dir := path; ; dir = filepath.Dir(dir) {
		if _, err := s.fs.Stat(dir); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			return s.root
		}
	}
}
