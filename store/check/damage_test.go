package check

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
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
	"github.com/skylarkmq/skylark/store/index"
)

// hurt is a store directory under damage.
type hurt struct {
	*testing.T
	root string
}

func (h hurt) path(rel string) string { return filepath.Join(h.root, filepath.FromSlash(rel)) }

func (h hurt) read(rel string) []byte {
	h.Helper()
	data, err := os.ReadFile(h.path(rel))
	if err != nil {
		h.Fatal(err)
	}
	return data
}

func (h hurt) write(rel string, at int64, data []byte) {
	h.Helper()
	f, err := os.OpenFile(h.path(rel), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		h.Fatal(err)
	}
	if _, err := f.WriteAt(data, at); err != nil {
		h.Fatal(err)
	}
	if err := f.Close(); err != nil {
		h.Fatal(err)
	}
}

func (h hurt) flip(rel string, at int64) { h.write(rel, at, []byte{h.read(rel)[at] ^ 0x10}) }

func (h hurt) truncate(rel string, size int64) {
	h.Helper()
	if err := os.Truncate(h.path(rel), size); err != nil {
		h.Fatal(err)
	}
}

func (h hurt) remove(rel string) {
	h.Helper()
	if err := os.RemoveAll(h.path(rel)); err != nil {
		h.Fatal(err)
	}
}

func (h hurt) replace(rel, old, with string) {
	h.Helper()
	text := h.read(rel)
	if !bytes.Contains(text, []byte(old)) {
		h.Fatalf("%s does not have %q", rel, old)
	}
	if err := os.WriteFile(h.path(rel), bytes.Replace(text, []byte(old), []byte(with), 1), 0o600); err != nil {
		h.Fatal(err)
	}
}

// nth is the position of the n-th record of the first log file, and the record.
func (h hurt) nth(n int) (int64, message.View) {
	h.Helper()
	data := h.read(firstLog)
	at := 0
	for ; ; n-- {
		var v message.View
		if err := message.Decode(data[at:], &v); err != nil {
			h.Fatal(err)
		}
		if n == 0 {
			return int64(at), v
		}
		at += int(v.Size)
	}
}

const (
	firstLog  = "commitlog/00000000000000000000"
	secondLog = "commitlog/00000000000001048576"
	someQueue = "consumequeue/GoldenTag/0/00000000000000000000"
)

func indexFile(h hurt) string {
	h.Helper()
	list, err := os.ReadDir(h.path("index"))
	if err != nil || len(list) == 0 {
		h.Fatal("no index", err)
	}
	return "index/" + list[0].Name()
}

