package store

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/internal/goldenstore"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/store/consumequeue"
)

// manifest is what the Java store said about a directory (testdata/golden).
type manifest struct {
	CommitLogMinOffset, CommitLogMaxOffset int64
	Queues                                 []struct {
		Topic                string
		QueueID              int32
		MinOffset, MaxOffset int64
	}
	Messages, CommitLogOnly []goldenMessage
	Files                   []struct{ Path, Sha256 string }
	TornTail                *struct {
		RecordOffset, RecordSize, ZeroedBytes int64
	}
}

type goldenMessage struct {
	Topic                        string
	QueueID                      int32
	QueueOffset                  int64
	CqTopic                      string
	CqQueueID                    *int32
	CqOffset                     *int64
	PhysicalOffset, Size         int64
	StoreTimestamp               int64
	UniqKey, Tags, Keys, BodySha string
	SysFlag                      int32
}

// place is the queue and the offset at which the message is read.
func (m *goldenMessage) place() (topic string, queue int32, offset int64) {
	topic, queue, offset = m.Topic, m.QueueID, m.QueueOffset
	if m.CqTopic != "" {
		topic = m.CqTopic
	}
	if m.CqQueueID != nil {
		queue = *m.CqQueueID
	}
	if m.CqOffset != nil {
		offset = *m.CqOffset
	}
	return topic, queue, offset
}

func readManifest(t testing.TB, name string) *manifest {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "golden", name+".json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	var m manifest
	if err := json.NewDecoder(z).Decode(&m); err != nil {
		t.Fatal(err)
	}
	return &m
}

func goldenConfig(root string) *config.Section[Config] {
	c := Defaults()
	c.StorePathRootDir = root
	c.MappedFileSizeCommitLog = 1 << 20
	c.MappedFileSizeConsumeQueue = 20000
	c.MappedFileSizeConsumeQueueExt = 65536
	c.MapperFileSizeBatchConsumeQueue = 4600
	c.MaxHashSlotNum, c.MaxIndexNum = 1000, 4000
	_, err := os.Stat(filepath.Join(root, "consumequeue_ext")) // the broker that wrote it had it on
	c.EnableConsumeQueueExt = err == nil
	return config.NewSection(c)
}

func openGolden(t testing.TB, root string) *Store {
	t.Helper()
	s, err := Open(goldenConfig(root), Options{Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestGoldenStores(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"java-4.9.4-clean", "java-5.4.0-clean", "java-5.4.0-crashed", "java-5.4.0-features", "java-5.5.0-light"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root, m := goldenstore.Unpack(t, name), readManifest(t, name)
			s := openGolden(t, root)
			checkBounds(t, s, m)
			checkMessages(t, s, m.Messages, m.CommitLogMaxOffset)
			for i := range m.CommitLogOnly {
				checkByPosition(t, s, &m.CommitLogOnly[i])
			}
			if err := s.queues.Flush(0); err != nil {
				t.Fatal(err)
			}
			checkFiles(t, root, m)
		})
	}
}

