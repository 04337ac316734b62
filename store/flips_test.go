package store

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
)

// flipImage is a store with messages, as it was left.
type flipImage struct {
	name   string
	disk   *vfs.Memory
	clk    *clock.Fake
	sent   map[string]int // body → its number
	places []int64
	used   map[string]int // file → bytes up to its last that is not zero
	files  []string       // those with any
	logs   []string       // those of the log
}

const flipMessages = 90

// flipImages are the same store after a clean stop, after one of Java's, which leaves
// no table of queues, and after a kill.
func flipImages(t *testing.T) (list []*flipImage) {
	t.Helper()
	clk := clock.NewFake(time.UnixMilli(1_700_000_000_000))
	disk := vfs.NewMemory(clk.Now)
	s := openAt(t, disk, small("/store"), clk)
	sent, places := map[string]int{}, []int64(nil)
	r := rand.New(rand.NewPCG(7, 7))
	for n := range flipMessages {
		if n == flipMessages-1 {
			// What the checkpoint does not vouch for, three seconds, cannot be told from a torn tail.
			clk.Advance(time.Minute)
		}
		m := numbered("T", int32(n%3), n)
		for range r.IntN(300) {
			m.Body = append(m.Body, byte('a'+r.IntN(26)))
		}
		m.Properties = fmt.Appendf(nil, "KEYS\x01k%d\x02UNIQ_KEY\x01U%d\x02TAGS\x01tag-%d\x02", n, n, n%4)
		sent[string(m.Body)] = n
		places = append(places, send(t, s, m)[0].PhyOffset)
		clk.Advance(time.Second)
	}
	if err := s.flushLog(); err != nil {
		t.Fatal(err)
	}
	s.flushQueues(0)
	killed := disk.KillClone()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	javas := disk.KillClone()
	if err := javas.Remove("/store/consumequeue.table"); err != nil {
		t.Fatal(err)
	}
	for _, image := range []*flipImage{{name: "stopped", disk: disk.KillClone()}, {name: "stopped by Java", disk: javas}, {name: "killed", disk: killed}} {
		image.sent, image.places, image.clk, image.used = sent, places, clk, map[string]int{}
		for _, name := range image.disk.Names() {
			data, err := vfs.ReadFile(image.disk, name)
			if err != nil || len(bytes.TrimRight(data, "\x00")) == 0 || strings.HasSuffix(name, "/lock") || strings.HasSuffix(name, "/abort") {
				continue
			}
			image.used[name] = len(bytes.TrimRight(data, "\x00"))
			if image.files = append(image.files, name); strings.Contains(name, "/commitlog/") {
				image.logs = append(image.logs, name)
			}
		}
		list = append(list, image)
	}
	return list
}

// One bit anywhere in a store flips: it opens, no body is served that nobody sent, and
// at most one message is lost. SKYLARK_FLIPS=10000 is the long form, SKYLARK_FLIP_SEED
// the seed it begins with.
func TestBitFlips(t *testing.T) {
	t.Parallel()
	flips, first := uint64(400), uint64(0)
	if n, err := strconv.ParseUint(os.Getenv("SKYLARK_FLIPS"), 10, 64); err == nil {
		flips = n
	} else if testing.Short() {
		flips = 60
	}
	if n, err := strconv.ParseUint(os.Getenv("SKYLARK_FLIP_SEED"), 10, 64); err == nil {
		first = n
	}
	images := flipImages(t)
	lost, kinds := 0, map[string]int{}
	for seed := first; seed < first+flips; seed++ {
		image := images[seed%uint64(len(images))]
		name, gone := image.flip(t, seed)
		if lost += gone; gone > 0 {
			kinds[strings.Split(name, "/")[2]]++
		}
		if t.Failed() {
			t.Fatalf("seed %d, %s", seed, image.name)
		}
	}
	t.Logf("seeds %d to %d: %d messages of %d stores not served: %v", first, first+flips-1, lost, flips, kinds)
}

// flip changes one bit and reads everything.
func (f *flipImage) flip(t *testing.T, seed uint64) (name string, lost int) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 3))
	disk := f.disk.KillClone()
	names := f.files
	if r.IntN(2) == 0 {
		names = f.logs
	}
	name = names[r.IntN(len(names))]
	at, bit := int64(r.IntN(f.used[name])), byte(1)<<r.IntN(8)
	flipBit(t, disk, name, at, bit)
	s := openAt(t, disk, small("/store"), f.clk)
	served := map[int]bool{}
	for q := range int32(3) {
		f.consume(t, s, q, served)
	}
	for n, phy := range f.places {
		if rec, err := s.Lookup(phy, nil); err == nil {
			f.body(t, rec, "by place")
		}
		res, err := s.QueryKey("T", fmt.Sprintf("k%d", n), 32, math.MaxInt, 0, 1<<62)
		if err != nil {
			t.Error(err)
		}
		for _, rec := range res.Records {
			f.body(t, rec, "by key")
		}
	}
	if lost = flipMessages - len(served); lost > 1 {
		t.Errorf("bit %#x at %d of %s: %d messages are not served", bit, at, name, lost)
	}
	send(t, s, numbered("T", 0, flipMessages))
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	return name, lost
}

func flipBit(t *testing.T, disk *vfs.Memory, name string, at int64, bit byte) {
	t.Helper()
	file, err := disk.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	var b [1]byte
	if _, err := file.ReadAt(b[:], at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= bit
	if _, err := file.WriteAt(b[:], at); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

// consume reads a queue as a consumer does, to its end.
func (f *flipImage) consume(t *testing.T, s *Store, queue int32, served map[int]bool) {
	t.Helper()
	at := s.MinOffset("T", queue)
	for end := s.MaxOffset("T", queue); at < end; {
		res, out := s.Get(&GetRequest{Topic: "T", QueueID: queue, Offset: at, MaxCount: 7}, nil)
		for len(out) > 0 {
			size, err := message.Size(out)
			if err != nil || size > len(out) {
				t.Fatalf("queue %d at %d: %v", queue, at, err)
			}
			n := f.body(t, out[:size], "by offset")
			if served[n] {
				t.Errorf("queue %d at %d: message %d again", queue, at, n)
			}
			served[n] = true
			out = out[size:]
		}
		if res.NextBegin <= at {
			t.Fatalf("queue %d at %d: %v, and to go on at %d", queue, at, res.Status, res.NextBegin)
		}
		at = res.NextBegin
	}
}

// body is the number of the message whose body a record has.
func (f *flipImage) body(t *testing.T, rec []byte, how string) int {
	t.Helper()
	var v message.View
	if err := message.Decode(rec, &v); err != nil {
		t.Errorf("served %s: %v", how, err)
		return -1
	}
	n, ok := f.sent[string(v.Body)]
	if !ok {
		t.Errorf("served %s: a body that nobody sent: %q", how, v.Body)
	}
	return n
}
