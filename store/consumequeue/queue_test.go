package consumequeue

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/vfs"
)

const testFileSize = 10 * UnitSize

func testOptions(dir string) Options {
	return Options{
		FS: vfs.Disk, Dir: filepath.Join(dir, "consumequeue"), ExtDir: filepath.Join(dir, "consumequeue_ext"),
		BatchDir: filepath.Join(dir, "batchconsumequeue"), SavedFile: filepath.Join(dir, "consumequeue.table"),
		FileSize: testFileSize, ExtFileSize: 4096, BatchFileSize: 10 * BatchUnitSize, Log: zerolog.Nop(),
	}
}

func openTable(t testing.TB, opt Options, abnormal bool) (*Table, int64) {
	t.Helper()
	table, err := Open(opt)
	if err != nil {
		t.Fatal(err)
	}
	maxPhy, err := table.Recover(abnormal)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(table.files.closeAll)
	return table, maxPhy
}

// put adds n units of 100 bytes each, the first at queue offset and position given.
func put(t testing.TB, q *Queue, offset, phy int64, n int) {
	t.Helper()
	for i := range int64(n) {
		if err := q.Put(offset+i, phy+100*i, 100, offset+i, 1000+offset+i); err != nil {
			t.Fatal(err)
		}
	}
}

// edit changes the first file of a queue that is closed.
func edit(t testing.TB, opt Options, id int, change func(raw []byte)) {
	t.Helper()
	path := filepath.Join(opt.Dir, "T", fmt.Sprint(id), fileName(0))
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	change(raw)
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

// readAll reads [min, max) and checks that the units are those of put.
func readAll(t testing.TB, q *Queue, phyOf func(offset int64) int64) {
	t.Helper()
	at := q.MinOffset()
	for at < q.MaxOffset() {
		units, status, _ := q.Units(at, 7, nil, false)
		if status != Found {
			t.Fatalf("offset %d: status %d", at, status)
		}
		for _, u := range units {
			if want := (Unit{phyOf(at), 100, at}); u != want {
				t.Fatalf("offset %d: %+v, want %+v", at, u, want)
			}
			at++
		}
	}
}

func TestPutAndRead(t *testing.T) {
	t.Parallel()
	phyOf := func(offset int64) int64 { return offset * 100 }
	for _, n := range []int{1, 9, 10, 11, 64, 2000, 5003} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			opt := testOptions(t.TempDir())
			table, maxPhy := openTable(t, opt, false)
			if maxPhy != -1 {
				t.Fatalf("empty table ends at %d", maxPhy)
			}
			q := table.Queue("T", 3)
			put(t, q, 0, 0, n)
			readAll(t, q, phyOf)
			if got := q.MaxPhy(); got != int64(n)*100 {
				t.Errorf("MaxPhy %d", got)
			}
			if err := table.Close(true); err != nil {
				t.Fatal(err)
			}
			for _, abnormal := range []bool{false, true} {
				table, maxPhy = openTable(t, opt, abnormal)
				q, ok := table.Lookup("T", 3)
				if !ok || q.MaxOffset() != int64(n) || q.Next != int64(n) || maxPhy != int64(n)*100 {
					t.Fatalf("abnormal %v: found %v, max %d, next %d, ends at %d", abnormal, ok, q.MaxOffset(), q.Next, maxPhy)
				}
				readAll(t, q, phyOf)
			}
		})
	}
}

func TestPutRules(t *testing.T) {
	t.Parallel()
	table, _ := openTable(t, testOptions(t.TempDir()), false)
	tests := []struct {
		name        string
		offset, phy int64
		max, maxPhy int64
	}{
		{"first", 0, 0, 1, 100},
		{"same record again", 0, 0, 1, 100},
		{"next", 1, 100, 2, 200},
		{"offset that is there, newer record", 1, 250, 2, 200},
		{"offset 0 is never checked", 0, 300, 3, 400},
		{"offset ahead takes the next place", 9, 500, 4, 600},
		{"older record", 4, 500, 4, 600},
	}
	q := table.Queue("T", 0)
	for _, tt := range tests {
		put(t, q, tt.offset, tt.phy, 1)
		if q.MaxOffset() != tt.max || q.MaxPhy() != tt.maxPhy {
			t.Errorf("%s: max %d, maxPhy %d; want %d, %d", tt.name, q.MaxOffset(), q.MaxPhy(), tt.max, tt.maxPhy)
		}
	}
}

