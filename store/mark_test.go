package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

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
