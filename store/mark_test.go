package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/internal/javajson"
	"github.com/skylarkmq/skylark/internal/vfs"
)

// openTelling opens a store and says from where on it read the log.
func openTelling(t *testing.T, disk vfs.FS, cfg *config.Section[Config]) (s *Store, from int64, log string) {
	t.Helper()
	var out bytes.Buffer
	s, err := Open(cfg, Options{FS: disk, StoreHost: stood, Log: zerolog.New(&out)})
	if err != nil {
		t.Fatal(err)
	}
	from = -1
	for line := range strings.Lines(out.String()) {
		var said struct {
			Message string
			From    int64
		}
		if err := javajson.Unmarshal([]byte(line), &said); err == nil && said.Message == "store: recovered" {
			from = said.From
		}
	}
	return s, from, out.String()
}

// marked is a store on a disk after a crash: some messages, a thorough flush, and
// some more, all in one file of the log.
func marked(t *testing.T, cfg *config.Section[Config]) (disk *vfs.Memory, mark Result) {
	t.Helper()
	disk = vfs.NewMemory(nil)
	s := open(t, disk, cfg)
	for n := range 9 {
		mark = send(t, s, numbered("T", int32(n%3), n))[0]
	}
	s.flushQueues(0)
	for n := 9; n < 12; n++ {
		send(t, s, numbered("T", int32(n%3), n))
	}
	image := disk.KillClone()
	s.abandonForTest(t)
	return image, mark
}

