package statefile

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/skylarkmq/skylark/internal/vfs"
)

// Whatever call is the last one that works, the file is there under its name, old or new.
func TestReplaceStoppedAnywhere(t *testing.T) {
	t.Parallel()
	const before, after = "before=1", "and=after"
	for steps := range 100 {
		path := filepath.Join(t.TempDir(), "broker.conf")
		if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		err := Replace(&stopping{vfs.Disk, steps}, path, []byte(after))
		got, rerr := os.ReadFile(path)
		if rerr != nil || string(got) != before && string(got) != after || err == nil && string(got) != after {
			t.Errorf("stopped after %d steps (%v): %q, %v", steps, err, got, rerr)
		}
		if err == nil {
			if old, err := os.ReadFile(path + ".bak"); err != nil || string(old) != before {
				t.Errorf("the backup holds %q, %v", old, err)
			}
			return
		}
	}
	t.Error("Replace never finished")
}

// A file with passwords stays its owner's alone, and a link stays one.
func TestReplaceKeepsModeAndLink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	target, link := filepath.Join(dir, "real", "broker.conf"), filepath.Join(dir, "broker.conf")
	if err := os.Mkdir(filepath.Dir(target), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(target, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	if err := Replace(vfs.Disk, link, []byte("new")); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(target); err != nil || string(got) != "new" {
		t.Errorf("the file behind the link has %q, %v", got, err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link: %v, %v", info, err)
	}
	for _, name := range []string{target, target + ".bak"} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if err := Replace(vfs.Disk, filepath.Join(dir, "new", "a.conf"), []byte("x")); err != nil {
		t.Error(err)
	}
}
