package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"testing"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
)

// openSmall opens a store with small files in a directory of its own.
func openSmall(t testing.TB, change func(*Config)) *Store {
	t.Helper()
	c := Defaults()
	c.StorePathRootDir = t.TempDir()
	c.MappedFileSizeCommitLog = 1 << 20
	c.MappedFileSizeConsumeQueue = 100 * 20
	c.MaxHashSlotNum, c.MaxIndexNum = 1000, 4000
	if change != nil {
		change(&c)
	}
	s, err := Open(config.NewSection(c), Options{Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-done
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// putN appends n messages with bodies of a size and tags t0, t1 … in turn.
func putN(t testing.TB, s *Store, topic string, queue int32, n, size, tags int) {
	t.Helper()
	b := NewBatch()
	for i := range n {
		props := message.AppendProperty(nil, message.PropertyTags, fmt.Sprint("t", i%tags))
		body := make([]byte, size)
		binary.BigEndian.PutUint32(body, uint32(i))
		if _, st := s.Stage(b, &message.Message{Topic: topic, QueueID: queue, Body: body, Properties: props}); st != PutOK {
			t.Fatal(st)
		}
		if b.Len() == 16 || i == n-1 {
			s.Append(b)
			for j := range b.Len() {
				if b.Result(j).Status != PutOK {
					t.Fatal(b.Result(j).Status)
				}
			}
			b.Reset()
		}
	}
}

// numbers decodes the records of an answer: the numbers that putN gave them.
func numbers(t testing.TB, recs []byte) []uint32 {
	t.Helper()
	var list []uint32
	for len(recs) > 0 {
		var v message.View
		size := int(binary.BigEndian.Uint32(recs))
		if err := message.Decode(recs[:size], &v); err != nil {
			t.Fatal(err)
		}
		if err := v.CheckBody(); err != nil {
			t.Fatal(err)
		}
		list = append(list, binary.BigEndian.Uint32(v.Body))
		recs = recs[size:]
	}
	return list
}

type tagFilter struct {
	code   int64
	record func(rec []byte) bool
}

func (f tagFilter) MatchQueue(code int64, _ []byte) bool { return f.code == 0 || code == f.code }
func (f tagFilter) MatchRecord(rec []byte) bool          { return f.record == nil || f.record(rec) }

func TestGetRanges(t *testing.T) {
	t.Parallel()
	s := openSmall(t, nil)
	putN(t, s, "T", 0, 250, 100, 5)
	s.queues.Queue("asked", 0)
	tests := []struct {
		name   string
		topic  string
		offset int64
		status GetStatus
		next   int64
	}{
		{"nobody knows it", "none", 7, GetNoMessageInQueue, 0},
		{"only asked about", "asked", 7, GetNoMessageInQueue, 0},
		{"from the start", "T", 0, GetFound, 32},
		{"in the middle", "T", 240, GetFound, 250},
		{"at a file boundary", "T", 90, GetFound, 100}, // files of 100 units: one a get
		{"at the end", "T", 250, GetOffsetOverflowOne, 250},
		{"behind the end", "T", 251, GetOffsetOverflowBadly, 250},
		{"far behind", "T", 1 << 62, GetOffsetOverflowBadly, 250},
		{"below the minimum", "T", -1, GetOffsetTooSmall, 0},
	}
	for _, tt := range tests {
		res, recs := s.Get(&GetRequest{Topic: tt.topic, Offset: tt.offset, MaxCount: 100}, nil)
		if res.Status != tt.status || res.NextBegin != tt.next {
			t.Errorf("%s: %v next %d, want %v next %d", tt.name, res.Status, res.NextBegin, tt.status, tt.next)
		}
		if got := numbers(t, recs); len(got) != res.Count || res.Count > 0 && int64(got[0]) != tt.offset {
			t.Errorf("%s: count %d, records %v", tt.name, res.Count, got)
		}
	}
}

func TestGetLimits(t *testing.T) {
	t.Parallel()
	s := openSmall(t, nil)
	putN(t, s, "T", 0, 90, 1000, 1)
	one, _ := s.Get(&GetRequest{Topic: "T", MaxCount: 1}, nil)
	_, rec := s.Get(&GetRequest{Topic: "T", MaxCount: 1}, nil)
	size := len(rec)
	if one.Count != 1 {
		t.Fatal(one)
	}
	tests := []struct {
		name  string
		req   GetRequest
		set   map[string]string
		count int
	}{
		{"count", GetRequest{MaxCount: 7}, nil, 7},
		{"at least one", GetRequest{MaxCount: 0}, nil, 1},
		{"bytes, exact", GetRequest{MaxCount: 99, MaxBytes: 3 * size}, nil, 3},
		{"bytes, one short", GetRequest{MaxCount: 99, MaxBytes: 3*size - 1}, nil, 2},
		{"first one always", GetRequest{MaxCount: 99, MaxBytes: 1}, nil, 1},
		{"count in memory", GetRequest{MaxCount: 99}, map[string]string{"maxTransferCountOnMessageInMemory": "5"}, 5},
		{"bytes in memory", GetRequest{MaxCount: 99}, map[string]string{"maxTransferBytesOnMessageInMemory": strconv.Itoa(2*size + 1)}, 2},
		{"count on disk", GetRequest{MaxCount: 99}, map[string]string{"accessMessageInMemoryMaxRatio": "-1"}, 8},
		{"bytes on disk", GetRequest{MaxCount: 99}, map[string]string{"accessMessageInMemoryMaxRatio": "-1", "maxTransferBytesOnMessageInDisk": strconv.Itoa(4 * size)}, 4},
	}
	for _, tt := range tests {
		s := openSmall(t, nil)
		putN(t, s, "T", 0, 90, 1000, 1)
		if _, err := config.NewSet(s.cfg).Apply(tt.set, true); err != nil {
			t.Fatal(err)
		}
		tt.req.Topic = "T"
		res, recs := s.Get(&tt.req, nil)
		if res.Status != GetFound || res.Count != tt.count || res.NextBegin != int64(tt.count) || len(recs) != tt.count*size {
			t.Errorf("%s: %+v, %d bytes; want %d messages of %d", tt.name, res, len(recs), tt.count, size)
		}
		if suggest := s.cfg.Get().AccessMessageInMemoryMaxRatio < 0; res.SuggestSlave != suggest {
			t.Errorf("%s: suggest slave %v", tt.name, res.SuggestSlave)
		}
	}
}

func TestGetFilters(t *testing.T) {
	t.Parallel()
	s := openSmall(t, func(c *Config) { c.MappedFileSizeConsumeQueue = 2000 * 20 })
	putN(t, s, "T", 0, 1500, 50, 10)
	third := message.TagsCode([]byte("t3"))
	even := func(rec []byte) bool {
		var v message.View
		return message.Decode(rec, &v) == nil && binary.BigEndian.Uint32(v.Body)%2 == 0
	}
	tests := []struct {
		name   string
		filter Filter
		max    int
		status GetStatus
		next   int64
		first  []uint32
	}{
		{"by tag", tagFilter{code: third}, 3, GetFound, 24, []uint32{3, 13, 23}},
		{"by record", tagFilter{record: even}, 4, GetFound, 7, []uint32{0, 2, 4, 6}},
		{"nothing on the queue", tagFilter{code: 12345}, 32, GetNoMatchedMessage, 800, nil}, // 16,000 bytes of units
		{"nothing in the log", tagFilter{record: func([]byte) bool { return false }}, 32, GetNoMatchedMessage, 800, nil},
		{"by both", tagFilter{code: third, record: even}, 32, GetNoMatchedMessage, 800, nil},
	}
	for _, tt := range tests {
		res, recs := s.Get(&GetRequest{Topic: "T", MaxCount: tt.max, Filter: tt.filter}, nil)
		got := numbers(t, recs)
		if res.Status != tt.status || res.NextBegin != tt.next || fmt.Sprint(got) != fmt.Sprint(tt.first) && len(got)+len(tt.first) > 0 {
			t.Errorf("%s: %v next %d %v; want %v next %d %v", tt.name, res.Status, res.NextBegin, got, tt.status, tt.next, tt.first)
		}
	}
}

// Several queues interleave in the log: records are read past the others.
func TestGetFromInterleavedQueues(t *testing.T) {
	t.Parallel()
	s := openSmall(t, nil)
	for range 40 {
		for q := range int32(3) {
			putN(t, s, "T", q, 1, 300*int(q+1), 1)
		}
	}
	for q := range int32(3) {
		res, recs := s.Get(&GetRequest{Topic: "T", QueueID: q, MaxCount: 32, ResidentOnly: true}, nil)
		if res.Count != 32 || len(numbers(t, recs)) != 32 {
			t.Errorf("queue %d: %+v", q, res)
		}
	}
}

func TestGetAfterTheLogExpired(t *testing.T) {
	t.Parallel()
	s := openSmall(t, func(c *Config) { c.MappedFileSizeCommitLog = 8 << 10 })
	putN(t, s, "T", 0, 60, 1000, 1)
	files := s.commitLog.Files()
	if err := s.commitLog.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	// The minimum is not corrected yet: the units are there, the records are not.
	res, recs := s.Get(&GetRequest{Topic: "T", MaxCount: 32}, nil)
	if got := numbers(t, recs); res.Status != GetFound || len(got) == 0 || got[0] == 0 {
		t.Errorf("%+v, records %v", res, got)
	}
	s.queues.CorrectMin(s.commitLog.Min())
	low := s.MinOffset("T", 0)
	if res, _ := s.Get(&GetRequest{Topic: "T", MaxCount: 32}, nil); res.Status != GetOffsetTooSmall || res.NextBegin != low || low == 0 {
		t.Errorf("after the correction: %+v, min %d", res, low)
	}
	if n, err := s.CleanExpired(); n != 0 || err != nil {
		t.Errorf("clean: %d queues, %v", n, err)
	}
}

// TestCleanExpiredKeepsOffsets: a queue whose messages have all expired goes on where
// it was, also after a restart, as groups stand there. A light one goes.
func TestCleanExpiredKeepsOffsets(t *testing.T) {
	t.Parallel()
	cfg := small(t.TempDir())
	cfg.Change(func(c *Config) { c.MappedFileSizeCommitLog = 8 << 10 })
	s := open(t, vfs.Disk, cfg)
	stop := run(t, s)
	putN(t, s, "%LMQ%a", 0, 1, 100, 1)
	putN(t, s, "T", 0, 5, 1000, 1)
	putN(t, s, "U", 0, 20, 1000, 1)
	if err := s.commitLog.Remove(s.commitLog.Files()[0]); err != nil {
		t.Fatal(err)
	}
	for _, light := range []int{1, 0} {
		if n, err := s.CleanExpired(); n != light || err != nil {
			t.Errorf("clean: %d queues, %v, want %d", n, err, light)
		}
		if low, high := s.MinOffset("T", 0), s.MaxOffset("T", 0); low != 5 || high != 5 {
			t.Errorf("[%d, %d), want an empty queue at 5", low, high)
		}
		stop()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, vfs.Disk, cfg)
		stop = run(t, s)
	}
	defer stop()
	if r := s.Put(msg("T", 0, "new", "")); r.QueueOffset != 5 {
		t.Errorf("a new message at %d, want 5", r.QueueOffset)
	}
}

func TestGetAllocatesNothing(t *testing.T) {
	s := openSmall(t, nil)
	putN(t, s, "T", 0, 90, 1024, 1)
	dst := make([]byte, 0, 64<<10)
	req := GetRequest{Topic: "T", Offset: 50, MaxCount: 32, ResidentOnly: true}
	n := testing.AllocsPerRun(200, func() {
		if res, _ := s.Get(&req, dst); res.Count != 32 {
			t.Fatal(res)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations a Get", n)
	}
}

func BenchmarkGet32x1KiB(b *testing.B) {
	for _, queues := range []int32{1, 8} {
		b.Run(fmt.Sprintf("queues=%d", queues), func(b *testing.B) {
			s := openSmall(b, func(c *Config) { c.MappedFileSizeCommitLog, c.MappedFileSizeConsumeQueue = 64<<20, 6000000 })
			for range 64 {
				for q := range queues {
					putN(b, s, "T", q, 1, 1024, 1)
				}
			}
			dst := make([]byte, 0, 64<<10)
			req := GetRequest{Topic: "T", Offset: 32, MaxCount: 32, ResidentOnly: true}
			for b.Loop() {
				if res, _ := s.Get(&req, dst); res.Count != 32 {
					b.Fatal(res)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/32, "ns/message")
		})
	}
}

func TestQueryKeyAndTimes(t *testing.T) {
	t.Parallel()
	s := openSmall(t, nil)
	b := NewBatch()
	for i := range 30 {
		props := message.AppendProperty(nil, message.PropertyKeys, fmt.Sprintf("k%d shared", i))
		props = message.AppendProperty(props, message.PropertyUniqKey, fmt.Sprint("U", i))
		if _, st := s.Stage(b, &message.Message{Topic: "T", Body: []byte("body"), Properties: props}); st != PutOK {
			t.Fatal(st)
		}
		s.Append(b)
		b.Reset()
	}
	now := s.lastStoreTime.Load()
	tests := []struct {
		key        string
		limit      int
		begin, end int64
		want       int
	}{
		{"k7", 32, now - 10000, now + 10000, 1},
		{"U7", 32, 0, 1 << 62, 1},
		{"shared", 10, 0, 1 << 62, 10},
		{"shared", 99999, 0, 1 << 62, 30},
		{"nobody", 32, 0, 1 << 62, 0},
		{"k7", 0, 0, 1 << 62, 0},
		{"k7", 32, 0, now - 100000, 0},
	}
	for _, tt := range tests {
		res, err := s.QueryKey("T", tt.key, tt.limit, math.MaxInt, tt.begin, tt.end)
		if err != nil || len(res.Records) != tt.want {
			t.Errorf("%s: %d records, want %d: %v", tt.key, len(res.Records), tt.want, err)
		}
		if tt.want > 0 && (res.IndexUpdatePhy == 0 || res.IndexUpdateTime < now) {
			t.Errorf("%s: index at %d, %d", tt.key, res.IndexUpdateTime, res.IndexUpdatePhy)
		}
	}
	for maxBytes, want := range map[int]int{0: 1, 200: 1, 300: 2, 450: 3} { // of 113 to 125 bytes
		if res, err := s.QueryKey("T", "shared", 32, maxBytes, 0, 1<<62); err != nil || len(res.Records) != want {
			t.Errorf("%d records in %d bytes, want %d: %v", len(res.Records), maxBytes, want, err)
		}
	}
	if first, last := s.EarliestTime("T", 0), s.StoreTime("T", 0, 29); first <= 0 || last != now || s.StoreTime("T", 0, 30) != -1 || s.EarliestTime("none", 0) != -1 {
		t.Errorf("times %d, %d", first, last)
	}
	if got, err := s.OffsetByTime("T", 0, now+1, false); got != 30 || err != nil {
		t.Errorf("offset of a later time: %d", got)
	}
	if got, err := s.OffsetByTime("T", 0, 0, false); got != 0 || err != nil {
		t.Errorf("offset of an earlier time: %d", got)
	}
}

func TestDeleteTopics(t *testing.T) {
	t.Parallel()
	s := openSmall(t, nil)
	putN(t, s, "A", 0, 10, 10, 1)
	putN(t, s, "A", 1, 10, 10, 1)
	putN(t, s, "B", 0, 10, 10, 1)
	if err := s.DeleteTopics([]string{"A"}); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(s.TopicsWithQueues()); got != "[B]" {
		t.Errorf("topics %s", got)
	}
	putN(t, s, "A", 1, 3, 10, 1)
	if low, high := s.MinOffset("A", 1), s.MaxOffset("A", 1); low != 0 || high != 3 {
		t.Errorf("made anew: [%d, %d)", low, high)
	}
	if n, err := s.CleanUnusedQueues(func(topic string) bool { return topic == "A" }); n != 1 || err != nil {
		t.Errorf("unused: %d, %v", n, err)
	}
	if got := fmt.Sprint(s.TopicsWithQueues()); got != "[A]" {
		t.Errorf("topics %s", got)
	}
}

// A topic that is made again while others are cleaned keeps what was sent to it.
func TestCleanUnusedQueuesAsksAgain(t *testing.T) {
	t.Parallel()
	s := openSmall(t, nil)
	putN(t, s, "A", 0, 1, 10, 1)
	putN(t, s, "B", 0, 1, 10, 1)
	asked := 0
	n, err := s.CleanUnusedQueues(func(topic string) bool {
		if topic == "B" {
			asked++
		}
		return asked > 1 // B is made, and sent to, after it was found to be unused
	})
	if n != 1 || err != nil || fmt.Sprint(s.TopicsWithQueues()) != "[B]" {
		t.Errorf("%d topics went, %v; left %v, want A alone to go", n, err, s.TopicsWithQueues())
	}
}
