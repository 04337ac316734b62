package store

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
)

// rounds is how many seeds a crash test tries: SKYLARK_CRASH_ROUNDS of them, or few.
func rounds(t *testing.T, few int) int {
	if n, err := strconv.Atoi(os.Getenv("SKYLARK_CRASH_ROUNDS")); err == nil {
		return n
	}
	if testing.Short() {
		return few / 10
	}
	_ = t
	return few
}

// history is what a test sent, in order, and up to where it must be there again.
type history struct {
	sent    []sent
	durable int // messages that a crash must not lose
}

type sent struct {
	queue int32
	n     int
}

// work sends, flushes and commits by a random plan, without any goroutine, so
// that a seed says everything.
func (h *history) work(t *testing.T, s *Store, r *rand.Rand, steps int) {
	t.Helper()
	b := NewBatch()
	for range steps {
		s.clk.(*clock.Fake).Advance(time.Duration(r.IntN(3)*r.IntN(1000)) * time.Millisecond)
		switch p := r.IntN(20); {
		case p < 12:
			h.append(t, s, b, r)
		case p < 15:
			if s.syncFlush {
				s.commitRound()
			} else if err := s.flushLog(); err != nil {
				t.Fatal(err)
			}
			h.durable = len(h.sent)
		case p < 17:
			s.flushQueues(0)
		default:
			s.flushQueues(1 + r.IntN(3))
		}
	}
}

func (h *history) append(t *testing.T, s *Store, b *Batch, r *rand.Rand) {
	t.Helper()
	b.Reset()
	for range 1 + r.IntN(6) {
		n, queue := len(h.sent), int32(r.IntN(3))
		m := numbered("T", queue, n)
		m.Body = append(m.Body, make([]byte, r.IntN(900))...)
		if _, st := s.Stage(b, m); st != PutOK {
			t.Fatal(st)
		}
		h.sent = append(h.sent, sent{queue, n})
	}
	s.Append(b)
	for i := range b.Len() {
		if r := b.Result(i); r.Status != PutOK {
			t.Fatal(r.Status)
		}
	}
}

// check reads everything and forgets what the crash took: it must be the end of
// the history, and nothing durable.
func (h *history) check(t *testing.T, s *Store) {
	t.Helper()
	read := map[int32][]string{}
	total := 0
	for q := range int32(3) {
		read[q] = bodies(t, s, "T", q)
		total += len(read[q])
	}
	if total < h.durable || total > len(h.sent) {
		t.Fatalf("%d messages are there; %d were sent, %d of them durable", total, len(h.sent), h.durable)
	}
	h.sent = h.sent[:total]
	at := map[int32]int{}
	for _, m := range h.sent {
		i := at[m.queue]
		at[m.queue]++
		if i >= len(read[m.queue]) {
			t.Fatalf("message %d of queue %d is missing, although a later one is there", m.n, m.queue)
		}
		if want, got := fmt.Sprintf("body-%d", m.n), trimZeros(read[m.queue][i]); got != want {
			t.Fatalf("queue %d offset %d: %q, want %q", m.queue, i, got, want)
		}
		h.findByKey(t, s, m, i)
	}
}

func (h *history) findByKey(t *testing.T, s *Store, m sent, offset int) {
	t.Helper()
	found, _, _, err := s.index.Query(fmt.Sprintf("T#U%d", m.n), 64, 0, 1<<62)
	if err != nil {
		t.Fatal(err)
	}
	q, _ := s.queues.Lookup("T", m.queue)
	u, _ := q.Unit(int64(offset))
	if !slices.Contains(found, u.PhyOffset) {
		t.Fatalf("message %d at %d: its key leads to %v", m.n, u.PhyOffset, found)
	}
}

func trimZeros(s string) string {
	for len(s) > 0 && s[len(s)-1] == 0 {
		s = s[:len(s)-1]
	}
	return s
}

