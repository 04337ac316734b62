package store

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
)

func TestAppendCloseReopen(t *testing.T) {
	t.Parallel()
	for _, flush := range []FlushDiskType{AsyncFlush, SyncFlush} {
		t.Run(string(flush), func(t *testing.T) {
			t.Parallel()
			disk := vfs.NewMemory(nil)
			cfg := small("/store", func(c *Config) { c.FlushDiskType = flush })
			want := map[int32][]string{}
			n := 0
			for range 3 {
				s := open(t, disk, cfg)
				for q := range int32(3) {
					if d := cmp.Diff(want[q], bodies(t, s, "T", q)); d != "" {
						t.Fatal(d)
					}
				}
				for range 20 {
					var list []*message.Message
					for q := range int32(3) {
						list = append(list, numbered("T", q, n))
						want[q] = append(want[q], fmt.Sprintf("body-%d", n))
						n++
					}
					send(t, s, list...)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				if there, _ := vfs.Exists(disk, "/store/abort"); there {
					t.Fatal("abort is left after a clean stop")
				}
			}
		})
	}
}

func TestLogIsWhatJavaWouldWrite(t *testing.T) {
	t.Parallel()
	disk := vfs.NewMemory(nil)
	s := open(t, disk, small("/store"))
	r := send(t, s, msg("T", 0, strings.Repeat("x", 3000), ""), msg("T", 1, strings.Repeat("y", 3000), ""), msg("T", 0, strings.Repeat("z", 3000), ""))
	if r[0].PhyOffset != 0 || r[1].PhyOffset != int64(r[0].Size) || r[2].PhyOffset != 8192 {
		t.Errorf("places %d %d %d: want the third one to begin a file", r[0].PhyOffset, r[1].PhyOffset, r[2].PhyOffset)
	}
	if r[0].QueueOffset != 0 || r[1].QueueOffset != 0 || r[2].QueueOffset != 1 {
		t.Errorf("queue offsets %d %d %d", r[0].QueueOffset, r[1].QueueOffset, r[2].QueueOffset)
	}
	data, err := vfs.ReadFile(disk, "/store/commitlog/00000000000000000000")
	if err != nil {
		t.Fatal(err)
	}
	end := int(r[1].PhyOffset) + int(r[1].Size)
	if size, err := message.Size(data[end:]); size != len(data)-end || !errors.Is(err, message.ErrBlank) {
		t.Errorf("blank of %d bytes, %v: want the %d left", size, err, len(data)-end)
	}
	for i, c := range data[end+8:] {
		if c != 0 {
			t.Fatalf("byte %d behind the blank is %d", i, c)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestSecondOpenIsRefused(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	s := open(t, nil, small(root))
	before := s.fs
	if _, err := Open(small(root), Options{}); !errors.Is(err, vfs.ErrLocked) {
		t.Errorf("opened twice: %v", err)
	}
	if there, _ := vfs.Exists(before, filepath.Join(root, "abort")); !there {
		t.Error("the refused one took the abort file away")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := open(t, nil, small(root)).Close(); err != nil {
		t.Fatal(err)
	}
}

func TestLists(t *testing.T) {
	t.Parallel()
	disk := vfs.NewMemory(nil)
	s := open(t, disk, small("/store"))
	var body []byte
	for i := range 5 {
		body = message.AppendBatchElement(body, message.BatchElement{Flag: int32(i), Body: fmt.Appendf(nil, "e%d", i), Properties: []byte("KEYS\x01k\x02")})
	}
	b := NewBatch()
	i, st := s.StageList(b, &message.Message{Topic: "L", Body: body, BornHost: born, Properties: []byte("CLUSTER\x01c\x02")})
	if st != PutOK {
		t.Fatal(st)
	}
	s.Append(b)
	r := b.Result(i)
	offs := b.ListOffsets(i, nil)
	if r.Status != PutOK || r.Count != 5 || len(offs) != 5 || offs[0] != r.PhyOffset || b.End() != s.MaxPhyOffset() {
		t.Fatalf("%+v %v", r, offs)
	}
	if d := cmp.Diff([]string{"e0", "e1", "e2", "e3", "e4"}, bodies(t, s, "L", 0)); d != "" {
		t.Fatal(d)
	}
	// A list never straddles two files.
	big := make([]byte, 0, 8000)
	for range 3 {
		big = message.AppendBatchElement(big, message.BatchElement{Body: make([]byte, 2500)})
	}
	b.Reset()
	if _, st := s.StageList(b, &message.Message{Topic: "L", Body: big, BornHost: born}); st != PutOK {
		t.Fatal(st)
	}
	s.Append(b)
	if offs := b.ListOffsets(0, nil); offs[0] != 8192 {
		t.Errorf("a list that does not fit begins at %v, want the next file", offs)
	}
	for name, m := range map[string]*message.Message{
		"torn":        {Topic: "L", Body: body[:len(body)-1]},
		"empty":       {Topic: "L", Body: []byte{}},
		"transaction": {Topic: "L", Body: body, SysFlag: message.FlagTransactionPrepared},
		"delayed":     {Topic: "L", Body: body, Properties: []byte("DELAY\x013\x02")},
		"long":        {Topic: "L", Body: append(append([]byte{}, big...), big...)},
	} {
		b.Reset()
		if _, st := s.StageList(b, m); st != MessageIllegal || b.Len() != 0 || b.Bytes() != 0 || len(b.hashes) != 0 {
			t.Errorf("%s: %v, %d left in the batch", name, st, b.Bytes())
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s := open(t, vfs.NewMemory(nil), small("/store", func(c *Config) { c.MaxMessageSize = 4000 }))
	s.queueType = func(topic string) QueueType {
		if topic == "Batch" {
			return QueueBatch
		}
		return QueueSimple
	}
	for name, c := range map[string]struct {
		m    *message.Message
		want PutStatus
	}{
		"no body":            {&message.Message{Topic: "T"}, MessageIllegal},
		"body too long":      {msg("T", 0, strings.Repeat("x", 4001), ""), MessageIllegal},
		"topic of 128":       {msg(strings.Repeat("t", 128), 0, "b", ""), MessageIllegal},
		"retry topic of 256": {msg("%RETRY%"+strings.Repeat("t", 249), 0, "b", ""), MessageIllegal},
		"climbing topic":     {msg("../../x", 0, "b", ""), MessageIllegal},
		"no topic":           {msg("", 0, "b", ""), MessageIllegal},
		"negative queue":     {msg("T", -1, "b", ""), MessageIllegal},
		"properties":         {msg("T", 0, "b", strings.Repeat("p", 32768)), PropertiesSizeExceeded},
		"inner num":          {msg("T", 0, "b", "INNER_NUM\x013\x02"), MessageIllegal},
		"inner batch":        {&message.Message{Topic: "T", Body: []byte("b"), SysFlag: message.FlagInnerBatch}, MessageIllegal},
		"batch topic":        {msg("Batch", 0, "b", ""), MessageIllegal},
		"larger than a file": {msg("T", 0, strings.Repeat("x", 4000), "a\x01"+strings.Repeat("p", 4100)+"\x02"), MessageIllegal},
	} {
		b := NewBatch()
		if _, st := s.Stage(b, c.m); st != c.want || b.Len() != 0 || b.Bytes() != 0 {
			t.Errorf("%s: %v, want %v", name, st, c.want)
		}
	}
	retry := msg("%RETRY%"+strings.Repeat("g", 200), 0, "b", "")
	if r := send(t, s, retry); r[0].PhyOffset != 0 {
		t.Errorf("%+v", r)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, st := s.Stage(NewBatch(), msg("T", 0, "b", "")); st != ServiceNotAvailable {
		t.Errorf("after Close: %v", st)
	}
	if ok, why := s.Writeable(); ok || why == "" {
		t.Errorf("writeable %v %q", ok, why)
	}
}

func TestDelayAndTransactions(t *testing.T) {
	t.Parallel()
	disk := vfs.NewMemory(nil)
	cfg := small("/store")
	s := open(t, disk, cfg)
	half := msg("T", 0, "prepared", "")
	half.SysFlag = message.FlagTransactionPrepared
	commit := msg("T", 0, "committed", "")
	commit.SysFlag = message.FlagTransactionCommit
	r := send(t, s, msg(message.TopicSchedule, 2, "late", "DELAY\x013\x02"), msg(message.TopicSchedule, 17, "later", "DELAY\x0199\x02"), half, commit)
	if r[2].QueueOffset != 0 || r[3].QueueOffset != 0 {
		t.Errorf("a prepared message took a queue offset: %+v", r)
	}
	check := func(s *Store) {
		t.Helper()
		for queue, delay := range map[int32]int64{2: 10_000, 17: 7_200_000} {
			q, ok := s.queues.Lookup(message.TopicSchedule, queue)
			if !ok {
				t.Fatalf("no queue %d", queue)
			}
			if u, ok := q.Unit(0); !ok || u.TagsCode != r[0].StoreTimestamp+delay {
				t.Errorf("queue %d: unit %+v %v, want delivery at %d", queue, u, ok, r[0].StoreTimestamp+delay)
			}
		}
		if d := cmp.Diff([]string{"committed"}, bodies(t, s, "T", 0)); d != "" {
			t.Error(d)
		}
	}
	check(s)
	s = reopenAfterCrash(t, disk, s, cfg)
	check(s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// reopenAfterCrash opens what a killed process leaves: everything it wrote, and
// nothing it had in memory only.
func reopenAfterCrash(t *testing.T, disk *vfs.Memory, s *Store, cfg interface{ Get() *Config }) *Store {
	t.Helper()
	s.abandonForTest(t)
	return open(t, disk, small(cfg.Get().StorePathRootDir, func(c *Config) { *c = *cfg.Get() }))
}

// abandonForTest lets go of the lock as a dying process does, and nothing else.
func (s *Store) abandonForTest(t *testing.T) {
	t.Helper()
	s.flags.set(flagClosed, "killed by the test")
	if err := s.lock.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestLookupRefusesWhatIsNoRecord(t *testing.T) {
	t.Parallel()
	s := open(t, vfs.NewMemory(nil), small("/store"))
	// The body of the second message is the image of a record at that very place.
	image, err := message.Encoding{}.AppendRecord(nil, msg("T", 0, "forged", ""))
	if err != nil {
		t.Fatal(err)
	}
	first := send(t, s, msg("T", 0, "first", ""))[0]
	at := int64(first.Size) + 88
	message.Patch(image, message.StoreTimestampAt(image), 0, at, 1)
	second := send(t, s, msg("T", 0, string(image), ""))[0]
	if rec, err := s.Lookup(second.PhyOffset, []byte("kept")); err != nil || string(rec[:4]) != "kept" || len(rec) != 4+int(second.Size) {
		t.Errorf("%d bytes, %v", len(rec), err)
	}
	for name, phy := range map[string]int64{
		"forged": at, "inside": 5, "at the end": s.MaxPhyOffset(), "behind": s.MaxPhyOffset() + 1000, "negative": -1, "huge": 1<<63 - 1, "almost at the end": s.MaxPhyOffset() - 8,
	} {
		if rec, err := s.Lookup(phy, nil); err == nil {
			t.Errorf("%s: %d bytes", name, len(rec))
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// A topic that is deleted and made again begins at offset 0 anew; what is in the log of the old one is still found, by place
// and by key.
func TestLookupInATopicMadeAgain(t *testing.T) {
	t.Parallel()
	s := open(t, vfs.NewMemory(nil), small("/store"))
	send(t, s, msg("U", 0, "another topic's", ""))
	old := send(t, s, msg("T", 0, "old", "KEYS\x01k\x02"), msg("T", 0, "old too", ""))
	if err := s.DeleteTopics([]string{"T"}); err != nil {
		t.Fatal(err)
	}
	made := send(t, s, msg("T", 0, "new", "KEYS\x01k\x02"), msg("T", 0, "new too", ""))
	if made[0].QueueOffset != 0 {
		t.Fatalf("the new queue begins at %d", made[0].QueueOffset)
	}
	for _, r := range append(old, made...) {
		if rec, err := s.Lookup(r.PhyOffset, nil); err != nil || len(rec) != int(r.Size) {
			t.Errorf("message at %d: %d bytes, %v", r.PhyOffset, len(rec), err)
		}
	}
	found, err := s.QueryKey("T", "k", 10, math.MaxInt, 0, 1<<62)
	if err != nil || len(found.Records) != 2 {
		t.Errorf("%d messages by key, %v", len(found.Records), err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// A damaged record cannot be read, but how far back the log goes is known.
func TestEarliestStoreTimeOfADamagedRecord(t *testing.T) {
	t.Parallel()
	disk := vfs.NewMemory(nil)
	s := open(t, disk, small("/store"))
	if at := s.EarliestStoreTime(); at != -1 {
		t.Errorf("empty log: %d", at)
	}
	send(t, s, msg("T", 0, "first", ""))
	want := s.EarliestStoreTime()
	log, err := disk.Open("/store/commitlog/00000000000000000000")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.WriteAt([]byte{'B'}, 88); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lookup(0, nil); err == nil {
		t.Error("the damaged record is read")
	}
	if got := s.EarliestStoreTime(); got != want || want <= 0 {
		t.Errorf("earliest store time %d, want %d", got, want)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// An answer has to name all messages of a batch in its header.
func TestBatchOfTooManyMessages(t *testing.T) {
	t.Parallel()
	s := openSmall(t, func(c *Config) { c.MaxMessageSize, c.MappedFileSizeCommitLog = 16<<20, 64<<20 })
	one := message.AppendBatchElement(nil, message.BatchElement{})
	for n, want := range map[int]PutStatus{maxListMessages: PutOK, maxListMessages + 1: MessageIllegal} {
		b := NewBatch()
		if _, st := s.StageList(b, &message.Message{Topic: "L", Body: bytes.Repeat(one, n)}); st != want {
			t.Errorf("%d messages: %v, want %v", n, st, want)
		}
		if want != PutOK && b.Len()+b.Bytes() != 0 {
			t.Errorf("%d bytes left of what was refused", b.Bytes())
		}
	}
}