func TestQueueThatStartsAboveZero(t *testing.T) {
	t.Parallel()
	opt := testOptions(t.TempDir())
	table, _ := openTable(t, opt, false)
	q := table.Queue("T", 0)
	put(t, q, 23, 700, 2)
	if q.MinOffset() != 23 || q.MaxOffset() != 25 {
		t.Fatalf("min %d max %d", q.MinOffset(), q.MaxOffset())
	}
	if err := table.Close(true); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(opt.Dir, "T", "0", fileName(2*testFileSize)))
	if err != nil || len(raw) != testFileSize {
		t.Fatalf("file of 20 units a 10: %d bytes, %v", len(raw), err)
	}
	for i := range 5 {
		want := Unit{Size: fillerSize}
		if i >= 3 {
			want = Unit{700 + 100*int64(i-3), 100, int64(20 + i)}
		}
		if got := unitAt(raw[i*UnitSize:]); got != want {
			t.Errorf("unit %d: %+v, want %+v", i, got, want)
		}
	}
	for _, abnormal := range []bool{false, true} {
		table, maxPhy := openTable(t, opt, abnormal)
		table.CorrectMin(0)
		q = table.Queue("T", 0)
		if q.MinOffset() != 23 || q.MaxOffset() != 25 || maxPhy != 900 {
			t.Errorf("reopened: min %d max %d, ends at %d", q.MinOffset(), q.MaxOffset(), maxPhy)
		}
	}
}

func TestTruncate(t *testing.T) {
	t.Parallel()
	for _, kept := range []int64{0, 1, 9, 10, 11, 34, 35} {
		t.Run(fmt.Sprint(kept), func(t *testing.T) {
			t.Parallel()
			opt := testOptions(t.TempDir())
			table, _ := openTable(t, opt, false)
			q := table.Queue("T", 0)
			put(t, q, 0, 0, 35)
			if err := table.Flush(0); err != nil {
				t.Fatal(err)
			}
			if err := table.Truncate(kept * 100); err != nil {
				t.Fatal(err)
			}
			table.ResetNext()
			if q.MaxOffset() != kept || q.Next != kept {
				t.Fatalf("max %d next %d", q.MaxOffset(), q.Next)
			}
			put(t, q, kept, 100*kept+5000, 3)
			readAll(t, q, func(offset int64) int64 {
				if offset < kept {
					return offset * 100
				}
				return offset*100 + 5000
			})
			if err := table.Close(false); err != nil {
				t.Fatal(err)
			}
			table, _ = openTable(t, opt, true)
			if got := table.Queue("T", 0).MaxOffset(); got != kept+3 {
				t.Errorf("reopened: max %d, want %d: stale units were counted", got, kept+3)
			}
		})
	}
}

// A lost page leaves a hole with older units behind it; those must not come back
// once the hole is filled.
func TestUnitsBehindAHole(t *testing.T) {
	t.Parallel()
	opt := testOptions(t.TempDir())
	table, _ := openTable(t, opt, false)
	put(t, table.Queue("T", 0), 0, 0, 8)
	if err := table.Close(false); err != nil {
		t.Fatal(err)
	}
	edit(t, opt, 0, func(raw []byte) { clear(raw[3*UnitSize : 5*UnitSize]) })
	table, maxPhy := openTable(t, opt, true)
	q := table.Queue("T", 0)
	if q.MaxOffset() != 3 || maxPhy != 300 {
		t.Fatalf("max %d, ends at %d", q.MaxOffset(), maxPhy)
	}
	if _, err := table.Rebuild(300); err != nil {
		t.Fatal(err)
	}
	put(t, q, 3, 300, 2)
	if err := table.Rebuilt(); err != nil {
		t.Fatal(err)
	}
	if err := table.Close(false); err != nil {
		t.Fatal(err)
	}
	table, _ = openTable(t, opt, true)
	if got := table.Queue("T", 0).MaxOffset(); got != 5 {
		t.Errorf("max %d, want 5", got)
	}
}