// Every kind of damage is found, and repaired; what the log still has is served
// after it, as Java wrote it. lost is how many messages the damage itself took.
var damages = []struct {
	name  string
	do    func(h hurt)
	kinds []Kind
	lost  int
}{
	{"bit of a body", func(h hurt) {
		at, v := h.nth(500)
		h.flip(firstLog, at+88+int64(len(v.Body))/2)
	}, []Kind{LogDamage}, 1},
	{"bit of a body whose unit is lost too", func(h hurt) {
		at, v := h.nth(500)
		h.flip(firstLog, at+88+int64(len(v.Body))/2)
		h.remove(fmt.Sprintf("consumequeue/%s/%d", v.Topic, v.QueueID))
	}, []Kind{LogDamage, UnitMissing}, 1},
	{"length of a record", func(h hurt) { at, _ := h.nth(300); h.flip(firstLog, at+2) }, []Kind{LogDamage}, 1},
	{"magic of a record", func(h hurt) { at, _ := h.nth(301); h.flip(firstLog, at+5) }, []Kind{LogDamage}, 1},
	{"place of a record", func(h hurt) { at, _ := h.nth(302); h.flip(firstLog, at+33) }, []Kind{LogDamage}, 1},
	{"queue offset of a record", func(h hurt) { at, _ := h.nth(400); h.flip(firstLog, at+26) }, []Kind{LogDamage}, 1},
	{"queue of a record", func(h hurt) { at, _ := h.nth(401); h.flip(firstLog, at+15) }, []Kind{LogDamage}, 1},
	{"first record", func(h hurt) { h.flip(firstLog, 5) }, []Kind{LogDamage}, 1},
	{"a page of zeros", func(h hurt) { h.write(firstLog, 40960, make([]byte, 4096)) }, []Kind{LogDamage}, -1},
	{"properties of zeros", func(h hurt) {
		at, v := h.nth(600)
		h.write(firstLog, at+int64(v.Size)-90, make([]byte, 90))
	}, []Kind{LogDamage}, 1},
	{"a page of zeros and no queues", func(h hurt) {
		h.write(firstLog, 40960, make([]byte, 4096))
		h.remove("consumequeue")
	}, []Kind{LogDamage, UnitMissing}, -1},
	{"blank record", func(h hurt) {
		data := h.read(firstLog)
		at := bytes.LastIndex(data, []byte{0xCB, 0xD4, 0x31, 0x94})
		h.write(firstLog, int64(at), []byte{0})
	}, []Kind{LogDamage}, 0},
	{"log file cut off", func(h hurt) { h.truncate(firstLog, 900_000) }, []Kind{BadSize, LogDamage}, -1},
	{"log file too long", func(h hurt) { h.write(firstLog, 1<<20, []byte("surplus")) }, []Kind{BadSize}, 0},
	{"log file missing in the middle", func(h hurt) { h.remove(secondLog) }, []Kind{LogGap}, -1},
	{"stranger among the log files", func(h hurt) { h.write("commitlog/core.1234", 0, []byte("x")) }, []Kind{BadName}, 0},

	{"bit of a unit's place", func(h hurt) { h.flip(someQueue, 5*20+6) }, []Kind{UnitWrong}, 0},
	{"bit of a unit's size", func(h hurt) { h.flip(someQueue, 5*20+10) }, []Kind{UnitWrong}, 0},
	{"bit of a unit's tags", func(h hurt) { h.flip(someQueue, 5*20+18) }, []Kind{UnitWrong}, 0},
	{"unit of zeros", func(h hurt) { h.write(someQueue, 7*20, make([]byte, 20)) }, []Kind{UnitMissing}, 0},
	{"units behind the end of the log", func(h hurt) {
		u := make([]byte, 20)
		binary.BigEndian.PutUint64(u, 1<<40)
		binary.BigEndian.PutUint32(u[8:], 200)
		data := h.read(someQueue)
		at := 0
		for binary.BigEndian.Uint32(data[at+8:]) != 0 {
			at += 20
		}
		h.write(someQueue, int64(at), u)
	}, []Kind{UnitStray}, 0},
	{"queue file cut off", func(h hurt) { h.truncate(someQueue, 1000) }, []Kind{BadSize}, 0},
	{"queue file missing", func(h hurt) { h.remove(someQueue) }, []Kind{UnitMissing}, 0},
	{"all queues missing", func(h hurt) { h.remove("consumequeue") }, []Kind{UnitMissing}, 0},
	{"stranger in a queue", func(h hurt) { h.write("consumequeue/GoldenTag/0/notes.txt", 0, []byte("x")) }, []Kind{BadName}, 0},

	{"bit of an index entry", func(h hurt) { h.flip(indexFile(h), 40+4*1000+20*9+2) }, []Kind{IndexDamage}, 0},
	{"place in an index entry", func(h hurt) { h.flip(indexFile(h), 40+4*1000+20*9+9) }, []Kind{IndexDamage}, 0},
	{"slot of the index", func(h hurt) { h.flip(indexFile(h), 40+4*77+3) }, []Kind{IndexDamage}, 0},
	{"head of the index", func(h hurt) { h.flip(indexFile(h), 39) }, nil, 0},
	{"index cut off", func(h hurt) { h.truncate(indexFile(h), 4000) }, []Kind{BadSize}, 0},
	{"index missing", func(h hurt) { h.remove("index") }, []Kind{KeyMissing}, 0},
	{"stale index", func(h hurt) {
		// As it was when half of the entries were not there yet.
		name := indexFile(h)
		data := h.read(name)
		n := binary.BigEndian.Uint32(data[36:]) / 2
		shape := index.Shape{Slots: 1000, Entries: 4000}
		binary.BigEndian.PutUint32(data[36:], n)
		binary.BigEndian.PutUint64(data[24:], uint64(index.DecodeEntry(data[shape.EntryAt(int32(n)-1):]).Phy))
		h.write(name, 0, data[:40])
	}, []Kind{IndexDamage, KeyMissing}, 0},
	{"stranger in the index", func(h hurt) { h.write("index/core", 0, []byte("x")) }, []Kind{BadName}, 0},

	{"checkpoint missing", func(h hurt) { h.remove("checkpoint") }, []Kind{CheckpointOff}, 0},
	{"checkpoint cut off", func(h hurt) { h.truncate("checkpoint", 10) }, []Kind{CheckpointOff}, 0},
	{"checkpoint ahead of the log", func(h hurt) { h.write("checkpoint", 8, []byte{0x7f}) }, []Kind{CheckpointOff}, 0},
	{"state file cut off", func(h hurt) { h.truncate("config/topics.json", 100) }, []Kind{StateDamage}, 0},
	{"consumer ahead of its queue", func(h hurt) {
		h.replace("config/consumerOffset.json", "\"GoldenOrder@CG_order\":{\n\t\t\t0:30,", "\"GoldenOrder@CG_order\":{\n\t\t\t0:3000,")
	}, []Kind{OffsetBeyond}, 0},
	{"delay level ahead of its queue", func(h hurt) { h.replace("config/delayOffset.json", "1:50", "1:5000") }, []Kind{OffsetBeyond}, 0},
}

