package check

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/internal/goldenstore"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store"
	"github.com/skylarkmq/skylark/store/consumequeue"
)

// aKey gives the index something to hold.
const aKey = "KEYS\x01k\x02"

// filled is a store that was stopped cleanly, with n messages of one queue.
func filled(t *testing.T, n, body int, properties string) (hurt, *store.Config) {
	t.Helper()
	h := hurt{t, t.TempDir()}
	cfg := store.Defaults()
	cfg.StorePathRootDir = h.root
	cfg.MappedFileSizeCommitLog, cfg.MappedFileSizeConsumeQueue, cfg.MaxHashSlotNum, cfg.MaxIndexNum = 1<<17, 20_000, 64, 1024
	put(t, &cfg, n, body, properties)
	return h, &cfg
}

func put(t *testing.T, cfg *store.Config, n, body int, properties string) {
	t.Helper()
	putIn(t, cfg, "T", n, body, properties)
}

func putIn(t *testing.T, cfg *store.Config, topic string, n, body int, properties string) {
	t.Helper()
	s, err := store.Open(config.NewSection(*cfg), store.Options{Log: zerolog.Nop(), StoreHost: netip.MustParseAddrPort("127.0.0.1:10911")})
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		m := message.Message{Topic: topic, Body: bytes.Repeat([]byte("b"), body), Properties: []byte(properties)}
		if res := s.Put(&m); res.Status != store.PutOK {
			t.Fatal(res)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// stale puts whole records behind the end, as they are when Java's recovery has cut
// the log off and others were written over the first of them.
func (h hurt) stale(end, storeTime int64) {
	h.Helper()
	m := message.Message{Topic: "T", Body: bytes.Repeat([]byte("o"), 300), BornHost: noHostButOne, StoreHost: noHostButOne, Properties: []byte("KEYS\x01old\x02")}
	h.write(firstLog, end, []byte("the rest of one"))
	for n, at := int64(150), end+40; n < 170; n++ {
		rec, err := message.Encoding{}.AppendRecord(nil, &m)
		if err != nil {
			h.Fatal(err)
		}
		message.Patch(rec, message.StoreTimestampAt(rec), n, at, storeTime)
		h.write(firstLog, at, rec)
		at += int64(len(rec))
	}
}

var noHostButOne = netip.MustParseAddrPort("127.0.0.1:10911")

// Old records behind the end of the log are not of the log: neither after a clean
// stop, when the queues say so, nor after a crash, when their age does.
func TestOldRecordsBehindTheEnd(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"clean", "clean, and no queues", "crashed"} {
		t.Run(strings.ReplaceAll(how, " ", "-"), func(t *testing.T) {
			t.Parallel()
			h, cfg := filled(t, 100, 10, aKey)
			before := run2(t, cfg)
			h.stale(before.Log.End, before.Log.LastTime-1000)
			switch how {
			case "clean, and no queues":
				h.remove("consumequeue")
			case "crashed":
				h.write("abort", 0, nil)
			}
			r := run2(t, cfg)
			if r.Log.End != before.Log.End || r.Log.Records != 100 || r.Counts[LogDamage] > 0 || r.Counts[LogTail] != 1 || r.Clean() != (how != "clean, and no queues") {
				t.Errorf("%+v, want an end at %d: %+v", r.Log, before.Log.End, r.Problems)
			}
			if !r.Clean() {
				repair(t, r, cfg)
			}
			var out bytes.Buffer
			d, err := NewDumper(t.Context(), Options{Config: cfg}, Filter{Queue: -1}, &out)
			if err != nil || d.Dump("records") != nil || bytes.Count(out.Bytes(), []byte("\n")) != 100 {
				t.Errorf("the dump shows %d records: %v", bytes.Count(out.Bytes(), []byte("\n")), err)
			}
		})
	}
}

// What is damaged in front of old records is still repaired, and the old ones stay out.
func TestDamageAndOldRecords(t *testing.T) {
	t.Parallel()
	h, cfg := filled(t, 100, 10, aKey)
	before := run2(t, cfg)
	h.stale(before.Log.End, before.Log.LastTime-1000)
	at, _ := h.nth(50)
	h.flip(firstLog, at+2)
	r := run2(t, cfg)
	if p := repair(t, r, cfg); p.Lost != 1 || r.Log.End != before.Log.End {
		t.Errorf("%d lost, the log ends at %d, want 1 and %d: %+v", p.Lost, r.Log.End, before.Log.End, r.Problems)
	}
}

// A message may have the property in which brokers keep the sum of a record: a store
// that does not write it keeps what came.
func TestSumOfAClient(t *testing.T) {
	t.Parallel()
	h, cfg := filled(t, 20, 10, "TAGS\x01a\x02__CRC32#\x010123456789\x02")
	r := run2(t, cfg)
	if !r.Clean() || r.Counts[LogDamage] != 20 || r.Log.Sealed != 0 || Plan(r, cfg).sealed {
		t.Errorf("%d records sealed, %+v", r.Log.Sealed, r.Problems)
	}
	sure := *cfg
	sure.EnabledAppendPropCRC = true
	if r := run2(t, &sure); r.Errors != 20 {
		t.Errorf("with enabledAppendPropCRC: %d errors", r.Errors)
	}
	at, v := h.nth(7)
	h.flip(firstLog, at+int64(v.Size)-int64(len(v.Properties))+5) // of the tag: the unit has another hash
	if r := run2(t, cfg); r.Errors == 0 || r.damage.regions == nil || r.damage.regions[0].from != at {
		t.Errorf("the record and its unit differ: %+v", r.Problems)
	}
}

// Records that stand for small messages have no room for everything: they go without,
// all of them, and each keeps its offset.
func TestStandInsOfSmallMessages(t *testing.T) {
	t.Parallel()
	for _, sealed := range []bool{false, true} {
		t.Run(fmt.Sprint(sealed), func(t *testing.T) {
			t.Parallel()
			h := hurt{t, t.TempDir()}
			cfg := store.Defaults()
			cfg.StorePathRootDir, cfg.EnabledAppendPropCRC = h.root, sealed
			cfg.MappedFileSizeCommitLog, cfg.MappedFileSizeConsumeQueue, cfg.MaxHashSlotNum, cfg.MaxIndexNum = 1<<17, 20_000, 64, 1024
			put(t, &cfg, 200, 1, aKey)
			h.write(firstLog, 4096, make([]byte, 4096))
			r := run2(t, &cfg)
			if p := repair(t, r, &cfg); p.Lost < 30 {
				t.Errorf("%d lost", p.Lost)
			}
			offsetsAgree(h, 200)
		})
	}
}

// offsetsAgree: the unit of each offset leads to the record of that offset.
func offsetsAgree(h hurt, n int) {
	h.Helper()
	log, queue := h.read(firstLog), h.read("consumequeue/T/0/00000000000000000000")
	for i := range n {
		phy := binary.BigEndian.Uint64(queue[i*20:])
		var v message.View
		if err := message.Decode(log[phy:], &v); err != nil || v.QueueOffset != int64(i) || string(v.Topic) != "T" {
			h.Fatalf("unit %d leads to %q, offset %d, at %d: %v", i, v.Topic, v.QueueOffset, phy, err)
		}
	}
}

// One small record was in many light queues: it has room for one stand-in.
func TestStandInsOfLightQueues(t *testing.T) {
	t.Parallel()
	h, cfg := filled(t, 20, 10, aKey)
	at, _ := h.nth(5)
	h.flip(firstLog, at+2)
	r := run2(t, cfg)
	for n := range 4 {
		r.damage.lost = append(r.damage.lost, identity{queueKey{message.LMQPrefix + fmt.Sprint(n), 0}, 0, at})
	}
	if p := repair(t, r, cfg); p.Lost != 1 {
		t.Errorf("%d stand-ins", p.Lost)
	}
	offsetsAgree(h, 20)
}

// Where there is no room at all, nothing is changed: neither for many messages in the
// bytes of one, nor for any record in a few bytes.
func TestRepairRefuses(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		do   func(r *Report)
	}{
		{"many messages", func(r *Report) {
			for n := range int32(4) {
				r.damage.lost = append(r.damage.lost, identity{queueKey{"U", n}, 0, r.damage.regions[0].from})
			}
		}},
		{"a few bytes", func(r *Report) { r.damage.regions[0].to = r.damage.regions[0].from + 20 }},
	} {
		t.Run(strings.ReplaceAll(row.name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			h, cfg := filled(t, 20, 10, aKey)
			at, _ := h.nth(5)
			h.flip(firstLog, at+2)
			r := run2(t, cfg)
			row.do(r)
			before := state(t, h.root)
			p := Plan(r, cfg)
			var text bytes.Buffer
			p.Text(&text)
			if _, err := p.Write(t.Context(), vfs.Disk, time.Now()); err == nil || p.Refused == "" || !strings.Contains(text.String(), p.Refused) {
				t.Errorf("written with %v: %q\n%s", err, p.Refused, &text)
			}
			if after := state(t, h.root); after != before {
				t.Errorf("changed from\n%s to\n%s", before, after)
			}
		})
	}
}

