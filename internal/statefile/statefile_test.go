package statefile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/skylarkmq/skylark/internal/vfs"
)

var errStop = errors.New("the power is gone")

// stopping is a disk whose every change after the first n fails: what is there then is what a crash leaves.
type stopping struct {
	vfs.FS
	left int
}

func (s *stopping) step() error {
	if s.left == 0 {
		return errStop
	}
	s.left--
	return nil
}

func (s *stopping) Create(name string) (vfs.File, error) {
	if err := s.step(); err != nil {
		return nil, err
	}
	f, err := s.FS.Create(name)
	return &stoppingFile{f, s}, err
}

func (s *stopping) Rename(from, to string) error {
	if err := s.step(); err != nil {
		return err
	}
	return s.FS.Rename(from, to)
}

func (s *stopping) SyncDir(dir string) error {
	if err := s.step(); err != nil {
		return err
	}
	return s.FS.SyncDir(dir)
}

type stoppingFile struct {
	vfs.File
	disk *stopping
}

func (f *stoppingFile) WriteAt(p []byte, off int64) (int, error) {
	if f.disk.step() != nil {
		n, _ := f.File.WriteAt(p[:len(p)/2], off) // torn
		return n, errStop
	}
	return f.File.WriteAt(p, off)
}

func (f *stoppingFile) Sync() error {
	if err := f.disk.step(); err != nil {
		return err
	}
	return f.File.Sync()
}

func TestSaveAndLoad(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "config", "topics.json")
	if _, err := Load(vfs.Disk, path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing there: %v", err)
	}
	for _, content := range []string{"one", "two, longer", "3"} {
		if err := Save(vfs.Disk, path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := Load(vfs.Disk, path); err != nil || string(got) != content {
			t.Errorf("got %q, %v, want %q", got, err, content)
		}
	}
	if old, err := os.ReadFile(path + ".bak"); err != nil || string(old) != "two, longer" {
		t.Errorf("the backup holds %q, %v", old, err)
	}
}

// Whatever call is the last one that works, the old content or the new one is there, never a part and never nothing.
func TestSaveStoppedAnywhere(t *testing.T) {
	t.Parallel()
	const before, after = "the content before", "and the content after"
	for steps := range 100 {
		path := filepath.Join(t.TempDir(), "offsets.json")
		if err := Save(vfs.Disk, path, []byte("long ago")); err != nil {
			t.Fatal(err)
		}
		if err := Save(vfs.Disk, path, []byte(before)); err != nil {
			t.Fatal(err)
		}
		err := Save(&stopping{vfs.Disk, steps}, path, []byte(after))
		got, lerr := Load(vfs.Disk, path)
		if lerr != nil || string(got) != before && string(got) != after || err == nil && string(got) != after {
			t.Errorf("stopped after %d steps (%v): loaded %q, %v", steps, err, got, lerr)
		}
		if err == nil {
			if steps < 5 {
				t.Errorf("Save made only %d steps", steps)
			}
			return
		}
		if err := Save(vfs.Disk, path, []byte("next")); err != nil {
			t.Errorf("saving again after the crash: %v", err)
		}
	}
	t.Error("Save never finished")
}

func TestReadFallsBack(t *testing.T) {
	t.Parallel()
	parse := func(data []byte) error {
		if !strings.HasPrefix(string(data), "good") {
			return errors.New("not parseable")
		}
		return nil
	}
	const absent = "(absent)"
	for name, row := range map[string]struct {
		file, backup string
		found, fails bool
	}{
		"good file":                    {"good", "good", true, false},
		"torn file, as Java leaves it": {"goo", "good", true, false},
		"empty file":                   {"", "good", true, false},
		"missing file":                 {absent, "good", true, false},
		"nothing at all":               {absent, absent, false, false},
		"both empty":                   {"", "", false, false},
		"torn file, no backup":         {"goo", absent, false, true},
		"both torn":                    {"goo", "go", false, true},
		"backup torn, file good":       {"good", "go", true, false},
	} {
		path := filepath.Join(t.TempDir(), "f.json")
		for suffix, content := range map[string]string{"": row.file, ".bak": row.backup} {
			if content == absent {
				continue
			}
			if err := os.WriteFile(path+suffix, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		found, err := Read(vfs.Disk, path, parse)
		if found != row.found || (err != nil) != row.fails {
			t.Errorf("%s: found %v, %v", name, found, err)
		}
	}
}

// A file that the disk does not give now is newer than its .bak, and stays where it is.
func TestUnreadIsNotDamaged(t *testing.T) {
	t.Parallel()
	disk := vfs.NewFaulty(vfs.NewMemory(nil))
	for _, text := range []string{"old", "new"} {
		if err := Save(disk, "/f.json", []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	for _, rule := range []string{"open f.json err=EMFILE", "pread f.json err=EIO"} {
		if err := disk.Inject(rule); err != nil {
			t.Fatal(err)
		}
		taken := ""
		found, damaged, err := ReadOr(disk, "/f.json", func(data []byte) error { taken = string(data); return nil })
		if err == nil || !strings.Contains(err.Error(), "move it away") || found || damaged != nil {
			t.Errorf("%s: %q, %v, %v", rule, taken, damaged, err)
		}
		disk.Heal()
	}
}

// A file that may be read and not written is read: root may have made it.
func TestReadWithoutTheRightToWrite(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 {
		t.Skip("root may write everything")
	}
	path := filepath.Join(t.TempDir(), "f.json")
	if err := os.WriteFile(path, []byte("good"), 0o400); err != nil {
		t.Fatal(err)
	}
	if got, err := Load(vfs.Disk, path); err != nil || string(got) != "good" {
		t.Errorf("%q, %v", got, err)
	}
}

// An empty file, as a crash of the Java broker leaves it, must not push the good backup away.
func TestEmptyFileIsNoBackup(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "f.json")
	for name, content := range map[string]string{path: "", path + ".bak": "good"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := Save(&stopping{vfs.Disk, 3}, path, []byte("new")); !errors.Is(err, errStop) {
		t.Fatalf("want a stop before the last rename, got %v", err)
	}
	if got, err := Load(vfs.Disk, path); err != nil || string(got) != "good" {
		t.Errorf("%q, %v", got, err)
	}
}

// A power cut at any moment of a save left a state file empty or torn, and the
// original could not start: github.com/apache/rocketmq issue 9705 (PR 9706).
func TestUpstream9705PowerCutWhileSaving(t *testing.T) {
	t.Parallel()
	const path, before, after = "/store/config/topics.json", "the content before", "and the content after, which is longer"
	fresh := func() *vfs.Memory {
		disk := vfs.NewMemory(nil)
		for _, content := range []string{"long ago", before} {
			if err := Save(disk, path, []byte(content)); err != nil {
				t.Fatal(err)
			}
		}
		for _, dir := range []string{"/store/config", "/store", "/"} {
			if err := disk.SyncDir(dir); err != nil {
				t.Fatal(err)
			}
		}
		return disk
	}
	for steps := range 100 {
		disk := fresh()
		err := Save(&stopping{disk, steps}, path, []byte(after))
		for seed := range uint64(50) {
			got, lerr := Load(disk.CrashClone(seed), path)
			if lerr != nil || string(got) != before && string(got) != after || err == nil && string(got) != after {
				t.Fatalf("cut after %d steps (%v), seed %d: loaded %q, %v", steps, err, seed, got, lerr)
			}
		}
		if err == nil {
			return
		}
	}
	t.Error("Save never finished")
}