func overwrite(t *testing.T, disk vfs.FS, name string, at int64, data []byte) {
	t.Helper()
	f, err := disk.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(data, at); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func removeAll(t *testing.T, disk *vfs.Memory, dir string) {
	t.Helper()
	for _, name := range disk.Names() {
		if strings.HasPrefix(name, dir+"/") {
			if err := disk.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	for at := dir; at != "/store"; at = filepath.Dir(at) {
		if err := disk.Remove(at); err != nil {
			return // not empty
		}
	}
}

// A start after a clean stop begins with the marked record, one after a crash with the
// one before it, as the index gives up its last record then.
func TestStartAtTheMark(t *testing.T) {
	t.Parallel()
	cfg := small("/store")
	disk, mark := marked(t, cfg)
	s, from, log := openTelling(t, disk, cfg)
	if from >= mark.PhyOffset || from < mark.PhyOffset-int64(mark.Size) {
		t.Errorf("the crashed store was read from %d on, want the record before %d\n%s", from, mark.PhyOffset, log)
	}
	allThere(t, s, 12)
	last := send(t, s, numbered("T", 0, 12))[0]
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, from, log = openTelling(t, disk, cfg)
	if from != last.PhyOffset {
		t.Errorf("the store that was closed was read from %d on, want %d\n%s", from, last.PhyOffset, log)
	}
	allThere(t, s, 13)
	s.abandonForTest(t)
	s, from, log = openTelling(t, disk, cfg)
	if from >= last.PhyOffset || from < last.PhyOffset-int64(last.Size) {
		t.Errorf("the store that was killed at once was read from %d on, want the record before %d\n%s", from, last.PhyOffset, log)
	}
	allThere(t, s, 13)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// allThere wants so many numbered messages in three queues of T, and their keys.
func allThere(t *testing.T, s *Store, count int) {
	t.Helper()
	h := &history{}
	for n := range count {
		h.sent = append(h.sent, sent{int32(n % 3), n})
	}
	h.durable = count
	h.check(t, s)
}

// Where the store is not as it was left, recovery begins where Java would.
func TestMarkIsNotTrusted(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		change func(t *testing.T, disk *vfs.Memory, mark Result)
		says   string // "": the mark is void by itself
		lost   bool   // the marked message
	}{
		{"a Java broker was here", func(t *testing.T, disk *vfs.Memory, _ Result) {
			data, err := vfs.ReadFile(disk, "/store/checkpoint")
			if err != nil {
				t.Fatal(err)
			}
			overwrite(t, disk, "/store/checkpoint", 8, binary.BigEndian.AppendUint64(nil, binary.BigEndian.Uint64(data[8:])-1))
		}, "", false},
		{"a queue was taken away", func(t *testing.T, disk *vfs.Memory, _ Result) { removeAll(t, disk, "/store/consumequeue/T/1") }, "2 consume queues of 3", false},
		{"the files of all queues were taken away", func(t *testing.T, disk *vfs.Memory, _ Result) { removeAll(t, disk, "/store/consumequeue") }, "does not lead to it", false},
		{"the index was taken away", func(t *testing.T, disk *vfs.Memory, _ Result) { removeAll(t, disk, "/store/index") }, "and ends at -1", false},
		{"another record is there", func(t *testing.T, disk *vfs.Memory, mark Result) {
			overwrite(t, disk, "/store/commitlog/00000000000000000000", mark.PhyOffset+56, binary.BigEndian.AppendUint64(nil, uint64(mark.StoreTimestamp+1)))
		}, "another record", false},
		{"the record is damaged", func(t *testing.T, disk *vfs.Memory, mark Result) {
			overwrite(t, disk, "/store/commitlog/00000000000000000000", mark.PhyOffset+20, bytes.Repeat([]byte{0xff}, 16))
		}, "cannot be read", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			cfg := small("/store")
			disk, mark := marked(t, cfg)
			row.change(t, disk, mark)
			for start := range 2 {
				s, from, log := openTelling(t, disk.KillClone(), cfg)
				if from != 0 {
					t.Errorf("start %d read the log from %d on, want 0", start, from)
				}
				if row.says == "" && strings.Contains(log, "mark is not") || !strings.Contains(log, row.says) {
					t.Errorf("start %d said nothing of %q:\n%s", start, row.says, log)
				}
				if !row.lost {
					allThere(t, s, 12)
				}
				s.abandonForTest(t)
			}
		})
	}
}

// A start that begins before the mark may end at any moment: the next one must not
// begin with the mark again.
func TestMarkIsGoneBeforeRecoveryBegins(t *testing.T) {
	t.Parallel()
	cfg := small("/store")
	disk, _ := marked(t, cfg)
	removeAll(t, disk, "/store/consumequeue/T/1")
	for after := range 60 {
		image := disk.KillClone()
		faulty := vfs.NewFaulty(image)
		if err := faulty.Inject(fmt.Sprintf("change * after=%d err=EIO", after)); err != nil {
			t.Fatal(err)
		}
		if s, err := Open(cfg, Options{FS: faulty, StoreHost: stood, Log: testLog()}); err == nil {
			s.abandonForTest(t)
		}
		s := open(t, image.CrashClone(uint64(after)), cfg)
		allThere(t, s, 12)
		s.abandonForTest(t)
	}
}

// keysLost names the numbered messages whose key is not found.
func keysLost(t *testing.T, s *Store, count int) (lost []int) {
	t.Helper()
	for n := range count {
		found, _, _, err := s.index.Query(fmt.Sprintf("T#k%d", n), 10, 0, 1<<62)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) == 0 {
			lost = append(lost, n)
		}
	}
	return lost
}

// An index that could not be written during a recovery is filled by the next start.
func TestNoMarkWithoutAnIndex(t *testing.T) {
	t.Parallel()
	failed := 0
	for entries := 9; entries <= 20; entries++ {
		clk := clock.NewFake(time.UnixMilli(1_700_000_000_000)) // index files have their time as name
		cfg := small("/store", func(c *Config) { c.MaxIndexNum, c.MappedFileSizeCommitLog = entries, 64<<10 })
		disk := vfs.NewMemory(clk.Now)
		s := openAt(t, disk, cfg, clk)
		for n := range 14 {
			send(t, s, numbered("T", int32(n%3), n))
			clk.Advance(2 * time.Millisecond)
			if n == 3 {
				s.flushQueues(0)
			}
		}
		s.flushQueues(1)
		for after := range 6 {
			image := disk.KillClone()
			faulty := vfs.NewFaulty(image)
			if err := faulty.Inject(fmt.Sprintf("create index/* after=%d times=1 err=ENOSPC", after)); err != nil {
				t.Fatal(err)
			}
			again, err := Open(cfg, Options{FS: faulty, Clock: clk, StoreHost: stood, Log: testLog()})
			if err != nil {
				continue
			}
			if again.flags.has(flagIndexError) {
				failed++
			}
			image = image.KillClone()
			again.abandonForTest(t)
			again = openAt(t, image, cfg, clk)
			if lost := keysLost(t, again, 14); len(lost) > 0 {
				t.Errorf("%d entries a file, %d made before the fault: keys of messages %v are lost", entries, after, lost)
			}
			again.abandonForTest(t)
		}
		s.abandonForTest(t)
	}
	if failed == 0 {
		t.Error("no index failed")
	}
}

// A flush of the index that failed once may have lost pages, whatever the next one says.
func TestNoMarkAfterALostFlush(t *testing.T) {
	t.Parallel()
	cfg := small("/store")
	disk := vfs.NewMemory(nil)
	faulty := vfs.NewFaulty(disk)
	s := open(t, faulty, cfg)
	for n := range 6 {
		send(t, s, numbered("T", int32(n%3), n))
	}
	s.flushQueues(0)
	good := s.checkpoint.Mark()
	for n := 6; n < 12; n++ {
		send(t, s, numbered("T", int32(n%3), n))
	}
	if err := faulty.Inject("fsync index/* times=1 err=EIO"); err != nil {
		t.Fatal(err)
	}
	s.flushQueues(0)
	if err := s.Close(); err == nil {
		t.Error("a clean stop without an index")
	}
	if got := s.checkpoint.Mark(); got != good {
		t.Errorf("the mark is %+v, want %+v", got, good)
	}
}

// A damaged unit of a record that is dispatched again is mended, and holds up no other.
func TestDamagedUnitBehindTheMark(t *testing.T) {
	t.Parallel()
	cfg := small("/store")
	for victim := 4; victim < 10; victim++ {
		disk := vfs.NewMemory(nil)
		s := open(t, disk, cfg)
		var sent []Result
		for n := range 10 {
			sent = append(sent, send(t, s, numbered("T", 0, n))[0])
			if n == 3 {
				s.flushQueues(0)
			}
		}
		s.flushQueues(1)
		image := disk.KillClone()
		s.abandonForTest(t)
		overwrite(t, image, "/store/consumequeue/T/0/00000000000000000000", int64(victim)*20, binary.BigEndian.AppendUint64(nil, uint64(sent[victim].PhyOffset)&0xff))
		s = open(t, image, cfg)
		q, _ := s.queues.Lookup("T", 0)
		if u, _ := q.Unit(int64(victim)); u.PhyOffset != sent[victim].PhyOffset {
			t.Errorf("unit %d leads to %d, want %d", victim, u.PhyOffset, sent[victim].PhyOffset)
		}
		if got := len(bodies(t, s, "T", 0)); got != 10 {
			t.Errorf("with unit %d damaged %d messages are there, want 10", victim, got)
		}
		s.abandonForTest(t)
	}
}

// A damaged unit in front of the place where records are dispatched again costs its own
// message at most, whatever it says: no other moves.
func TestDamagedUnitBeforeTheMark(t *testing.T) {
	t.Parallel()
	for _, topic := range []string{"T", "%LMQ%a"} {
		on := small("/store", lmq)
		disk := vfs.NewMemory(nil)
		s := open(t, disk, on)
		var sent []Result
		for n := range 20 {
			sent = append(sent, send(t, s, msg("T", 0, fmt.Sprintf("body-%d", n), fmt.Sprintf("UNIQ_KEY\x01U%d\x02INNER_MULTI_DISPATCH\x01%%LMQ%%a\x02", n)))[0])
			if n == 10 {
				s.flushQueues(0)
			}
		}
		s.flushQueues(1)
		image := disk.KillClone()
		s.abandonForTest(t)
		for victim := range 11 {
			for _, says := range []int64{0, 1, sent[victim].PhyOffset + 1, sent[9].PhyOffset + 1, sent[15].PhyOffset, 1 << 40} {
				damaged := image.KillClone()
				overwrite(t, damaged, "/store/consumequeue/"+topic+"/0/00000000000000000000", int64(victim)*20, binary.BigEndian.AppendUint64(nil, uint64(says)))
				s = open(t, damaged, on)
				q, _ := s.queues.Lookup(topic, 0)
				if q.MaxOffset() != 20 {
					t.Errorf("%s: unit %d says %d: the queue ends at %d, want 20", topic, victim, says, q.MaxOffset())
				}
				for n := range int64(20) {
					if u, _ := q.Unit(n); u.PhyOffset != sent[n].PhyOffset && n != int64(victim) {
						t.Errorf("%s: unit %d says %d: unit %d leads to %d, want %d", topic, victim, says, n, u.PhyOffset, sent[n].PhyOffset)
					}
				}
				s.abandonForTest(t)
			}
		}
	}
}

// A queue that was taken away is missed, although a new one came after the mark.
func TestNewQueueHidesNoneThatIsGone(t *testing.T) {
	t.Parallel()
	for _, newOne := range []bool{false, true} {
		cfg := small("/store")
		disk := vfs.NewMemory(nil)
		s := open(t, disk, cfg)
		for n := range 9 {
			send(t, s, numbered("T", int32(n%3), n))
		}
		s.flushQueues(0)
		if newOne {
			send(t, s, numbered("New", 0, 100))
		}
		image := disk.KillClone()
		s.abandonForTest(t)
		for _, name := range image.Names() {
			if strings.HasPrefix(name, "/store/consumequeue/T/1/") { // its directory stays
				if err := image.Remove(name); err != nil {
					t.Fatal(err)
				}
			}
		}
		s, from, log := openTelling(t, image, cfg)
		if got := len(bodies(t, s, "T", 1)); from != 0 || got != 3 {
			t.Errorf("with a new queue (%v) the log was read from %d on, and %d messages of 3 are there\n%s", newOne, from, got, log)
		}
		s.abandonForTest(t)
	}
}

// Queues that went while the broker ran are not missed.
func TestDeletedTopicsAreNotMissed(t *testing.T) {
	t.Parallel()
	cfg := small("/store")
	disk := vfs.NewMemory(nil)
	s := open(t, disk, cfg)
	for n := range 9 {
		send(t, s, numbered("T", int32(n%3), n))
	}
	send(t, s, numbered("Gone", 0, 100))
	send(t, s, numbered("T", 0, 9))
	if err := s.DeleteTopics([]string{"Gone"}); err != nil {
		t.Fatal(err)
	}
	last := send(t, s, numbered("T", 0, 10))[0]
	s.flushQueues(0)
	image := disk.KillClone()
	s.abandonForTest(t)
	s, from, log := openTelling(t, image, cfg)
	if from == 0 || from > last.PhyOffset {
		t.Errorf("the log was read from %d on\n%s", from, log)
	}
	s.abandonForTest(t)
}

// Light queues are filled again after a run that did not.
func TestMarkOfARunWithoutLightQueues(t *testing.T) {
	t.Parallel()
	on := small("/store", func(c *Config) { c.EnableLmq, c.EnableMultiDispatch = true, true })
	disk := vfs.NewMemory(nil)
	s := open(t, disk, on)
	for n := range 6 {
		send(t, s, msg("T", 0, fmt.Sprint("body", n), "INNER_MULTI_DISPATCH\x01%LMQ%a\x02"))
		if n == 2 {
			s.flushQueues(0)
		}
	}
	image := disk.KillClone() // the last units are in memory only
	s.abandonForTest(t)
	s = open(t, image, small("/store"))
	image = image.KillClone()
	s.abandonForTest(t)
	s = open(t, image, on)
	if got := s.queues.Queue("%LMQ%a", 0).MaxOffset(); got != 6 {
		t.Errorf("the light queue ends at %d, want 6", got)
	}
	s.abandonForTest(t)
}

// A broker that was killed before it wrote the checkpoint has written its abort file.
func TestMarkBeforeAnotherBroker(t *testing.T) {
	t.Parallel()
	cfg := small("/store")
	disk, _ := marked(t, cfg)
	if err := vfs.WriteFile(disk, "/store/abort", []byte("4711")); err != nil {
		t.Fatal(err)
	}
	s, from, log := openTelling(t, disk, cfg)
	if from != 0 || !strings.Contains(log, "another broker") {
		t.Errorf("the log was read from %d on\n%s", from, log)
	}
	allThere(t, s, 12)
	s.abandonForTest(t)
}

// noSyncFS is a disk on which no single call makes everything durable, as under Linux before 5.8.
type noSyncFS struct{ vfs.FS }

// A start without a mark asks each file there. It left the store without marks for good.
func TestMarkWithoutSyncFS(t *testing.T) {
	t.Parallel()
	for rule, marks := range map[string]bool{
		"": true, "fsync commitlog/* err=EIO": false, "fsync T/1/* err=EIO": false, "syncdir T/1 err=EIO": false, "fsync index/* err=EIO": false,
	} {
		cfg := small("/store")
		image, _ := marked(t, cfg)
		if err := image.Remove("/store/checkpoint"); err != nil {
			t.Fatal(err)
		}
		disk := vfs.NewFaulty(image)
		if rule != "" {
			inject(t, disk, rule)
		}
		s, err := Open(cfg, Options{FS: noSyncFS{disk}, StoreHost: stood, Log: testLog()})
		if err != nil {
			t.Fatalf("%s: %v", rule, err)
		}
		if s.markable() != marks {
			t.Errorf("%q: a mark can be made: %v", rule, !marks)
		}
		_ = s.Close()
	}
}