// A store that a repair left without records for some offsets, for want of room: the
// queue built anew has units for them, and those behind stay where they are.
func TestRebuildKeepsOffsets(t *testing.T) {
	t.Parallel()
	h, cfg := filled(t, 60, 30, aKey)
	from, _ := h.nth(20)
	to, _ := h.nth(30)
	w := patch{from: from, to: to, storeTime: 1, style: style{}, write: func(at int64, rec []byte) error {
		h.write(firstLog, at, rec)
		return nil
	}}
	if left, err := w.cover([]identity{{queueKey{"T", 0}, 20, from}, {queueKey{"T", 0}, 21, from}}); err != nil || len(left) > 0 {
		t.Fatal(left, err)
	}
	r := run2(t, cfg)
	if r.Clean() {
		t.Fatal("units that lead to nothing were not found")
	}
	repair(t, r, cfg)
	queue := h.read("consumequeue/T/0/00000000000000000000")
	at, _ := h.nth(20 + 2 + 1) // two stand-ins, filler
	if phy := binary.BigEndian.Uint64(queue[30*20:]); int64(phy) != at || at != to {
		t.Errorf("the unit of offset 30 leads to %d, its record is at %d", phy, to)
	}
	put(t, cfg, 5, 30, aKey)
	if r := run2(t, cfg); !r.Clean() || r.Log.Records != 60-10+3+5 {
		t.Errorf("after a run of the store: %+v %+v", r.Log, r.Problems)
	}
}

