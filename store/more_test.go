package store

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
)

func lmq(c *Config) {
	c.EnableLmq, c.EnableMultiDispatch = true, true
	c.MapperFileSizeBatchConsumeQueue = 5 * 46
}

// openMore opens a store whose topics that begin with Batch have batch queues.
func openMore(t testing.TB, disk vfs.FS, cfg *config.Section[Config], clk clock.Clock) *Store {
	t.Helper()
	s, err := Open(cfg, Options{FS: disk, Clock: clk, StoreHost: stood, Log: testLog(), QueueType: func(topic string) QueueType {
		if strings.HasPrefix(topic, "Batch") {
			return QueueBatch
		}
		return QueueSimple
	}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// dispatched is a message for light queues.
func dispatched(topic string, n int, names string) *message.Message {
	m := numbered(topic, 0, n)
	m.Properties = message.AppendProperty(m.Properties, message.PropertyInnerMultiDispatch, names)
	return m
}

// many is a record of count messages, from n on.
func many(topic string, n, count int) *message.Message {
	var body []byte
	for i := range count {
		body = message.AppendBatchElement(body, message.BatchElement{Body: fmt.Appendf(nil, "body-%d", n+i), Properties: []byte("TAGS\x01t\x02")})
	}
	m := msg(topic, 0, string(body), fmt.Sprintf("UNIQ_KEY\x01B%d\x02TAGS\x01t\x02INNER_NUM\x01%d\x02", n, count))
	m.SysFlag = message.FlagInnerBatch | message.FlagNeedUnwrap
	return m
}

// readLight reads a light queue through Get and checks that each record knows its place there.
func readLight(t *testing.T, s *Store, name string) (list []string) {
	t.Helper()
	low, high := s.MinOffset(name, 0), s.MaxOffset(name, 0)
	for offset := low; offset < high; offset++ {
		res, rec := s.Get(&GetRequest{Topic: name, Offset: offset, MaxCount: 1}, nil)
		var v message.View
		if err := message.Decode(rec, &v); err != nil || res.Status != GetFound || res.NextBegin != offset+1 || res.Min != low || res.Max != high {
			t.Fatalf("%s at %d: %+v, %v", name, offset, res, err)
		}
		found := false
		message.EachLightQueue(&v, func(n string, at int64) { found = found || n == name && at == offset })
		if !found {
			t.Fatalf("%s at %d: the record says %q", name, offset, v.Properties)
		}
		list = append(list, trimZeros(string(v.Body)))
	}
	return list
}

// readBatches reads a batch queue through Get and takes the records apart.
func readBatches(t *testing.T, s *Store, topic string) (list []string) {
	t.Helper()
	low, high := s.MinOffset(topic, 0), s.MaxOffset(topic, 0)
	for offset := max(low, 0); offset < high; {
		res, rec := s.Get(&GetRequest{Topic: topic, Offset: offset, MaxCount: 1}, nil)
		var v message.View
		if err := message.Decode(rec, &v); err != nil || res.Status != GetFound || res.Min != low || res.Max != high {
			t.Fatalf("%s at %d: %+v, %v", topic, offset, res, err)
		}
		base, count, ok := v.InnerBatch()
		if !ok || base != offset || v.QueueOffset != offset || res.Count != int(count) || res.NextBegin != offset+int64(count) {
			t.Fatalf("%s at %d: %+v; the record says %q", topic, offset, res, v.Properties)
		}
		if err := message.EachBatchElement(v.Body, func(e message.BatchElement) error { list = append(list, string(e.Body)); return nil }); err != nil {
			t.Fatal(err)
		}
		offset = res.NextBegin
	}
	return list
}

func TestLightQueues(t *testing.T) {
	t.Parallel()
	for _, crc := range []bool{false, true} {
		for _, mode := range []FlushDiskType{AsyncFlush, SyncFlush} {
			t.Run(fmt.Sprint(mode, crc), func(t *testing.T) {
				t.Parallel()
				disk := vfs.NewMemory(time.Now)
				cfg := small("/store", lmq, func(c *Config) { c.FlushDiskType, c.EnabledAppendPropCRC, c.EnableConsumeQueueExt = mode, crc, crc })
				s := openMore(t, disk, cfg, clock.Real)
				var arrivals []string
				s.OnArrival(func(a Arrival) {
					arrivals = append(arrivals, fmt.Sprintf("%s/%d:%d", a.Topic, a.QueueID, a.NextOffset))
				})
				for i := range 12 { // one is beyond nine, so that values of two lengths share a batch
					send(t, s, dispatched("T", i, "%LMQ%a"))
				}
				arrivals = nil
				own := dispatched("T", 13, "%LMQ%a,%LMQ%b,other,%LMQ%a")
				own.Properties = message.AppendProperty(own.Properties, message.PropertyInnerMultiQueueOffset, "99,99,99,99")
				send(t, s, numbered("T", 0, 12), own, numbered("T", 1, 14), dispatched("T", 15, "%LMQ%b"), many("Batch", 0, 3), numbered("T", 0, 16))
				s.commitRound()
				if want := "T/0:16 %LMQ%a/0:13 %LMQ%b/0:1 T/1:1 %LMQ%b/0:2 Batch/0:3"; mode == AsyncFlush && !sameWords(arrivals, want) {
					t.Errorf("arrivals %v, want %s", arrivals, want)
				}
				check := func(what string) {
					t.Helper()
					if got := strings.Join(readLight(t, s, "%LMQ%a")[11:], " "); got != "body-11 body-13" {
						t.Errorf("%s: a has %s", what, got)
					}
					if got := strings.Join(readLight(t, s, "%LMQ%b"), " "); got != "body-13 body-15" {
						t.Errorf("%s: b has %s", what, got)
					}
					if crc { // units of ordinary queues have extensions then
					} else if got := strings.Join(bodies(t, s, "T", 0)[12:], " "); got != "body-12 body-13 body-15 body-16" {
						t.Errorf("%s: T has %s", what, got)
					}
					if got := strings.Join(readBatches(t, s, "Batch"), " "); got != "body-0 body-1 body-2" {
						t.Errorf("%s: Batch has %s", what, got)
					}
					if crc {
						n := 0
						err := s.Walk(0, func(v *message.View) error {
							rec, err := s.Record(v.PhyOffset, v.Size, nil, false)
							if err == nil {
								err = message.CheckPropertyCRC(rec)
							}
							n++
							return err
						})
						if err != nil || n != 18 {
							t.Errorf("%s: %d records, %v", what, n, err)
						}
					}
				}
				check("as sent")
				if q, _ := s.queues.Lookup("%LMQ%b", 0); q != nil {
					if u, _ := q.Unit(0); u.TagsCode != message.TagsCode([]byte("t1")) {
						t.Errorf("the unit of a light queue has tags code %d", u.TagsCode)
					}
				}
				_, rec := s.Get(&GetRequest{Topic: "%LMQ%b", Offset: 0, MaxCount: 1}, nil)
				var v message.View
				if err := message.Decode(rec, &v); err != nil {
					t.Fatal(err)
				}
				if got, _ := message.Property(v.Properties, message.PropertyInnerMultiQueueOffset); string(got) != "12,0,," || bytes.Contains(v.Properties, []byte("\x0199,")) {
					t.Errorf("offsets %q in %q", got, v.Properties)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s = openMore(t, disk, cfg, clock.Real)
				check("after a clean stop")
				s.abandonForTest(t)
				s = openMore(t, disk, cfg, clock.Real)
				check("after a kill")
				send(t, s, dispatched("T", 17, "%LMQ%b,%LMQ%c"), many("Batch", 3, 2))
				s.commitRound()
				if got := strings.Join(readLight(t, s, "%LMQ%b"), " ") + "|" + strings.Join(readLight(t, s, "%LMQ%c"), " "); got != "body-13 body-15 body-17|body-17" {
					t.Errorf("going on: %s", got)
				}
				if got := len(readBatches(t, s, "Batch")); got != 5 {
					t.Errorf("going on: Batch has %d", got)
				}
				if n := s.queues.Lights(); n != 3 {
					t.Errorf("%d light queues, want 3", n)
				}
				if err := s.DeleteTopics([]string{"%LMQ%c", "Batch"}); err != nil || s.queues.Lights() != 2 || s.MaxOffset("Batch", 0) != 0 {
					t.Errorf("deleted: %v, %d light queues", err, s.queues.Lights())
				}
				if n, err := s.CleanUnusedQueues(func(string) bool { return false }); n != 1 || err != nil {
					t.Errorf("%d topics cleaned, want T only: %v", n, err)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

func sameWords(list []string, want string) bool {
	words := strings.Fields(want)
	slices.Sort(words)
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Equal(list, words)
}

// TestLightQueueRules: who gets a place in a light queue.
func TestLightQueueRules(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		set   func(*Config)
		topic string
		names string
		want  PutStatus
		in    bool
	}{
		{"both settings", lmq, "T", "%LMQ%a", PutOK, true},
		{"enableLmq only", func(c *Config) { c.EnableLmq = true }, "T", "%LMQ%a", PutOK, false},
		{"enableMultiDispatch only", func(c *Config) { c.EnableMultiDispatch = true }, "T", "%LMQ%a", PutOK, false},
		{"a retry", lmq, "%RETRY%g", "%LMQ%a", PutOK, false},
		{"a dead letter", lmq, "%DLQ%g", "%LMQ%a", PutOK, false},
		{"a half message", lmq, message.TopicHalf, "%LMQ%a", PutOK, false},
		{"no light queue", lmq, "T", "a,b", PutOK, false},
		{"a path", lmq, "T", "%LMQ%/../../a", PutOK, false},
		{"more names than properties can say", lmq, "T", strings.Repeat("%LMQ%a,", 4000), PropertiesSizeExceeded, false},
		{"a quota that is full", func(c *Config) { lmq(c); c.EnableLmqQuota, c.MaxLmqConsumeQueueNum = true, 0 }, "T", "%LMQ%a", LmqConsumeQueueNumExceeded, false},
		{"a number that is no quota", func(c *Config) { lmq(c); c.MaxLmqConsumeQueueNum = 0 }, "T", "%LMQ%a", PutOK, true},
		{"a whole record longer than maxMessageSize", func(c *Config) { lmq(c); c.MaxMessageSize = 100 }, "T", "%LMQ%a", MessageIllegal, false},
	} {
		s := openMore(t, vfs.NewMemory(time.Now), small("/store", row.set), clock.Real)
		b := NewBatch()
		m := dispatched(row.topic, 0, row.names)
		m.Properties = message.AppendProperty(m.Properties, message.PropertyInnerMultiQueueOffset, "77")
		_, st := s.Stage(b, m)
		s.Append(b)
		if st != row.want || (s.MaxOffset("%LMQ%a", 0) == 1) != row.in {
			t.Errorf("%s: %s, the queue has %d", row.name, st, s.MaxOffset("%LMQ%a", 0))
		}
		if st == PutOK && lightSettings(s.cfg.Get()) {
			_, rec := s.Get(&GetRequest{Topic: row.topic, MaxCount: 1}, nil)
			if bytes.Contains(rec, []byte("QUEUE_OFFSET\x0177")) {
				t.Errorf("%s: an offset that the client made up is kept", row.name)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A message to a light queue that names the same one has one unit there, and takes one offset.
func TestLightQueueOfItsOwn(t *testing.T) {
	t.Parallel()
	s := openMore(t, vfs.NewMemory(time.Now), small("/store", lmq), clock.Real)
	for n := range 3 {
		if res := send(t, s, dispatched("%LMQ%a", n, "%LMQ%a,%LMQ%b"))[0]; res.QueueOffset != int64(n) {
			t.Errorf("message %d has offset %d", n, res.QueueOffset)
		}
	}
	if a, b := s.MaxOffset("%LMQ%a", 0), s.MaxOffset("%LMQ%b", 0); a != 3 || b != 3 {
		t.Errorf("queues end at %d and %d", a, b)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// Light queues count from when they are made, and are not made for what is refused.
func TestRefusedLightQueues(t *testing.T) {
	t.Parallel()
	s := openMore(t, vfs.NewMemory(time.Now), small("/store", func(c *Config) { lmq(c); c.EnableLmqQuota, c.MaxLmqConsumeQueueNum = true, 2 }), clock.Real)
	var names strings.Builder
	for n := range 2000 {
		fmt.Fprintf(&names, "%%LMQ%%%d,", n)
	}
	b := NewBatch()
	if _, st := s.Stage(b, dispatched("T", 0, names.String())); st != PropertiesSizeExceeded || s.queues.Lights() != 0 {
		t.Errorf("%s, %d light queues", st, s.queues.Lights())
	}
	for n, want := range []PutStatus{PutOK, PutOK, LmqConsumeQueueNumExceeded} { // not appended yet
		if _, st := s.Stage(b, dispatched("T", n, fmt.Sprintf("%%LMQ%%%d", n))); st != want {
			t.Errorf("queue %d: %s", n, st)
		}
	}
	if _, st := s.Stage(b, dispatched("T", 3, "%LMQ%1")); st != PutOK || s.queues.Lights() != 2 {
		t.Errorf("one that is there: %s, %d light queues", st, s.queues.Lights())
	}
	s.Append(b)
	if end := s.MaxOffset("%LMQ%1", 0); end != 2 || s.queues.Lights() != 2 {
		t.Errorf("the queue ends at %d, %d light queues", end, s.queues.Lights())
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// What is sent to a light queue itself makes it whatever the quota says, and counts, as in Java; the store's own bound holds for both.
func TestSentToLightQueues(t *testing.T) {
	t.Parallel()
	s := openMore(t, vfs.NewMemory(time.Now), small("/store", func(c *Config) { lmq(c); c.EnableLmqQuota, c.MaxLmqConsumeQueueNum = true, 2 }), clock.Real)
	s.mostLights = 4
	b := NewBatch()
	for i, row := range []struct {
		topic, names string
		want         PutStatus
	}{
		{"%LMQ%a", "", PutOK},
		{"T", "%LMQ%b", PutOK},
		{"T", "%LMQ%c", LmqConsumeQueueNumExceeded},
		{"%LMQ%c", "", PutOK},
		{"%LMQ%d", "", PutOK},
		{"T", "%LMQ%a,%LMQ%d", PutOK},
		{"%LMQ%e", "", LmqConsumeQueueNumExceeded},
		{"%LMQ%d", "", PutOK},
	} {
		m := dispatched(row.topic, i, row.names)
		if row.names == "" {
			m.Properties = nil
		}
		if _, st := s.Stage(b, m); st != row.want {
			t.Errorf("to %s, named %q: %s, want %s", row.topic, row.names, st, row.want)
		}
	}
	s.Append(b)
	for name, want := range map[string]int64{"%LMQ%a": 2, "%LMQ%b": 1, "%LMQ%c": 1, "%LMQ%d": 3, "%LMQ%e": 0} {
		if got := s.MaxOffset(name, 0); got != want {
			t.Errorf("%s ends at %d, want %d", name, got, want)
		}
	}
	if n := s.queues.Lights(); n != 4 {
		t.Errorf("%d light queues", n)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestBatchQueueRules: what a batch queue takes, and nothing else takes.
func TestBatchQueueRules(t *testing.T) {
	t.Parallel()
	s := openMore(t, vfs.NewMemory(time.Now), small("/store", lmq), clock.Real)
	defer func() { _ = s.Close() }()
	plain, compressed, wrong, torn, half := many("T", 0, 2), many("Batch", 0, 2), many("Batch", 0, 2), many("Batch", 0, 2), many("Batch", 0, 2)
	compressed.SysFlag |= message.FlagCompressed
	wrong.Properties = []byte("INNER_NUM\x013\x02")
	torn.Body = torn.Body[:len(torn.Body)-1]
	half.SysFlag |= message.FlagTransactionPrepared
	unsaid := many("Batch", 0, 2)
	unsaid.Properties = nil
	unflagged := numbered("T", 0, 0)
	unflagged.Properties = []byte("INNER_NUM\x012\x02")
	for name, m := range map[string]*message.Message{
		"many in a simple queue": plain, "one in a batch queue": numbered("Batch", 0, 1), "compressed": compressed, "another number": wrong,
		"torn": torn, "no number": unsaid, "a number without the flag": unflagged, "none": many("Batch", 0, 0), "a half message": half,
	} {
		if _, st := s.Stage(NewBatch(), m); st != MessageIllegal {
			t.Errorf("%s: %s", name, st)
		}
	}
	if _, st := s.StageList(NewBatch(), msg("Batch", 0, string(many("Batch", 0, 2).Body), "")); st != MessageIllegal {
		t.Errorf("a list in a batch queue: %s", st)
	}
	r := send(t, s, many("Batch", 0, 2), many("Batch", 2, 3))
	if r[0].QueueOffset != 0 || r[0].Count != 2 || r[1].QueueOffset != 2 || r[1].Count != 3 {
		t.Errorf("%+v", r)
	}
}

// TestFailedAppendGivesLightOffsetsBack: the next message gets the offsets of the one that was not written.
func TestFailedAppendGivesLightOffsetsBack(t *testing.T) {
	t.Parallel()
	disk := vfs.NewFaulty(vfs.NewMemory(time.Now))
	s := openMore(t, disk, small("/store", lmq), clock.Real)
	defer func() { _ = s.Close() }()
	send(t, s, dispatched("T", 0, "%LMQ%a"), many("Batch", 0, 2))
	inject(t, disk, "pwrite commitlog/* times=1 err=EIO")
	b := NewBatch()
	for _, m := range []*message.Message{dispatched("T", 1, "%LMQ%a,%LMQ%b"), many("Batch", 2, 2)} {
		if _, st := s.Stage(b, m); st != PutOK {
			t.Fatal(st)
		}
	}
	s.Append(b)
	if st := b.Result(0).Status; st == PutOK {
		t.Fatal("the disk did not fail")
	}
	send(t, s, dispatched("T", 1, "%LMQ%a,%LMQ%b"), many("Batch", 2, 2))
	if got := strings.Join(readLight(t, s, "%LMQ%a"), " ") + "|" + strings.Join(readLight(t, s, "%LMQ%b"), " "); got != "body-0 body-1|body-1" {
		t.Error(got)
	}
	if got := strings.Join(readBatches(t, s, "Batch"), " "); got != "body-0 body-1 body-2 body-3" {
		t.Error(got)
	}
}

// moreHistory is history for light and batch queues.
type moreHistory struct {
	sent    []sentMore
	durable int
}

type sentMore struct {
	n, count int // count 0: not a batch
	names    string
}

func (h *moreHistory) append(t *testing.T, s *Store, r *rand.Rand) {
	t.Helper()
	b := NewBatch()
	for range 1 + r.IntN(5) {
		x := sentMore{n: len(h.sent) * 10}
		var m *message.Message
		if r.IntN(3) == 0 {
			x.count = 1 + r.IntN(4)
			m = many("Batch", x.n, x.count)
		} else {
			var names []string
			for i := range 3 {
				if r.IntN(2) == 0 {
					names = append(names, "%LMQ%"+strconv.Itoa(i))
				}
			}
			x.names = strings.Join(names, ",")
			m = dispatched("T", x.n, x.names)
			m.Body = append(m.Body, make([]byte, r.IntN(700))...)
		}
		if _, st := s.Stage(b, m); st != PutOK {
			t.Fatal(st)
		}
		h.sent = append(h.sent, x)
	}
	s.Append(b)
	for i := range b.Len() {
		if st := b.Result(i).Status; st != PutOK {
			t.Fatal(st)
		}
	}
}

func (h *moreHistory) check(t *testing.T, s *Store) {
	t.Helper()
	total := 0
	if err := s.Walk(0, func(*message.View) error { total++; return nil }); err != nil {
		t.Fatal(err)
	}
	if total < h.durable || total > len(h.sent) {
		t.Fatalf("%d records; %d were sent, %d of them durable", total, len(h.sent), h.durable)
	}
	h.sent = h.sent[:total]
	want := map[string][]string{}
	for _, x := range h.sent {
		for i := range x.count {
			want["Batch"] = append(want["Batch"], fmt.Sprintf("body-%d", x.n+i))
		}
		if x.names != "" {
			for name := range strings.SplitSeq(x.names, ",") {
				want[name] = append(want[name], fmt.Sprintf("body-%d", x.n))
			}
		}
	}
	if got := readBatches(t, s, "Batch"); !slices.Equal(got, want["Batch"]) {
		t.Fatalf("Batch has %v, want %v", got, want["Batch"])
	}
	for i := range 3 {
		name := "%LMQ%" + strconv.Itoa(i)
		if got := readLight(t, s, name); !slices.Equal(got, want[name]) {
			t.Fatalf("%s has %v, want %v", name, got, want[name])
		}
	}
}

// Power cuts and kills around light and batch queues.
func TestCrashesOfLightAndBatchQueues(t *testing.T) {
	t.Parallel()
	for _, flush := range []FlushDiskType{AsyncFlush, SyncFlush} {
		for seed := range uint64(rounds(t, 40)) {
			t.Run(fmt.Sprintf("%s/%d", flush, seed), func(t *testing.T) {
				t.Parallel()
				r := rand.New(rand.NewPCG(seed, 77))
				clk := clock.NewFake(time.UnixMilli(1_700_000_000_000))
				disk := vfs.NewMemory(clk.Now)
				cfg := small("/store", lmq, func(c *Config) { c.FlushDiskType = flush })
				h := &moreHistory{}
				for cut := range uint64(2 + r.IntN(4)) {
					s := openMore(t, disk, cfg, clk)
					h.check(t, s)
					h.durable = len(h.sent)
					for range 1 + r.IntN(40) {
						clk.Advance(time.Duration(r.IntN(3)*r.IntN(1000)) * time.Millisecond)
						switch p := r.IntN(20); {
						case p < 13:
							h.append(t, s, r)
						case p < 16:
							if s.syncFlush {
								s.commitRound()
							} else if err := s.flushLog(); err != nil {
								t.Fatal(err)
							}
							h.durable = len(h.sent)
						default:
							s.flushQueues(r.IntN(3))
						}
					}
					switch r.IntN(4) {
					case 0:
						if err := s.Close(); err != nil {
							t.Fatal(err)
						}
						h.durable = len(h.sent)
					case 1:
						h.durable = len(h.sent)
						s.abandonForTest(t)
					default:
						disk = disk.CrashClone(seed*31 + cut)
					}
				}
				s := openMore(t, disk, cfg, clk)
				h.check(t, s)
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

// A topic is deleted while messages wait for their flush, and is used again: nothing
// that is acknowledged is taken for old, and each record knows its place.
func TestDeletedWhileMessagesWait(t *testing.T) {
	t.Parallel()
	s := openMore(t, vfs.NewMemory(time.Now), small("/store", lmq, syncFlush), clock.Real)
	sendAll := func(from, to int) {
		for n := from; n < to; n++ {
			send(t, s, dispatched("T", n, "%LMQ%a"), many("Batch", n, 1))
		}
	}
	sendAll(0, 5)
	s.commitRound()
	sendAll(5, 7)
	if err := s.DeleteTopics([]string{"T", "%LMQ%a", "Batch"}); err != nil {
		t.Fatal(err)
	}
	s.commitRound()
	sendAll(7, 10)
	s.commitRound()
	const want = "body-5 body-6 body-7 body-8 body-9"
	for name, list := range map[string][]string{"T": bodies(t, s, "T", 0), "light": readLight(t, s, "%LMQ%a"), "batch": readBatches(t, s, "Batch")} {
		if got := strings.Join(list, " "); got != want {
			t.Errorf("%s has %s", name, got)
		}
	}
	if err := s.DeleteTopics([]string{"T"}); err != nil {
		t.Fatal(err)
	}
	sendAll(10, 11)
	s.commitRound()
	if low, high := s.MinOffset("T", 0), s.MaxOffset("T", 0); low != 0 || high != 1 {
		t.Errorf("deleted when nothing waits: [%d, %d)", low, high)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// A topic that was deleted and made again stands twice in the log. After a crash the queues have the messages of the second
// one, all of them.
func TestDeletedMadeAgainAndKilled(t *testing.T) {
	t.Parallel()
	disk := vfs.NewMemory(time.Now)
	s := openMore(t, disk, small("/store", lmq), clock.Real)
	sendAll := func(from, to int) {
		for n := from; n < to; n++ {
			send(t, s, dispatched("T", n, "%LMQ%a"), many("Batch", n, 1))
		}
	}
	sendAll(0, 9)
	if err := s.DeleteTopics([]string{"T", "%LMQ%a", "Batch"}); err != nil {
		t.Fatal(err)
	}
	sendAll(9, 12)
	s.abandonForTest(t)
	s = openMore(t, disk, small("/store", lmq), clock.Real)
	sendAll(12, 13)
	const want = "body-9 body-10 body-11 body-12"
	for name, list := range map[string][]string{"T": bodies(t, s, "T", 0), "light": readLight(t, s, "%LMQ%a"), "batch": readBatches(t, s, "Batch")} {
		if got := strings.Join(list, " "); got != want {
			t.Errorf("%s has %s", name, got)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