func TestDamageIsFoundAndRepaired(t *testing.T) {
	t.Parallel()
	for _, row := range damages {
		t.Run(strings.ReplaceAll(row.name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			const name = "java-5.4.0-clean"
			root := goldenstore.Unpack(t, name)
			cfg := settings(root)
			shrink(t, root)
			row.do(hurt{t, root})
			r := run2(t, cfg)
			if r.Clean() {
				t.Fatal("the damage was not found")
			}
			for _, k := range row.kinds {
				if r.Counts[k] == 0 {
					t.Errorf("no %s among %v", k, r.Counts)
				}
			}
			p := repair(t, r, cfg)
			if row.lost >= 0 && p.Lost != row.lost || row.lost < 0 && p.Lost == 0 {
				t.Errorf("%d lost, want %d", p.Lost, row.lost)
			}
			served(t, name, cfg, p)
		})
	}
}

// A store that was killed, and whose older files are damaged: the repair leaves the
// end of the log to recovery, and the mark of the crash too.
func TestDamageBeforeACrash(t *testing.T) {
	t.Parallel()
	const name = "java-5.4.0-crashed"
	root := goldenstore.Unpack(t, name)
	cfg := settings(root)
	shrink(t, root)
	h := hurt{t, root}
	at, v := h.nth(500)
	h.flip(firstLog, at+88+int64(len(v.Body))/2)
	h.write("commitlog/00000000000003145728", 500_000, make([]byte, 8192))
	h.write("commitlog/00000000000007340032", 7364662-7340032+800, make([]byte, 900)) // the last record, torn
	p := repair(t, run2(t, cfg), cfg)
	if there, err := vfs.Exists(vfs.ReadOnly, h.path("abort")); err != nil || !there {
		t.Error("the repair took the mark of the crash away", err)
	}
	if p.Lost < 2 {
		t.Errorf("%d lost", p.Lost)
	}
	p.regions = append(p.regions, region{from: 7364662, to: 1 << 62})
	served(t, name, cfg, p)
}