// A flipped bit in the last unit's size lets it reach into records that follow; those
// get their units all the same when recovery dispatches them.
func TestDamagedLastUnit(t *testing.T) {
	t.Parallel()
	opt := testOptions(t.TempDir())
	table, _ := openTable(t, opt, false)
	put(t, table.Queue("T", 0), 0, 0, 5)
	if err := table.Close(false); err != nil {
		t.Fatal(err)
	}
	edit(t, opt, 0, func(raw []byte) { putUnit(raw[4*UnitSize:], Unit{400, 100 + 1<<20, 4}) })
	table, _ = openTable(t, opt, true)
	if _, err := table.Rebuild(500); err != nil {
		t.Fatal(err)
	}
	q := table.Queue("T", 0)
	put(t, q, 5, 500, 3)
	if err := table.Rebuilt(); err != nil {
		t.Fatal(err)
	}
	units, status, _ := q.Units(5, 3, nil, false)
	if status != Found || len(units) != 3 || units[2] != (Unit{700, 100, 7}) {
		t.Errorf("status %d, units %+v, max %d", status, units, q.MaxOffset())
	}
}

// meddling lets something happen while a file is being opened.
type meddling struct {
	vfs.FS
	opened int
	during func()
}

func (m *meddling) Open(name string) (vfs.File, error) {
	f, err := m.FS.Open(name)
	m.opened++
	if during := m.during; during != nil {
		m.during = nil
		during()
	}
	return f, err
}

// A file that is removed and made anew while a reader opens it is opened again.
func TestFileReplacedWhileItIsOpened(t *testing.T) {
	t.Parallel()
	opt := testOptions(t.TempDir())
	disk := &meddling{FS: opt.FS}
	opt.FS = disk
	table, _ := openTable(t, opt, false)
	q := table.Queue("T", 0)
	put(t, q, 0, 0, 3)
	if err := table.Close(false); err != nil {
		t.Fatal(err)
	}
	key, before := fileKey{q: q, start: 0}, disk.opened
	disk.during = func() { table.files.drop(key) }
	f, err := table.files.open(key)
	if err != nil {
		t.Fatal(err)
	}
	table.files.release(f)
	if disk.opened != before+2 {
		t.Errorf("opened %d times, want twice: the first may be of a file that is gone", disk.opened-before)
	}
}

// A file that has the name of one to be made, from behind a gap say, gives nothing to it.
func TestOldFileInTheWay(t *testing.T) {
	t.Parallel()
	opt := testOptions(t.TempDir())
	table, _ := openTable(t, opt, false)
	q := table.Queue("T", 0)
	put(t, q, 0, 0, 5)
	if err := table.Flush(0); err != nil {
		t.Fatal(err)
	}
	old := make([]byte, testFileSize)
	for i := int64(0); i < testFileSize/UnitSize; i++ {
		putUnit(old[i*UnitSize:], Unit{PhyOffset: 5000 + 100*i, Size: 100, TagsCode: 7})
	}
	path := filepath.Join(opt.Dir, "T", "0", fileName(testFileSize))
	if err := os.WriteFile(path, old, 0o600); err != nil {
		t.Fatal(err)
	}
	put(t, q, 5, 500, 8)
	if err := table.Flush(0); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range raw[3*UnitSize:] {
		if b != 0 {
			t.Fatalf("byte %d behind the newest unit is %d", i, b)
		}
	}
}

