package check

import (
	"context"
	"testing"

	"github.com/skylarkmq/skylark/internal/goldenstore"
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
	{"java-5.5.0-light", 137, false},
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
			r := run(t, goldenstore.Unpack(t, row.name))
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