// shrink takes the timer wheel away: 38 MB that these tests do not look at.
func shrink(t *testing.T, root string) {
	t.Helper()
	if err := os.Remove(filepath.Join(root, "timerwheel")); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
}

// repair carries a plan out, and finds nothing to do afterwards.
func repair(t *testing.T, r *Report, cfg *store.Config) *Repair {
	t.Helper()
	p := Plan(r, cfg)
	if len(p.Steps) == 0 {
		t.Fatalf("no plan for %+v", r.Problems)
	}
	kept, err := p.Write(context.Background(), vfs.Disk, time.Now())
	if err != nil {
		t.Fatalf("%v, of the plan %+v", err, p.Steps)
	}
	again, err := Run(context.Background(), Options{Config: cfg})
	if err != nil {
		t.Fatal(err)
	}
	if !again.Clean() {
		t.Errorf("after the repair: %+v\nplan %+v", again.Problems, p.Steps)
	}
	if entries, err := os.ReadDir(kept); err != nil && !missingOnly(r) || err == nil && len(entries) == 0 {
		t.Errorf("nothing was kept: %v", err)
	}
	return p
}

// missingOnly: where something was not there, nothing is replaced.
func missingOnly(r *Report) bool {
	return r.Counts[UnitMissing]+r.Counts[KeyMissing]+r.Counts[CheckpointOff]+r.Counts[LogGap]+r.Counts[BadSize] > 0
}

// served opens the store and reads every message that Java listed, by offset and
// by key, except those whose bytes were lost.
func served(t *testing.T, name string, cfg *store.Config, p *Repair) {
	t.Helper()
	s, err := store.Open(config.NewSection(*cfg), store.Options{Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	found, gone := 0, 0
	for _, m := range manifest(t, name) {
		if inRegions(p.regions, m.PhysicalOffset) {
			gone++
			continue
		}
		res, rec := s.Get(&store.GetRequest{Topic: m.Topic, QueueID: m.QueueID, Offset: m.QueueOffset, MaxCount: 1, MaxBytes: 1 << 20}, nil)
		var v message.View
		if err := message.Decode(rec, &v); res.Status != store.GetFound || err != nil || v.PhyOffset != m.PhysicalOffset {
			t.Fatalf("%+v: %v %v, record of %d", m, res.Status, err, v.PhyOffset)
		}
		if sum := sha256.Sum256(v.Body); hex.EncodeToString(sum[:8]) != m.BodySha {
			t.Fatalf("%+v: another body", m)
		}
		if m.UniqKey != "" && found%7 == 0 {
			if q, err := s.QueryKey(m.Topic, m.UniqKey, 64, math.MaxInt, 0, 1<<62); err != nil || len(q.Records) == 0 {
				t.Fatalf("%+v: not found by key: %v", m, err)
			}
		}
		found++
	}
	if found == 0 || gone == 0 && p.Lost > 0 {
		t.Errorf("%d found, %d gone, %d lost by the plan", found, gone, p.Lost)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	r, err := Run(context.Background(), Options{Config: cfg})
	if err != nil || !r.Clean() {
		t.Errorf("after a run of the store: %v %+v", err, r.Problems)
	}
}

func inRegions(list []region, phy int64) bool {
	for _, g := range list {
		if phy >= g.from && phy < g.to {
			return true
		}
	}
	return false
}

type goldenMessage struct {
	Topic                       string
	QueueID                     int32
	QueueOffset, PhysicalOffset int64
	BodySha, UniqKey, CqTopic   string
}

func manifest(t *testing.T, name string) []goldenMessage {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "testdata", "golden", name+".json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	var m struct{ Messages []goldenMessage }
	if err := json.NewDecoder(z).Decode(&m); err != nil {
		t.Fatal(err)
	}
	return m.Messages
}