// A damaged record of many messages takes its unit along, also when it is the last, and
// then its group goes back.
func TestDamagedBatch(t *testing.T) {
	t.Parallel()
	for _, last := range []bool{false, true} {
		root := goldenstore.Unpack(t, "java-5.4.0-features")
		shrink(t, root)
		h, cfg := hurt{t, root}, settings(root)
		const batches = "batchconsumequeue/FeatBatchCQ/0/00000000000000000000"
		units := h.read(batches)
		n, end := 0, 0
		for more := 0; binary.BigEndian.Uint32(units[more*46+8:]) > 0; more++ {
			u := consumequeue.DecodeBatchUnit(units[more*46:])
			if end = int(u.End()); last {
				n = more
			}
		}
		h.commit("FeatBatchCQ", end)
		h.flip(firstLog, int64(binary.BigEndian.Uint64(units[n*46:]))+5)
		r := run2(t, cfg)
		if r.Counts[LogDamage] != 1 || (r.Counts[OffsetBeyond] == 1) != last {
			t.Fatalf("%+v", r.Problems)
		}
		repair(t, r, cfg)
	}
}

// commit makes the store's only group have an offset in queue 0 of a topic.
func (h hurt) commit(topic string, offset int) {
	h.Helper()
	if err := os.MkdirAll(h.path("config"), 0o755); err != nil {
		h.Fatal(err)
	}
	if err := os.WriteFile(h.path("config/consumerOffset.json"), fmt.Appendf(nil, `{"offsetTable":{"%s@g":{0:%d}}}`, topic, offset), 0o600); err != nil {
		h.Fatal(err)
	}
}

