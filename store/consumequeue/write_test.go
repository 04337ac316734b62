package consumequeue

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/skylarkmq/skylark/internal/vfs"
)

// crowdTable is a table of more queues than files may be open, some of which have units that no
// flush has seen.
func crowdTable(t *testing.T, disk vfs.FS) (*Table, []*Queue) {
	t.Helper()
	opt := testOptions(t.TempDir())
	opt.FS, opt.FileSize = disk, 1000*UnitSize
	table, _ := openTable(t, opt, false)
	queues := make([]*Queue, table.crowd()+10)
	for i := range queues {
		queues[i] = table.Queue("T", int32(i))
		put(t, queues[i], 0, 0, 1)
	}
	return table, queues
}

// filed is what the first file of a queue has, up to the first zero unit.
func filed(t *testing.T, q *Queue) int {
	t.Helper()
	raw, err := os.ReadFile(q.path(0))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for ; n*UnitSize < len(raw); n++ {
		u := unitAt(raw[n*UnitSize:])
		if u == (Unit{}) {
			break
		}
		if want := (Unit{int64(100 * n), 100, int64(n)}); u != want {
			t.Fatalf("queue %d: unit %d in the file: %+v, want %+v", q.ID, n, u, want)
		}
	}
	return n
}

func byPhy(offset int64) int64 { return 100 * offset }

// Of crowded queues a round writes those with units enough, and a thorough flush all; the time
// that the checkpoint may promise moves with that one only.
func TestCrowdedQueuesAreWrittenWhereItIsWorthIt(t *testing.T) {
	t.Parallel()
	table, queues := crowdTable(t, vfs.Disk)
	busy, quiet := queues[3], queues[4]
	put(t, busy, 1, 100, worthUnits-1)
	put(t, quiet, 1, 100, worthUnits-2)
	for range 2 {
		if err := table.Flush(2); err != nil {
			t.Fatal(err)
		}
		if n := filed(t, busy); n != worthUnits {
			t.Errorf("a busy queue has %d units in its file after a round, want %d", n, worthUnits)
		}
		if n := filed(t, quiet); n != 0 {
			t.Errorf("a quiet queue has %d units in its file after a round", n)
		}
	}
	if n := table.Dirty(); n != len(queues)-1 {
		t.Errorf("%d queues wait for a write, want %d", n, len(queues)-1)
	}
	put(t, quiet, worthUnits-1, 100*(worthUnits-1), 1)
	readAll(t, quiet, byPhy)
	if err := table.Flush(2); err != nil {
		t.Fatal(err)
	}
	if n := filed(t, quiet); n != worthUnits {
		t.Errorf("a queue that got units enough has %d in its file, want %d", n, worthUnits)
	}
	if at := table.FlushedTimestamp(); at != 0 {
		t.Errorf("rounds that left units in memory promise all until %d", at)
	}
	if err := table.Flush(0); err != nil {
		t.Fatal(err)
	}
	for _, q := range queues {
		if n := filed(t, q); int64(n) != q.MaxOffset() {
			t.Errorf("queue %d has %d units in its file after a thorough flush, want %d", q.ID, n, q.MaxOffset())
		}
	}
	if table.Dirty() != 0 || table.FlushedTimestamp() == 0 {
		t.Errorf("after a thorough flush %d queues wait and %d is promised", table.Dirty(), table.FlushedTimestamp())
	}
}

// A crowded queue that cannot be written keeps its units and its place, and nothing is promised.
func TestCrowdedQueueThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	disk := vfs.NewFaulty(vfs.Disk)
	table, queues := crowdTable(t, disk)
	if err := disk.Inject("pwrite T/7/* times=1 err=ENOSPC"); err != nil {
		t.Fatal(err)
	}
	if err := table.Flush(0); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("flush: %v", err)
	}
	if n, at := table.Dirty(), table.FlushedTimestamp(); n != 1 || at != 0 {
		t.Errorf("%d queues wait, %d is promised; want 1 and 0", n, at)
	}
	if err := table.Flush(0); err != nil {
		t.Fatal(err)
	}
	if n := filed(t, queues[7]); n != 1 {
		t.Errorf("%d units in the file after the second flush", n)
	}
}

// Small tails take what no flush has seen along instead of a write for each; when even that has no
// room the writer writes, and the file has all in the end.
func TestTailsCarryUnfiledUnits(t *testing.T) {
	t.Parallel()
	opt := testOptions(t.TempDir())
	opt.FileSize, opt.TailBudget = 1000*UnitSize, 1
	writes := 0
	disk := vfs.NewFaulty(vfs.Disk)
	disk.OnCall = func(op, _ string) {
		if op == "pwrite" {
			writes++
		}
	}
	opt.FS = disk
	table, _ := openTable(t, opt, false)
	q := table.Queue("T", 0)
	next := 0
	more := func(n int) {
		put(t, q, int64(next), int64(100*next), n)
		next += n
		readAll(t, q, byPhy)
	}
	more(tailCrowded)
	if writes != 0 {
		t.Errorf("%d writes before a tail was full", writes)
	}
	if err := table.Flush(2); err != nil {
		t.Fatal(err)
	}
	writes = 0
	more(tailCrowded / 2) // the full tail goes on with these and some of the old
	if writes != 0 {
		t.Errorf("%d writes for units that a new tail holds", writes)
	}
	more(300)
	if writes == 0 {
		t.Error("more units than tails hold, and none was written")
	}
	if err := table.Flush(0); err != nil {
		t.Fatal(err)
	}
	if n := filed(t, q); n != next {
		t.Errorf("%d units in the file, want %d", n, next)
	}
}

func TestFilePaths(t *testing.T) {
	t.Parallel()
	opt := testOptions(t.TempDir())
	opt.Dir += "//"
	table, _ := openTable(t, opt, false)
	for _, start := range []int64{0, 6_000_000, 1<<63 - 1} {
		want := filepath.Join(opt.Dir, "%RETRY%g", "2147483647", fmt.Sprintf("%020d", start))
		if got := table.Queue("%RETRY%g", 1<<31-1).path(start); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got := fileName(20); got != "00000000000000000020" {
		t.Error(got)
	}
}