func TestSavedEndsAreChecked(t *testing.T) {
	t.Parallel()
	opt := testOptions(t.TempDir())
	table, _ := openTable(t, opt, false)
	for id := range int32(4) {
		put(t, table.Queue("T", id), 0, 0, 5)
	}
	for id := int32(4); id < 6; id++ { // these end with their file
		put(t, table.Queue("T", id), 0, 0, testFileSize/UnitSize)
	}
	if err := table.Close(true); err != nil {
		t.Fatal(err)
	}
	// Another broker ran: it moved queues 1 and 4 on, and cut queue 2.
	next := make([]byte, testFileSize)
	for n := range 3 {
		putUnit(next[n*UnitSize:], Unit{int64(1000 + 100*n), 100, int64(10 + n)})
	}
	if err := os.WriteFile(filepath.Join(opt.Dir, "T", "4", fileName(testFileSize)), next, 0o600); err != nil {
		t.Fatal(err)
	}
	edit(t, opt, 1, func(raw []byte) { putUnit(raw[5*UnitSize:], Unit{500, 100, 5}) })
	edit(t, opt, 2, func(raw []byte) { clear(raw[4*UnitSize:]) })
	if err := os.RemoveAll(filepath.Join(opt.Dir, "T", "3")); err != nil {
		t.Fatal(err)
	}
	table, _ = openTable(t, opt, false)
	for id, want := range []int64{5, 6, 4, 0, 13, 10} {
		if got := table.Queue("T", int32(id)).MaxOffset(); got != want {
			t.Errorf("queue %d: max %d, want %d", id, got, want)
		}
	}
	if _, err := os.Stat(opt.SavedFile); !os.IsNotExist(err) {
		t.Errorf("the table of ends is still there: %v", err)
	}
}

// fourFiles is a queue of 35 units, all in its files.
func fourFiles(t *testing.T) (*Table, *Queue) {
	t.Helper()
	table, _ := openTable(t, testOptions(t.TempDir()), false)
	q := table.Queue("T", 0)
	put(t, q, 0, 0, 35)
	if err := table.Flush(0); err != nil {
		t.Fatal(err)
	}
	return table, q
}

// expire deletes what lies in front of minPhy.
func (q *Queue) expire(t *testing.T, minPhy, wantMin int64, wantDeleted int) {
	t.Helper()
	deleted, err := q.table.DeleteExpired(minPhy, func(time.Duration) {}, time.Millisecond)
	if err != nil || deleted != wantDeleted || q.MinOffset() != wantMin {
		t.Errorf("log from %d: deleted %d, min %d, %v; want %d, %d", minPhy, deleted, q.MinOffset(), err, wantDeleted, wantMin)
	}
}

func TestMinimumAndExpiry(t *testing.T) {
	t.Parallel()
	table, q := fourFiles(t)
	tests := []struct {
		minPhy  int64
		min     int64
		deleted int
	}{
		{0, 0, 0},
		{900, 9, 0}, // the last unit of the first file begins there
		{950, 10, 1},
		{1050, 11, 0},
		{3000, 30, 2},
		{3400, 34, 0},
		{9999, 35, 0}, // the last file stays
	}
	for _, tt := range tests {
		q.expire(t, tt.minPhy, tt.min, tt.deleted)
	}
	if q.MaxOffset() != 35 || !q.Unused(9999) {
		t.Errorf("max %d, unused %v", q.MaxOffset(), q.Unused(9999))
	}
	q.tail.Store(nil)
	if _, status, _ := q.Units(0, 1, nil, false); status != Missing {
		t.Errorf("a deleted unit: status %d", status)
	}
	put(t, q, 35, 9999, 1)
	table.CorrectMin(9999)
	if q.MinOffset() != 35 || q.MaxOffset() != 36 {
		t.Errorf("after another message: min %d max %d", q.MinOffset(), q.MaxOffset())
	}
}

// One damaged unit does not delete a file whose others lead to messages.
func TestExpiryByADamagedUnit(t *testing.T) {
	t.Parallel()
	_, q := fourFiles(t)
	var low [UnitSize]byte
	putUnit(low[:], Unit{PhyOffset: 3, Size: 100})
	if err := vfs.WriteAt(vfs.Disk, q.path(0), low[:], 9*UnitSize); err != nil {
		t.Fatal(err)
	}
	q.tail.Store(nil)
	q.expire(t, 500, 5, 0)
	q.expire(t, 1000, 10, 1)
}