// A log that lost its end: the units of what was there go, and groups with them.
func TestGroupsBehindALostEnd(t *testing.T) {
	t.Parallel()
	h, cfg := filled(t, 20, 10, aKey)
	at, _ := h.nth(17)
	h.write(firstLog, at, make([]byte, run2(t, cfg).Log.End-at))
	h.commit("T", 20)
	r := run2(t, cfg)
	if r.Counts[UnitStray] != 3 || r.Counts[OffsetBeyond] != 1 {
		t.Fatalf("%+v", r.Problems)
	}
	repair(t, r, cfg)
}

// A unit of one queue that leads to a whole record of another is that unit's fault,
// also when the other queue was built from a log with a hole.
func TestStrayIntoAShiftedQueue(t *testing.T) {
	t.Parallel()
	h, cfg := filled(t, 30, 10, aKey)
	for n := 10; n < 30; n++ {
		at, v := h.nth(n)
		h.write(firstLog, at+20, binary.BigEndian.AppendUint64(nil, uint64(v.QueueOffset+int64(n/10*5))))
	}
	const queue = "consumequeue/%s/0/00000000000000000000"
	units := h.read(fmt.Sprintf(queue, "T"))
	for _, n := range []int{5, 15, 25} {
		name := fmt.Sprintf(queue, fmt.Sprint("U", n))
		if err := os.MkdirAll(filepath.Dir(h.path(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		h.write(name, 0, units[n*20:][:20])
		h.truncate(name, int64(len(units)))
	}
	if r := run2(t, cfg); r.Counts[QueueHole] != 2 || r.Counts[UnitStray] != 3 || r.Counts[LogDamage] != 0 {
		t.Errorf("%+v", r.Problems)
	}
}

// The last unit of a queue is damaged, and leads to far behind the end of the log: what
// lies there does not become part of it.
func TestDamagedLastUnit(t *testing.T) {
	t.Parallel()
	h, cfg := filled(t, 100, 10, aKey)
	before := run2(t, cfg)
	h.stale(before.Log.End, before.Log.LastTime-1000)
	h.write("consumequeue/T/0/00000000000000000000", 99*20, binary.BigEndian.AppendUint64(nil, uint64(before.Log.End+1<<14)))
	r := run2(t, cfg)
	if r.Log.End != before.Log.End || r.Log.Records != 100 || r.Counts[UnitWrong] != 1 {
		t.Errorf("%+v, want an end at %d: %+v", r.Log, before.Log.End, r.Problems)
	}
	repair(t, r, cfg)
}

// The last record of one queue is damaged, and another queue ended long before: what is
// in front of that record is still of the log.
func TestDamagedLastRecord(t *testing.T) {
	t.Parallel()
	h, cfg := filled(t, 1, 10, aKey)
	putIn(t, cfg, "U", 20, 10, aKey)
	hurtAt, _ := h.nth(18)
	lastAt, _ := h.nth(20)
	h.flip(firstLog, hurtAt+2)
	h.flip(firstLog, lastAt+2)
	r := run2(t, cfg)
	if r.Log.Records != 19 || r.Log.End != lastAt {
		t.Errorf("%+v, want an end at %d: %+v", r.Log, lastAt, r.Problems)
	}
	repair(t, r, cfg)
}
