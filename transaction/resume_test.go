package transaction

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/skylarkmq/skylark/message"
)

// A late decision that names a place from before the half message was discarded
// settles what was resumed; a crash right after the append changes nothing of that.
func TestLateCommitSettlesTheResumedHalf(t *testing.T) {
	t.Parallel()
	for _, restart := range []bool{false, true} {
		for _, crash := range []bool{false, true} {
			w := newWorld(t)
			p := w.checkedInVain("PG", "T", "a")
			v := w.discardedView()
			if err := w.Resume(&v); err != nil {
				t.Fatal(err)
			}
			if restart {
				w.Flush()
				w.saveOffsets()
				w.kill()
			}
			if v := w.end(p[0], true, false, crash); v != Claimed {
				t.Fatalf("restart %v: %d", restart, v)
			}
			if crash {
				w.kill()
			}
			if v := w.end(p[0], true, false, false); v != Repeated {
				t.Fatalf("restart %v, crash %v: again: %d", restart, crash, v)
			}
			if got := w.visible("T"); !slices.Equal(got, []string{"a"}) || w.Open() != 0 {
				t.Fatalf("restart %v, crash %v: visible %v, %d open", restart, crash, got, w.Open())
			}
		}
	}
}

// meddling is a shelf that lets something happen before it appends to a topic, once.
type meddling struct {
	shelf
	topic string
	do    func()
	full  bool // and the append fails after that
}

func (m *meddling) Append(list []message.Message) []Stored {
	if do := m.do; do != nil && list[0].Topic == m.topic {
		m.do = nil
		do()
		if m.full {
			return make([]Stored, len(list))
		}
	}
	return m.shelf.Append(list)
}

// While one worker resumes a half message, another one resumes it too: it is open once in the end.
func TestResumedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.checkedInVain("PG", "T", "a")
	v := w.discardedView()
	w.opt.Store = &meddling{shelf: shelf{w.store}, topic: message.TopicHalf, do: func() {
		if err := w.Resume(&v); !errors.Is(err, ErrIsOpen) {
			t.Errorf("second resume: %v", err)
		}
	}}
	if err := w.Resume(&v); err != nil {
		t.Fatal(err)
	}
	w.end(p[0], true, false, false)
	if got := w.visible("T"); !slices.Equal(got, []string{"a"}) || w.Open() != 0 {
		t.Errorf("visible %v, %d open", got, w.Open())
	}
}

// A decision that meets a resumption waits for it, and is carried out whatever came of that.
func TestDecidedWhileResumed(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		full, commit bool
		want         Verdict
		visible      []string
	}{
		"commit":              {false, true, Claimed, []string{"a"}},
		"commit, disk full":   {true, true, Claimed, []string{"a"}},
		"rollback":            {false, false, Claimed, nil},
		"rollback, disk full": {true, false, Repeated, nil}, // it is discarded already
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				p := w.checkedInVain("PG", "T", "a")
				v := w.discardedView()
				verdict := make(chan Verdict, 1)
				meddler := &meddling{shelf: shelf{w.store}, topic: message.TopicHalf, full: row.full}
				meddler.do = func() {
					go func() { verdict <- w.end(p[0], row.commit, false, false) }()
					synctest.Wait()
				}
				w.opt.Store = meddler
				if err := w.Resume(&v); (err != nil) != row.full {
					t.Fatal(err)
				}
				if got := <-verdict; got != row.want {
					t.Errorf("verdict %d", got)
				}
				if got := w.visible("T"); !slices.Equal(got, row.visible) || w.Open() != 0 {
					t.Errorf("visible %v, %d open", got, w.Open())
				}
			})
		})
	}
}

// What could not be appended is still discarded, and a late commit of it obeyed.
func TestResumedInVain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.checkedInVain("PG", "T", "a")
	v := w.discardedView()
	w.opt.Store = &dying{shelf{w.store}, 0}
	if err := w.Resume(&v); !errors.Is(err, ErrNotStored) {
		t.Fatalf("resume: %v", err)
	}
	w.opt.Store = shelf{w.store}
	if v := w.end(p[0], true, false, false); v != Claimed {
		t.Fatalf("late commit: %d", v)
	}
}

// What was appended again in its immunity names its first place until it is discarded,
// and an op record says that this place is settled.
func TestResumedAfterItsImmunitySurvivesARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set.CheckMax = 1
	w.prepare("PG", "T", []string{"a"}, message.PropertyCheckImmunityTime, "40")
	for range 3 {
		w.pass(30 * time.Second)
	}
	v := w.discardedView()
	if f, _ := ReadFacts(v.Properties); f.Origin != 0 {
		t.Fatalf("discarded: %+v", f)
	}
	w.Flush()
	if err := w.Resume(&v); err != nil {
		t.Fatal(err)
	}
	w.kill()
	wantOffsets(t, w.openOffsets(), 3)
}