func TestOffsetByTime(t *testing.T) {
	t.Parallel()
	table, _ := openTable(t, testOptions(t.TempDir()), false)
	q := table.Queue("T", 0)
	times := []int64{10, 20, 20, 20, 30, 30, 40, 50, 50, 50, 50, 60, 70}
	put(t, q, 0, 0, len(times))
	timeOf := func(u Unit) (int64, error) { return times[u.TagsCode], nil }
	byTime := func(ms int64, upper bool) int64 {
		t.Helper()
		at, err := q.OffsetByTime(ms, upper, timeOf)
		if err != nil {
			t.Error(err)
		}
		return at
	}
	tests := []struct{ ms, lower, upper int64 }{
		{0, 0, 0},
		{10, 0, 0},
		{11, 1, 0},
		{20, 1, 3},
		{25, 4, 3},
		{30, 4, 5},
		{45, 7, 6},
		{50, 7, 10},
		{65, 12, 11},
		{70, 12, 12},
		{71, 13, 12},
		{1 << 62, 13, 12},
	}
	for _, tt := range tests {
		if got := byTime(tt.ms, false); got != tt.lower {
			t.Errorf("LOWER %d: %d, want %d", tt.ms, got, tt.lower)
		}
		if got := byTime(tt.ms, true); got != tt.upper {
			t.Errorf("UPPER %d: %d, want %d", tt.ms, got, tt.upper)
		}
	}
	table.CorrectMin(500)
	if lower, upper := byTime(0, false), byTime(0, true); lower != 5 || upper != 5 {
		t.Errorf("below the minimum: LOWER %d, UPPER %d, want 5, 5", lower, upper)
	}
	if got, err := table.Queue("empty", 0).OffsetByTime(5, false, timeOf); got != 0 || err != nil {
		t.Errorf("empty queue: %d, %v", got, err)
	}
	if got, err := q.OffsetByTime(50, false, func(Unit) (int64, error) { return -1, nil }); got != 5 || err != nil {
		t.Errorf("records that are gone: %d, %v", got, err)
	}
	if _, err := q.OffsetByTime(50, false, func(Unit) (int64, error) { return -1, syscall.EIO }); !errors.Is(err, syscall.EIO) {
		t.Errorf("records that the disk does not give: %v", err)
	}
}

func TestNamesThatWouldLeaveTheDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	table, _ := openTable(t, testOptions(dir), false)
	for _, topic := range []string{"", ".", "..", "../x", "/etc/x", "a/b", "a\x00b"} {
		q := table.Queue(topic, 0)
		if err := q.Put(0, 0, 100, 0, 1); err == nil {
			t.Errorf("%q: put accepted", topic)
		}
		if table.DeleteTopic(topic) == nil {
			t.Errorf("%q: delete accepted", topic)
		}
	}
	if err := table.Queue("T", -1).Put(0, 0, 100, 0, 1); err == nil {
		t.Error("queue -1: put accepted")
	}
	if list, _ := os.ReadDir(dir); len(list) != 0 {
		t.Errorf("left behind: %v", list)
	}
}

func TestDeleteTopic(t *testing.T) {
	t.Parallel()
	opt := testOptions(t.TempDir())
	table, _ := openTable(t, opt, false)
	q := table.Queue("T", 1)
	put(t, q, 0, 0, 12)
	if err := table.Flush(0); err != nil {
		t.Fatal(err)
	}
	put(t, q, 12, 1200, 3)
	if err := table.DeleteTopic("T"); err != nil {
		t.Fatal(err)
	}
	if q.MaxOffset() != 0 || q.Next != 0 || q.Exists() {
		t.Errorf("max %d next %d exists %v", q.MaxOffset(), q.Next, q.Exists())
	}
	if err := table.Flush(0); err != nil {
		t.Errorf("flush after the deletion: %v", err)
	}
	if _, err := os.Stat(filepath.Join(opt.Dir, "T")); !os.IsNotExist(err) {
		t.Errorf("directory: %v", err)
	}
	put(t, q, 0, 2000, 11)
	if err := table.Close(true); err != nil {
		t.Fatal(err)
	}
	table, maxPhy := openTable(t, opt, true)
	if got := table.Queue("T", 1).MaxOffset(); got != 11 || maxPhy != 3100 {
		t.Errorf("made anew: max %d, ends at %d", got, maxPhy)
	}
}

