package store

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/goldenstore"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store/commitlog"
	"github.com/skylarkmq/skylark/store/index"
)

// The index made anew from the log is the one that Java wrote, byte for byte.
func TestGoldenIndex(t *testing.T) {
	t.Parallel()
	root := goldenstore.Unpack(t, "java-5.4.0-clean")
	s := openGolden(t, root)
	dir := filepath.Join(t.TempDir(), "index")
	x, err := index.Open(index.Options{FS: vfs.Disk, Clock: clock.Real, Dir: dir, Slots: 1000, Entries: 4000, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.commitLog.Scan(0, commitlog.Check{}, func(phy int64, _ []byte, v *message.View) error {
		var f facts
		f.Read(v.Properties)
		hashes, _ := f.appendKeys(nil, indexPrefix(string(v.Topic)), v.SysFlag, true)
		for _, h := range hashes {
			if err := x.Put([]int32{h}, phy, v.StoreTimestamp); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	want, got := readFiles(t, filepath.Join(root, "index")), readFiles(t, dir)
	if len(want) != len(got) || len(want) < 2 {
		t.Fatalf("%d files, Java has %d", len(got), len(want))
	}
	for i := range want {
		if !bytes.Equal(want[i], got[i]) {
			t.Errorf("file %d differs, head %x, want %x", i, got[i][:40], want[i][:40])
		}
	}
}

func readFiles(t *testing.T, dir string) [][]byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list [][]byte
	for _, e := range entries {
		raw, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, raw)
	}
	return list
}
