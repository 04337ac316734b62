package check

import (
	"testing"

	"github.com/skylarkmq/skylark/internal/goldenstore"
)

// Batch queues of which nothing is left are built anew, like the others.
func TestBatchQueuesFromTheLog(t *testing.T) {
	t.Parallel()
	const name = "java-5.4.0-features"
	root, original := goldenstore.Unpack(t, name), goldenstore.Unpack(t, name)
	shrink(t, root)
	hurt{t, root}.remove("batchconsumequeue")
	cfg := settings(original)
	cfg.StorePathRootDir = root
	r := run2(t, cfg)
	if r.Counts[UnitMissing] == 0 {
		t.Fatalf("not missed: %+v", r.Problems)
	}
	if _, err := Takeover(t.Context(), Options{Config: cfg}); err != nil {
		t.Fatal(err)
	}
	repair(t, r, cfg)
	sameQueues(t, original, root, "batchconsumequeue")
}
