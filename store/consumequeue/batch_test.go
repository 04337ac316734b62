package consumequeue

import (
	"testing"
	"time"

	"github.com/skylarkmq/skylark/internal/vfs"
)

// putBatches adds n units of three messages each, ten bytes and a second apart.
func putBatches(t *testing.T, q *BatchQueue, from, n int64) {
	t.Helper()
	for i := from; i < from+n; i++ {
		if err := q.Put(BatchUnit{PhyOffset: i * 10, Size: 10, TagsCode: i, StoreTimestamp: 1000 * i, Base: 3 * i, Count: 3}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBatchQueue(t *testing.T) {
	t.Parallel()
	opt := testOptions(t.TempDir())
	table, _ := openTable(t, opt, false)
	q := table.Batch("B", 1)
	putBatches(t, q, 0, 25)
	putBatches(t, q, 20, 5) // dispatched again
	if err := q.Put(BatchUnit{PhyOffset: 900, Size: 10, Base: -1, Count: 3}); err != nil {
		t.Fatal(err)
	}
	check := func(low, high int64) {
		t.Helper()
		if l, h := q.Bounds(); l != low || h != high {
			t.Fatalf("[%d, %d), want [%d, %d)", l, h, low, high)
		}
		for offset := low; offset < high; offset++ {
			units, _ := q.Units(offset, 2, nil)
			if len(units) == 0 || units[0].Base != offset/3*3 || units[0].PhyOffset != offset/3*10 {
				t.Fatalf("offset %d: %+v", offset, units)
			}
		}
		if units, _ := q.Units(high, 1, nil); len(units) != 0 {
			t.Fatalf("behind the end: %+v", units)
		}
	}
	check(0, 75)
	for _, tt := range []struct{ ms, lower, upper int64 }{{-1, 0, 0}, {0, 0, 0}, {1500, 6, 6}, {2000, 6, 6}, {24_000, 72, 72}, {99_000, 72, 72}} {
		lower, err := q.OffsetByTime(tt.ms, false)
		upper, err2 := q.OffsetByTime(tt.ms, true)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		if lower != tt.lower || upper != tt.upper {
			t.Errorf("time %d: LOWER %d UPPER %d, want %d %d", tt.ms, lower, upper, tt.lower, tt.upper)
		}
	}
	if err := table.Close(true); err != nil {
		t.Fatal(err)
	}
	table, maxPhy := openTable(t, opt, true)
	q, ok := table.LookupBatch("B", 1)
	if !ok || maxPhy != 240 {
		t.Fatalf("found %v, ends at %d", ok, maxPhy)
	}
	check(0, 75)
	if err := table.Truncate(200); err != nil {
		t.Fatal(err)
	}
	check(0, 60)
	putBatches(t, q, 20, 2)
	check(0, 66)
	if n, err := table.DeleteExpired(120, func(time.Duration) {}, 0); n != 1 || err != nil {
		t.Errorf("deleted %d files, %v", n, err)
	}
	check(36, 66)
	if err := table.DeleteTopic("B"); err != nil {
		t.Fatal(err)
	}
	if l, h := q.Bounds(); l != 0 || h != 0 {
		t.Errorf("after the deletion [%d, %d)", l, h)
	}
}

// A batch queue's file goes only when it is known that the log has nothing of it any more.
func TestBatchFilesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	disk := vfs.NewFaulty(vfs.Disk)
	opt := testOptions(t.TempDir())
	opt.FS = disk
	table, _ := openTable(t, opt, false)
	q := table.Batch("B", 1)
	putBatches(t, q, 0, 25)
	expire := func() (int, error) { return table.DeleteExpired(105, func(time.Duration) {}, 0) }
	if err := disk.Inject("pread B/1/* err=EIO"); err != nil {
		t.Fatal(err)
	}
	if n, err := expire(); n != 0 || err == nil {
		t.Errorf("without being read: deleted %d files, %v", n, err)
	}
	disk.Heal()
	for _, damaged := range []int64{9, 19} {
		if _, err := q.files[damaged/10].WriteAt(make([]byte, BatchUnitSize), damaged%10*BatchUnitSize); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := expire(); n != 1 || err != nil {
		t.Errorf("last units damaged: deleted %d files, %v; only the first is known to have expired", n, err)
	}
}

// A topic that was deleted and made again stands twice in the log. Recovery ends with the second one.
func TestBatchesThatBeginAgain(t *testing.T) {
	t.Parallel()
	opt := testOptions(t.TempDir())
	table, _ := openTable(t, opt, false)
	table.Replay()
	q := table.Batch("B", 1)
	putBatches(t, q, 0, 25)
	for i := range int64(3) {
		if err := q.Put(BatchUnit{PhyOffset: 1000 + i, Size: 10, Base: 2 * i, Count: 2}); err != nil {
			t.Fatal(err)
		}
	}
	if low, high := q.Bounds(); low != 0 || high != 6 {
		t.Errorf("[%d, %d), want [0, 6)", low, high)
	}
	for offset := range int64(6) {
		if units, _ := q.Units(offset, 1, nil); len(units) != 1 || units[0].PhyOffset != 1000+offset/2 {
			t.Errorf("offset %d: %+v", offset, units)
		}
	}
}

// Loops ask for the bounds of a queue, and may not wait for a disk that hangs in another's write.
func TestBatchBoundsWhileTheDiskHangs(t *testing.T) {
	t.Parallel()
	disk := vfs.NewFaulty(vfs.Disk)
	opt := testOptions(t.TempDir())
	opt.FS = disk
	table, _ := openTable(t, opt, false)
	for _, have := range []int64{0, 5} {
		q := table.Batch("B", int32(have))
		putBatches(t, q, 0, have)
		writing, asked, put := make(chan struct{}), make(chan struct{}), make(chan struct{})
		disk.OnCall = func(op, _ string) {
			if op == "pwrite" {
				close(writing)
				<-asked
			}
		}
		go func() {
			putBatches(t, q, have, 1)
			close(put)
		}()
		<-writing
		disk.OnCall = nil
		bounds := make(chan int64)
		go func() {
			if err := q.Err(); err != nil {
				t.Error(err)
			}
			_, high := q.Bounds()
			bounds <- high
		}()
		select {
		case high := <-bounds:
			if high != 3*have {
				t.Errorf("the end is %d, want %d", high, 3*have)
			}
			close(asked)
		case <-time.After(10 * time.Second):
			t.Error("the bounds wait for the disk")
			close(asked)
			<-bounds
		}
		<-put
		if _, high := q.Bounds(); high != 3*have+3 {
			t.Errorf("the end is %d afterwards, want %d", high, 3*have+3)
		}
	}
}
