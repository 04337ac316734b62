package check

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/store"
)

// Stores that the Java broker left, and what a check must say of them.
var golden = []struct {
	name    string
	records int64
	unclean bool
}{
	{"java-4.9.4-clean", 1762, false},
	{"java-5.4.0-clean", 2115, false},
	{"java-5.4.0-crashed", 5372, true},
	{"java-5.4.0-features", 0, false},
}

func unpack(t testing.TB, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "testdata", "golden", name+".tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return root
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		path := filepath.Join(root, filepath.FromSlash(h.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := copySparse(f, r, h.Size); err != nil {
			t.Fatal(err)
		}
	}
}

// copySparse leaves zeros out: the timer wheel has 38 MB of them.
func copySparse(f *os.File, r io.Reader, size int64) error {
	buf, zeros := make([]byte, 4096), make([]byte, 4096)
	for at := int64(0); at < size; at += int64(len(buf)) {
		n, err := io.ReadFull(r, buf[:min(int64(len(buf)), size-at)])
		if err != nil {
			return err
		}
		if !bytes.Equal(buf[:n], zeros[:n]) {
			if _, err := f.WriteAt(buf[:n], at); err != nil {
				return err
			}
		}
	}
	return errors.Join(f.Truncate(size), f.Close())
}

func settings(root string) *store.Config {
	c := store.Defaults()
	Guess(vfs.ReadOnly, root, &c)
	return &c
}

func run(t testing.TB, root string) *Report {
	t.Helper()
	r, err := Run(context.Background(), Options{Config: settings(root)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestGoldenStoresAreClean(t *testing.T) {
	t.Parallel()
	for _, row := range golden {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := run(t, unpack(t, row.name))
			for _, p := range r.Problems {
				t.Logf("%s %s %s at %d: %s", p.Severity, p.Kind, p.File, p.At, p.What)
			}
			if !r.Clean() || r.Unclean != row.unclean || row.records > 0 && r.Log.Records != row.records {
				t.Errorf("%d errors, %d warnings, unclean %t, %+v", r.Errors, r.Warnings, r.Unclean, r.Log)
			}
			t.Logf("%+v %+v %+v %d states %d offsets %d timers %v", r.Log, r.Queues, r.Index, r.StateFiles, r.Offsets, r.Timers, r.Settings)
		})
	}
}