// A crash before the light queues and the batch queue were on the disk: they are made from the log alone, as Java had written them.
func TestGoldenLightQueuesFromTheLog(t *testing.T) {
	t.Parallel()
	const name = "java-5.5.0-light"
	root, m := goldenstore.Unpack(t, name), readManifest(t, name)
	lost, err := filepath.Glob(filepath.Join(root, "consumequeue", message.LMQPrefix+"*"))
	if err != nil || len(lost) != 4 {
		t.Fatalf("%d light queues: %v", len(lost), err)
	}
	for _, dir := range append(lost, filepath.Join(root, "batchconsumequeue"), filepath.Join(root, "checkpoint")) {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "abort"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := goldenConfig(root).Get()
	c.EnableLmq, c.EnableMultiDispatch = true, true
	s, err := Open(config.NewSection(*c), Options{Log: zerolog.Nop(), QueueType: func(topic string) QueueType {
		if topic == "special-batch_golden" {
			return QueueBatch
		}
		return QueueSimple
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	checkBounds(t, s, m)
	checkMessages(t, s, m.Messages, m.CommitLogMaxOffset)
	if err := s.queues.Flush(0); err != nil {
		t.Fatal(err)
	}
	checkFiles(t, root, m)
}

// The last record's second half is lost; its unit and its keys are there still.
func TestGoldenTornStore(t *testing.T) {
	t.Parallel()
	root, m, torn := goldenstore.Unpack(t, "java-5.4.0-crashed"), readManifest(t, "java-5.4.0-crashed"), readManifest(t, "java-5.4.0-crashed-torn")
	path := filepath.Join(root, "commitlog", "00000000000007340032")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	end := torn.TornTail.RecordOffset + torn.TornTail.RecordSize - 7340032
	clear(raw[end-torn.TornTail.ZeroedBytes : end])
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	s := openGolden(t, root)
	checkBounds(t, s, torn)
	checkMessages(t, s, m.Messages, torn.CommitLogMaxOffset)
	if _, err := s.Lookup(torn.TornTail.RecordOffset, nil); err == nil {
		t.Error("the torn record is served")
	}
}

func checkBounds(t *testing.T, s *Store, m *manifest) {
	t.Helper()
	if s.MinPhyOffset() != m.CommitLogMinOffset || s.MaxPhyOffset() != m.CommitLogMaxOffset {
		t.Errorf("log [%d, %d), want [%d, %d)", s.MinPhyOffset(), s.MaxPhyOffset(), m.CommitLogMinOffset, m.CommitLogMaxOffset)
	}
	var got, want []QueueBounds
	s.Queues(func(q QueueBounds) bool { got = append(got, q); return true })
	for _, q := range m.Queues {
		want = append(want, QueueBounds{q.Topic, q.QueueID, q.MinOffset, q.MaxOffset})
	}
	byName := func(a, b QueueBounds) int {
		return strings.Compare(fmt.Sprint(a.Topic, "/", a.QueueID), fmt.Sprint(b.Topic, "/", b.QueueID))
	}
	// Java lists queues that were only asked about.
	want = slices.DeleteFunc(want, func(q QueueBounds) bool { return q.Max == 0 })
	slices.SortFunc(got, byName)
	slices.SortFunc(want, byName)
	if !slices.Equal(got, want) {
		t.Errorf("queues\n%v, want\n%v", got, want)
	}
}

func checkMessages(t *testing.T, s *Store, list []goldenMessage, end int64) {
	t.Helper()
	if len(list) == 0 {
		t.Fatal("no messages in the manifest")
	}
	checked := 0
	for i := range list {
		m := &list[i]
		if m.PhysicalOffset >= end {
			continue
		}
		checkByOffset(t, s, m)
		checkByPosition(t, s, m)
		checkByKey(t, s, m)
		if checked++; t.Failed() {
			t.Fatalf("message %d: %+v", i, *m)
		}
	}
	if checked < len(list)-1 {
		t.Errorf("checked %d of %d messages", checked, len(list))
	}
}

func checkByOffset(t *testing.T, s *Store, m *goldenMessage) {
	t.Helper()
	topic, queue, offset := m.place()
	res, rec := s.Get(&GetRequest{Topic: topic, QueueID: queue, Offset: offset, MaxCount: 1}, nil)
	if res.Status != GetFound || res.LastStoreTimestamp != m.StoreTimestamp {
		t.Errorf("by offset: %+v", res)
		return
	}
	checkRecord(t, "by offset", rec, m)
}

func checkByPosition(t *testing.T, s *Store, m *goldenMessage) {
	t.Helper()
	rec, err := s.Lookup(m.PhysicalOffset, nil)
	if err != nil {
		t.Errorf("by position: %v", err)
		return
	}
	checkRecord(t, "by position", rec, m)
}

func checkByKey(t *testing.T, s *Store, m *goldenMessage) {
	t.Helper()
	if m.SysFlag&message.FlagTransactionMask == message.FlagTransactionRollback {
		return
	}
	keys := strings.Fields(m.Keys)
	if m.UniqKey != "" {
		keys = append(keys, m.UniqKey)
	}
	for _, key := range keys {
		found, err := s.QueryKey(m.Topic, key, math.MaxInt32, math.MaxInt, 0, math.MaxInt64)
		if err != nil {
			t.Errorf("by key %q: %v", key, err)
			continue
		}
		hit := slices.ContainsFunc(found.Records, func(rec []byte) bool {
			var v message.View
			return message.Decode(rec, &v) == nil && v.PhyOffset == m.PhysicalOffset
		})
		if !hit {
			t.Errorf("by key %q: not among %d records", key, len(found.Records))
		}
	}
}

func checkRecord(t *testing.T, how string, rec []byte, m *goldenMessage) {
	t.Helper()
	var v message.View
	if err := message.Decode(rec, &v); err != nil || int64(len(rec)) != m.Size {
		t.Errorf("%s: %d bytes, want %d: %v", how, len(rec), m.Size, err)
		return
	}
	sum := sha256.Sum256(v.Body)
	if string(v.Topic) != m.Topic || v.QueueOffset != m.QueueOffset || v.PhyOffset != m.PhysicalOffset || hex.EncodeToString(sum[:8]) != m.BodySha {
		t.Errorf("%s: topic %q offset %d at %d", how, v.Topic, v.QueueOffset, v.PhyOffset)
	}
}

// checkFiles compares log and queue files with those that Java's recovery left.
func checkFiles(t *testing.T, root string, m *manifest) {
	t.Helper()
	for _, f := range m.Files {
		raw, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(f.Path)))
		if err != nil {
			t.Error(err)
			continue
		}
		if sum := sha256.Sum256(raw); hex.EncodeToString(sum[:]) != f.Sha256 {
			t.Errorf("%s is not what Java's recovery left", f.Path)
		}
	}
}

type extFilter struct{ seen map[int64][]byte }

func (f extFilter) MatchQueue(code int64, ext []byte) bool { f.seen[code] = ext; return true }
func (f extFilter) MatchRecord([]byte) bool                { return true }

// Extension units give the tag and the bit map that the queue unit has no room for.
func TestGoldenExtension(t *testing.T) {
	t.Parallel()
	s := openGolden(t, goldenstore.Unpack(t, "java-5.4.0-features"))
	found := 0
	s.Queues(func(b QueueBounds) bool {
		for offset := b.Min; offset < b.Max; offset++ {
			q, ok := s.queues.Lookup(b.Topic, b.QueueID)
			if !ok {
				break
			}
			u, _ := q.Unit(offset)
			if !consumequeue.IsExtAddress(u.TagsCode) {
				continue
			}
			req := GetRequest{Topic: b.Topic, QueueID: b.QueueID, Offset: offset, MaxCount: 1, Filter: extFilter{map[int64][]byte{}}, ResidentOnly: true}
			if res, _ := s.Get(&req, nil); res.Status != GetCold && res.Status != GetFound {
				t.Fatalf("read where nothing may wait: %+v", res)
			}
			clear(req.Filter.(extFilter).seen)
			req.ResidentOnly = false
			res, rec := s.Get(&req, nil)
			var v message.View
			if err := message.Decode(rec, &v); res.Status != GetFound || err != nil {
				t.Fatal(res, err)
			}
			tags, _ := message.Property(v.Properties, message.PropertyTags)
			ext := req.Filter.(extFilter).seen[message.TagsCode(tags)]
			if len(ext) < 20 || int64(binary.BigEndian.Uint64(ext[10:])) != v.StoreTimestamp {
				t.Fatalf("%s offset %d, tags %q: extension %x", b.Topic, offset, tags, ext)
			}
			found++
		}
		return true
	})
	if found == 0 {
		t.Error("no extension units")
	}
}