func TestFilesOfAnotherSizeAreRefused(t *testing.T) {
	t.Parallel()
	opt := testOptions(t.TempDir())
	table, _ := openTable(t, opt, false)
	put(t, table.Queue("T", 0), 0, 0, 3)
	if err := table.Close(false); err != nil {
		t.Fatal(err)
	}
	other := opt
	other.FileSize = 2 * testFileSize
	table, err := Open(other)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := table.Recover(false); err == nil {
		t.Error("another file size: recovered")
	}
	if err := os.WriteFile(filepath.Join(opt.Dir, "T", "0", fileName(testFileSize)), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	table, maxPhy := openTable(t, opt, true)
	if maxPhy != 300 || table.Queue("T", 0).MaxOffset() != 3 {
		t.Errorf("an empty last file: ends at %d", maxPhy)
	}
}

func TestFlushedTimestamp(t *testing.T) {
	t.Parallel()
	table, _ := openTable(t, testOptions(t.TempDir()), false)
	q := table.Queue("T", 0)
	put(t, q, 0, 0, 5)
	if err := table.Flush(2); err != nil {
		t.Fatal(err)
	}
	if got := table.FlushedTimestamp(); got != 0 {
		t.Errorf("after a flush that is not thorough: %d", got)
	}
	if err := table.Flush(0); err != nil {
		t.Fatal(err)
	}
	if got := table.FlushedTimestamp(); got != 1004 {
		t.Errorf("after a thorough flush: %d", got)
	}
}

// What a destroyed queue had in memory is not counted for ever: the others would get
// small tails for it.
func TestDestroyedTails(t *testing.T) {
	t.Parallel()
	table, _ := openTable(t, testOptions(t.TempDir()), false)
	q := table.Queue("T", 0)
	for range 3 {
		put(t, q, 0, 0, 40)
		if err := q.Destroy(); err != nil {
			t.Fatal(err)
		}
		if n := table.tailBytes.Load(); n != 0 {
			t.Fatalf("%d bytes of tails in a table without messages", n)
		}
	}
}

// TestFileThatWasCut: units that the queue has, and whose file ends before them, are not
// taken for deleted ones, which readers pass over.
func TestFileThatWasCut(t *testing.T) {
	t.Parallel()
	_, q := fourFiles(t)
	q.tail.Store(nil)
	if err := os.Truncate(q.path(0), 5*UnitSize); err != nil {
		t.Fatal(err)
	}
	for offset, want := range map[int64]Status{0: Found, 4: Found, 5: Broken, 10: Found} {
		if _, status, err := q.Units(offset, 1, nil, false); status != want || (status == Broken) != (err != nil) {
			t.Errorf("at %d: status %d, %v", offset, status, err)
		}
	}
}

// A reader that was overtaken by the deletion of the queue and its next life, between the end and the tail, finds nothing.
func TestUnitsOfTheLifeBefore(t *testing.T) {
	t.Parallel()
	table, _ := openTable(t, testOptions(t.TempDir()), false)
	q := table.Queue("T", 0)
	put(t, q, 0, 0, 600)
	end := q.max.Load()
	if err := q.Destroy(); err != nil {
		t.Fatal(err)
	}
	put(t, q, 0, 100_000, 2)
	for _, offset := range []int64{500, 20, 2} { // the next tail has room for 16
		if units, status, _ := q.unitsBelow(end, offset, 32, nil, false); status != Missing || len(units) != 0 {
			t.Errorf("offset %d: status %d, %d units", offset, status, len(units))
		}
	}
	if units, status, _ := q.unitsBelow(end, 0, 32, nil, false); status != Found || len(units) != 2 {
		t.Errorf("offset 0: status %d, %d units, want the two of now", status, len(units))
	}
}
