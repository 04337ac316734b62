package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/store"
)

func TestMoveRoot(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		root, dir, log, want string // want is empty where it is refused
	}{
		{"/live", "/copy", "/live/commitlog", "/copy/commitlog"},
		{"/live", "/copy", "/live/a,/live/b/c", "/copy/a,/copy/b/c"},
		{"/live", "/copy", "/live/my log, /live/b", "/copy/my log,/copy/b"},
		{"/live", "/copy", "/live/a,/disk2/b", ""},
		{"/live", "/copy", "/livelog", ""},
		{"/live", "/copy", "/live/../disk2", ""},
		{"/live", "/copy", "/copy/commitlog", "/copy/commitlog"},
		{"/live", "/live/", "/disk2/b", "/disk2/b"},
		{"/live", "/live/backup", "/live/commitlog", "/live/backup/commitlog"},
		{"/live", "/live/backup", "/live/backup/commitlog", "/live/backup/commitlog"},
		{"/copy/store", "/copy", "/copy/store/commitlog", "/copy/commitlog"},
	} {
		cfg := store.Config{StorePathRootDir: row.root, StorePathCommitLog: row.log}
		err := moveRoot(&cfg, row.dir)
		if (err == nil) != (row.want != "") || err == nil && (cfg.StorePathCommitLog != row.want || cfg.StorePathRootDir != row.dir) {
			t.Errorf("%+v: %q in %s, %v", row, cfg.StorePathCommitLog, cfg.StorePathRootDir, err)
		}
	}
}

// A repair of a copy, with the settings of the live store, leaves the live one alone.
func TestStoreRepairOfACopy(t *testing.T) {
	t.Parallel()
	live, dir := smallStore(t), smallStore(t)
	elsewhere := filepath.Join(t.TempDir(), "commitlog")
	for _, log := range []string{filepath.Join(live, "commitlog"), elsewhere, filepath.Join(dir, "commitlog")} {
		if err := os.MkdirAll(log, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(log, "core"), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	conf := func(log string) string {
		name := filepath.Join(t.TempDir(), "broker.conf")
		text := "storePathRootDir=" + live + "\nstorePathCommitLog=" + log +
			"\nmappedFileSizeCommitLog=65536\nmappedFileSizeConsumeQueue=2000\nmaxHashSlotNum=64\nmaxIndexNum=512\n"
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	if code, out, errs := storeCommand("repair", "-c", conf(elsewhere), "--write", dir); code != storeFailed || !strings.Contains(errs, "storePathCommitLog") {
		t.Errorf("a log elsewhere: %d %s%s", code, out, errs)
	}
	if code, out, errs := storeCommand("repair", "-c", conf(filepath.Join(live, "commitlog")), "--write", dir); code != storeClean {
		t.Errorf("a log in the root: %d %s%s", code, out, errs)
	}
	for log, stays := range map[string]bool{filepath.Join(live, "commitlog"): true, elsewhere: true, filepath.Join(dir, "commitlog"): false} {
		if there, err := vfs.Exists(vfs.Disk, filepath.Join(log, "core")); err != nil || there != stays {
			t.Errorf("%s: the stranger is there: %t, want %t (%v)", log, there, stays, err)
		}
	}
}

// A repair that writes holds the lock before it looks: what it plans stays true.
func TestStoreRepairLocksFirst(t *testing.T) {
	t.Parallel()
	dir := smallStore(t)
	lock, err := vfs.Disk.Lock(filepath.Join(dir, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	if code, out, errs := storeCommand("repair", "--write", dir); code != storeFailed || out != "" {
		t.Errorf("beside a broker: %d %s%s", code, out, errs)
	}
	if code, _, errs := storeCommand("repair", dir); code != storeClean {
		t.Errorf("only a look: %d %s", code, errs)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := storeCommand("repair", "--write", dir); code != storeClean || strings.Contains(out, "running") {
		t.Errorf("with nobody there: %d %s%s", code, out, errs)
	}
}