// A machine that loses power, again and again, at a random moment.
func TestPowerCuts(t *testing.T) {
	t.Parallel()
	for _, flush := range []FlushDiskType{AsyncFlush, SyncFlush} {
		for seed := range uint64(rounds(t, 150)) {
			t.Run(fmt.Sprintf("%s/%d", flush, seed), func(t *testing.T) {
				t.Parallel()
				r := rand.New(rand.NewPCG(seed, 1))
				clk := clock.NewFake(time.UnixMilli(1_700_000_000_000))
				disk := vfs.NewMemory(clk.Now)
				cfg := small("/store", func(c *Config) { c.FlushDiskType = flush })
				h := &history{}
				for cut := range uint64(1 + r.IntN(4)) {
					s := openAt(t, disk, cfg, clk)
					h.check(t, s)
					h.durable = len(h.sent) // recovery flushes what it found
					h.work(t, s, r, 1+r.IntN(60))
					if r.IntN(5) == 0 {
						if err := s.Close(); err != nil {
							t.Fatal(err)
						}
						h.durable = len(h.sent)
						continue
					}
					disk = disk.CrashClone(seed*17 + cut)
				}
				s := openAt(t, disk, cfg, clk)
				h.check(t, s)
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s = openAt(t, disk, cfg, clk)
				before := len(h.sent)
				if h.check(t, s); len(h.sent) != before {
					t.Fatalf("%d of %d messages after a clean stop", len(h.sent), before)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

// A killed process loses nothing that was written, flushed or not.
func TestKills(t *testing.T) {
	t.Parallel()
	for seed := range uint64(rounds(t, 60)) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 2))
			clk := clock.NewFake(time.UnixMilli(1_700_000_000_000))
			disk := vfs.NewMemory(clk.Now)
			cfg := small("/store")
			h := &history{}
			for range 3 {
				s := openAt(t, disk, cfg, clk)
				h.check(t, s)
				h.work(t, s, r, 1+r.IntN(60))
				h.durable = len(h.sent)
				s.abandonForTest(t)
			}
			s := openAt(t, disk, cfg, clk)
			h.check(t, s)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// The last record torn at each of its bytes: recovery ends before it, and the next
// append takes its place.
func TestTornTail(t *testing.T) {
	t.Parallel()
	disk := vfs.NewMemory(nil)
	cfg := small("/store")
	s := open(t, disk, cfg)
	send(t, s, numbered("T", 0, 0), numbered("T", 1, 1))
	last := send(t, s, numbered("T", 0, 2))[0]
	if err := s.flushLog(); err != nil {
		t.Fatal(err)
	}
	for cut := range int64(last.Size) {
		for _, clean := range []bool{false, true} {
			image := disk.CrashClone(1)
			log, err := image.Open("/store/commitlog/00000000000000000000")
			if err != nil {
				t.Fatal(err)
			}
			// What was lost reads as zeros.
			if _, err := log.WriteAt(make([]byte, int64(last.Size)-cut), last.PhyOffset+cut); err != nil {
				t.Fatal(err)
			}
			if clean {
				if err := image.Remove("/store/abort"); err != nil {
					t.Fatal(err)
				}
			}
			checkTorn(t, image, cfg.Get(), last, cut, clean)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func checkTorn(t *testing.T, image *vfs.Memory, cfg *Config, last Result, cut int64, clean bool) {
	t.Helper()
	s := open(t, image, small("/store", func(c *Config) { *c = *cfg }))
	tail := last.PhyOffset
	switch end := s.MaxPhyOffset(); {
	case end == tail+int64(last.Size) && clean && cut >= int64(last.Size)-70:
		// After a clean stop nothing can be torn, and the body's sum does not cover
		// topic and properties.
		tail = end
	case end != tail:
		t.Fatalf("cut at %d: the log ends at %d, want %d", cut, end, tail)
	}
	r := send(t, s, numbered("T", 0, 3))[0]
	if r.PhyOffset != tail {
		t.Fatalf("cut at %d: the next record is at %d", cut, r.PhyOffset)
	}
	rec, err := s.Lookup(r.PhyOffset, nil)
	if err != nil {
		t.Fatalf("cut at %d: %v", cut, err)
	}
	var v message.View
	if err := message.Decode(rec, &v); err != nil || string(v.Body) != "body-3" {
		t.Fatalf("cut at %d: %q %v", cut, v.Body, err)
	}
	if err := s.Close(); err != nil {
		t.Fatalf("cut at %d: %v", cut, err)
	}
}

// A flipped bit in a record that the disk had long before costs that record, not
// everything behind it.
func TestDamagedBody(t *testing.T) {
	t.Parallel()
	for _, clean := range []bool{true, false} {
		clk := clock.NewFake(time.UnixMilli(1_700_000_000_000))
		disk := vfs.NewMemory(clk.Now)
		cfg := small("/store")
		s := openAt(t, disk, cfg, clk)
		var at int64
		for n := range 40 {
			if r := send(t, s, numbered("T", 0, n)); n == 20 {
				at = r[0].PhyOffset
			}
		}
		clk.Advance(time.Minute)
		send(t, s, numbered("T", 0, 40))
		if clean {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		} else {
			if err := s.flushLog(); err != nil {
				t.Fatal(err)
			}
			s.flushQueues(0)
			s.abandonForTest(t)
		}
		log, err := disk.Open("/store/commitlog/00000000000000000000")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := log.WriteAt([]byte{'B'}, at+88); err != nil {
			t.Fatal(err)
		}
		s = openAt(t, disk, cfg, clk)
		q, _ := s.queues.Lookup("T", 0)
		if q.MaxOffset() != 41 {
			t.Errorf("clean stop %v: %d of 41 messages", clean, q.MaxOffset())
		}
		for n := range int64(41) {
			u, _ := q.Unit(n)
			if _, err := s.Lookup(u.PhyOffset, nil); (err != nil) != (n == 20) {
				t.Errorf("clean stop %v: message %d: %v", clean, n, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
