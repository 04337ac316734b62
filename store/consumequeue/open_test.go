package consumequeue

import (
	"strings"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/vfs"
)

// A queue on a bad sector, which the kernel reads for half a minute, is not tried again as soon as
// it has failed: loops are among those who ask.
func TestOpenThatTakesLongIsRare(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ took, wait time.Duration }{
		{0, time.Second}, {10 * time.Millisecond, time.Second}, {2 * time.Second, 40 * time.Second}, {10 * time.Minute, 10 * time.Minute},
	} {
		clk := clock.NewFake(time.UnixMilli(1_700_000_000_000))
		disk := vfs.NewFaulty(vfs.NewMemory(clk.Now))
		reads, broken := 0, false // reads of the disk, and whether they fail
		disk.OnCall = func(op, name string) {
			if broken && op == "pread" && strings.Contains(name, "/1/") {
				if reads++; reads == 1 {
					clk.Advance(c.took)
				}
			}
		}
		opt := testOptions("/store")
		opt.FS, opt.Clock = disk, clk
		table, _ := openTable(t, opt, false)
		put(t, table.Queue("T", 1), 0, 0, 5)
		putBatches(t, table.Batch("B", 1), 0, 5)
		if err := table.Flush(0); err != nil {
			t.Fatal(err)
		}
		table, _ = openTable(t, opt, false)
		plain, _ := table.Lookup("T", 1)
		batch, _ := table.LookupBatch("B", 1)
		plain.ready.Store(false) // as if nobody had used them yet
		batch.close()
		batch.ready = false
		batch.bounds.Store(nil)
		broken = true
		if err := disk.Inject("pread 1/* err=EIO"); err != nil {
			t.Fatal(err)
		}
		for kind, try := range map[string]func() error{"plain": plain.Err, "batch": batch.Err} {
			for range 2 {
				reads = 0
				if err := try(); err == nil || reads == 0 {
					t.Fatalf("%s, %v: %d reads, %v", kind, c.took, reads, err)
				}
				clk.Advance(c.wait - time.Millisecond)
				if reads = 0; try() == nil || reads > 0 {
					t.Errorf("%s, %v: tried again too early", kind, c.took)
				}
				clk.Advance(time.Millisecond)
			}
		}
	}
}
