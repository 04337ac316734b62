package transaction

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/message"
)

// rounds lets a check after the other go by.
func (w *world) rounds(n int) {
	for range n {
		w.pass(30 * time.Second)
	}
}

// A half message that was appended again more often than it may have aliases: the
// progress that a crash leaves lies among its newest places, so the op record must
// name those.
func TestTheNewestPlacesOfManyAreNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set.CheckMax = 1000
	p := w.prepare("PG", "T", []string{"a"})
	w.rounds(maxAliases + 3)
	w.saveOffsets()
	w.rounds(3)
	if v := w.end(p[0], true, false, false); v != Claimed { // by the oldest place, which is no alias any more
		t.Fatalf("end: %d", v)
	}
	for _, u := range []string{"b", "c", "d", "e"} { // the end of the log that is searched for commits begins behind it
		w.Flush()
		w.end(w.prepare("PG", "T", []string{u})[0], false, false, false)
	}
	w.Flush()
	w.kill()
	if w.rounds(1); w.Open() != 0 || len(w.asked) != 0 {
		t.Fatalf("%d open, asked %d", w.Open(), len(w.asked))
	}
	if got := w.visible("T"); !slices.Equal(got, []string{"a"}) {
		t.Fatalf("visible %v", got)
	}
}

func TestLoadKeepsTheNewestPlaces(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set.CheckMax = 1000
	w.prepare("PG", "T", []string{"a"})
	newest := int64(maxAliases + 6)
	w.rounds(int(newest))
	w.kill() // no offset was saved: all copies are read
	h := w.index.byPlace[newest]
	if h == nil || len(h.aliases) != maxAliases || h.aliases[0] != newest-maxAliases || h.aliases[maxAliases-1] != newest-1 {
		t.Fatalf("%+v", h)
	}
	if len(w.index.aliases) != maxAliases {
		t.Fatalf("%d aliases in the index", len(w.index.aliases))
	}
}

// uniqs are the UNIQ_KEYs of whom the last round asked about.
func (w *world) uniqs() (list []string) {
	for _, a := range w.asked {
		list = append(list, a.uniq)
	}
	w.asked = w.asked[:0]
	return list
}

// tight sends a half message whose properties are as long as properties may be.
func (w *world) tight(group, topic, uniq string, more ...string) {
	w.t.Helper()
	more = append(more, "pad", "")
	short := len(halfProps(group, topic, uniq, 0, more...))
	more[len(more)-1] = strings.Repeat("x", message.PropertiesMax-short)
	w.prepare(group, topic, []string{uniq}, more...)
}

// A half message that cannot take the count of its checks is asked about where it
// stands, and discarded in its time; the others of its group do not notice.
func TestNoRoomForTheCheckTimes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set.CheckMax = 2
	w.prepare("PG", "T", []string{"a"})
	w.tight("PG", "T", "b")
	w.prepare("PG", "T", []string{"c"})
	for n := 1; n <= 2; n++ {
		w.rounds(1)
		for _, a := range w.asked {
			times, _ := message.Property([]byte(a.props), message.PropertyTransactionCheckTimes)
			if want := map[bool]string{false: string(rune('0' + n))}[a.uniq == "b"]; string(times) != want || a.uniq == "b" && a.offset != 1 {
				t.Fatalf("round %d: asked about %s at %d, check times %q", n, a.uniq, a.offset, times)
			}
		}
		if got := w.uniqs(); len(got) != 3 {
			t.Fatalf("round %d: asked about %v", n, got)
		}
	}
	w.rounds(1)
	low, high := shelf{w.store}.Bounds(message.TopicMaxCheckTimes, queue)
	if w.Open() != 0 || high-low != 3 || w.offsets.Query(Group, message.TopicHalf, queue) != 7 {
		t.Fatalf("%d open, %d discarded, progress %d", w.Open(), high-low, w.offsets.Query(Group, message.TopicHalf, queue))
	}
}

// So it is with what an immunity adds.
func TestNoRoomForTheOrigin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set.CheckMax = 1
	w.tight("PG", "T", "a", message.PropertyCheckImmunityTime, "40")
	w.prepare("PG", "T", []string{"b"})
	if w.rounds(1); !slices.Equal(w.uniqs(), []string{"b"}) {
		t.Fatal("asked in the immunity, or not about the other one")
	}
	if w.rounds(1); !slices.Equal(w.uniqs(), []string{"a"}) || w.Open() != 1 {
		t.Fatal("not asked after the immunity")
	}
	if w.rounds(1); w.Open() != 0 {
		t.Fatal("not discarded")
	}
}

// full is a shelf whose topic of discarded half messages takes none.
type full struct{ shelf }

func (f full) Append(list []message.Message) []Stored {
	if list[0].Topic == message.TopicMaxCheckTimes {
		return slices.Repeat([]Stored{{Refused: true}}, len(list))
	}
	return f.shelf.Append(list)
}

func TestDiscardThatIsRefusedIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set.CheckMax = 1
	w.opt.Store = full{shelf{w.store}}
	p := w.prepare("PG", "T", []string{"a"})
	if w.rounds(2); w.Open() != 0 || w.Counters.Discarded.Load() != 1 || !strings.Contains(w.log.String(), "does not take it") {
		t.Fatalf("%d open: %s", w.Open(), w.log.String())
	}
	if v := w.end(p[0], true, false, false); v != Claimed {
		t.Fatalf("late commit: %d", v)
	}
}

// flipBody changes a bit in the body of the newest record of an open half message.
func (w *world) flipBody(offset int64) {
	w.t.Helper()
	i, ok := w.Find(offset)
	rec, err := w.store.Record(i.Phy, i.Size, nil, false)
	if !ok || err != nil {
		w.t.Fatal(ok, err)
	}
	at := bytes.Index(rec, []byte("body of "))
	file, err := w.disk.Open("/store/commitlog/00000000000000000000")
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := file.WriteAt([]byte{rec[at] ^ 1}, i.Phy+int64(at)); err != nil {
		w.t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		w.t.Fatal(err)
	}
}

// A body that the disk has changed is not stored again under a sum that fits. Its half
// message is given up, once for all; an older copy that is whole can be committed.
func TestDamagedHalfIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.prepare("PG", "T", []string{"a", "b", "c"})
	w.rounds(1)
	w.saveOffsets()
	w.kill() // what comes from a disk is compared with its sum
	w.flipBody(4)
	if w.rounds(1); !slices.Equal(w.uniqs(), []string{"a", "c"}) || w.Open() != 2 {
		t.Fatalf("%d open: %s", w.Open(), w.log.String())
	}
	if !strings.Contains(w.log.String(), "half message is damaged on the disk") {
		t.Fatalf("log: %s", w.log.String())
	}
	if w.Flush(); !slices.Equal(w.named(), []int64{4}) {
		t.Fatalf("op records name %v", w.named())
	}
	if v := w.end(p[1], true, false, false); v != Claimed {
		t.Fatalf("commit by the older copy: %d", v)
	}
	if got := w.visible("T"); !slices.Equal(got, []string{"b"}) {
		t.Fatalf("visible %v", got)
	}
}
