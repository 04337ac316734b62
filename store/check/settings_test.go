package check

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/skylarkmq/skylark/internal/goldenstore"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/store"
	"github.com/skylarkmq/skylark/store/index"
)

// countingFS counts what is read.
type countingFS struct {
	vfs.FS
	n, most *int
}

func (c countingFS) Open(name string) (vfs.File, error) {
	f, err := c.FS.Open(name)
	return countingFile{f, c}, err
}

type countingFile struct {
	vfs.File
	c countingFS
}

func (f countingFile) ReadAt(p []byte, off int64) (int, error) {
	*f.c.n += len(p)
	*f.c.most = max(*f.c.most, len(p))
	return f.File.ReadAt(p, off)
}

// A guess does not read what it need not, nor much at once.
func TestGuessReadsLittle(t *testing.T) {
	t.Parallel()
	cfg := store.Defaults()
	usual := index.Shape{Slots: int32(cfg.MaxHashSlotNum), Entries: int32(cfg.MaxIndexNum)}.Size()
	for size, bound := range map[int64]int{usual: 0, 1 << 40: 0, 30 << 20: 40 << 20} {
		root := t.TempDir()
		h := hurt{t, root}
		if err := os.Mkdir(h.path("index"), 0o755); err != nil {
			t.Fatal(err)
		}
		const name = "index/20261129120000000"
		h.write(name, 0, nil)
		h.truncate(name, size)
		var n, most int
		got := cfg
		Guess(countingFS{vfs.ReadOnly, &n, &most}, root, &got)
		if n > bound || most > pieceSize || got.MaxIndexNum != cfg.MaxIndexNum {
			t.Errorf("%d bytes: %d were read, %d at once; guessed %d", size, n, most, got.MaxIndexNum)
		}
	}
}

// The size of a single file may be that of one that was cut off.
func TestGuessOfOneFile(t *testing.T) {
	t.Parallel()
	root := ownStore(t, 10).StorePathRootDir
	says := func(opt Options) (said bool) {
		r, err := Run(t.Context(), opt)
		if err != nil || !r.Clean() {
			t.Fatal(err, r)
		}
		starts, err := Takeover(t.Context(), opt)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range starts {
			for _, o := range s.Obstacles {
				said = said || strings.Contains(o.What, "guessed from this one file") && strings.Contains(o.WayOut, "-c")
			}
		}
		return said
	}
	if cfg := settings(root); !says(Options{Config: cfg, Guessed: true}) || says(Options{Config: cfg}) {
		t.Error("that the size is a guess is to be said, and only then")
	}
	many := goldenstore.Unpack(t, "java-5.4.0-clean")
	shrink(t, many)
	if files, err := os.ReadDir(filepath.Join(many, "commitlog")); err != nil || len(files) < 2 || says(Options{Config: settings(many), Guessed: true}) {
		t.Errorf("%d files say their size: %v", len(files), err)
	}
}

// With sizes that no file has there is nothing to compare.
func TestUnusableSizes(t *testing.T) {
	t.Parallel()
	_, cfg := filled(t, 1, 10, aKey)
	for _, field := range []func(c *store.Config) *int{
		func(c *store.Config) *int { return &c.MappedFileSizeCommitLog },
		func(c *store.Config) *int { return &c.MappedFileSizeConsumeQueueExt },
		func(c *store.Config) *int { return &c.MaxHashSlotNum },
		func(c *store.Config) *int { return &c.MaxIndexNum },
	} {
		for _, size := range []int{0, -1} {
			bad := *cfg
			*field(&bad) = size
			if r, err := Run(t.Context(), Options{Config: &bad}); err == nil {
				t.Errorf("a report of %d problems with %+v", len(r.Problems), r.Settings)
			}
		}
	}
}
