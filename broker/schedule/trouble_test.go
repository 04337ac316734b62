package schedule

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/skylarkmq/skylark/internal/clock"
)

func TestUnreadableRecords(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 1000)
		for i := range 6 {
			w.put("A", fmt.Sprint(i), "1")
		}
		q := w.queues[0]
		w.gone[q[0].Phy] = true
		w.broken[q[3].Phy] = true
		w.log[q[5].Phy+88] ^= 1 // the body
		defer w.run()()
		time.Sleep(waitLongest)
		synctest.Wait()
		if diff := cmp.Diff([]string{"1", "2"}, w.bodies()); diff != "" {
			t.Errorf("behind a record that the disk does not give: %s", diff)
		}
		time.Sleep((1 + neighbours) * longest)
		synctest.Wait()
		if got := strings.Join(w.bodies(), " "); got != "1 2 4" {
			t.Errorf("delivered %s", got)
		}
		if got := w.s.offset(1); got != 6 {
			t.Errorf("progress %d, want 6", got)
		}
	})
}

// TestTroubleThatPasses: what cannot be read for a while is delivered when it can be; a
// level's progress does not move while its queue cannot be opened.
func TestTroubleThatPasses(t *testing.T) {
	for name, row := range map[string]struct {
		trouble func(w *world, phy int64)
		lasts   time.Duration
	}{
		"a record, for a moment": {func(w *world, phy int64) { w.broken[phy] = true }, 30 * time.Second},
		"all records, for long": {func(w *world, _ int64) {
			for _, u := range w.queues[0] {
				w.broken[u.Phy] = true
			}
		}, time.Hour},
		"no descriptors, for long":   {func(w *world, phy int64) { w.broken[phy], w.disk = true, ErrNotNow }, time.Hour},
		"the queue, before anything": {func(w *world, _ int64) { w.unopened = true }, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t, 1000)
				w.saved = []byte("{\"offsetTable\":{1:1}}")
				w.restart()
				for i := range 4 {
					w.put("A", fmt.Sprint(i), "1")
				}
				row.trouble(w, w.queues[0][1].Phy)
				defer w.run()()
				time.Sleep(row.lasts)
				synctest.Wait()
				if got, at := w.bodies(), w.s.offset(1); len(got) > 0 || at != 1 {
					t.Errorf("delivered %q, progress %d", got, at)
				}
				w.mu.Lock()
				w.unopened = false
				clear(w.broken)
				w.mu.Unlock()
				time.Sleep(longest)
				synctest.Wait()
				if diff := cmp.Diff([]string{"1", "2", "3"}, w.bodies()); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// TestDeadDisk: that the newest message is in memory still, or that a record was lost before,
// makes none of those that cannot be read a lost one.
func TestDeadDisk(t *testing.T) {
	for name, row := range map[string]struct {
		until int   // this one can be read, none in front of it
		want  int64 // progress
		lasts time.Duration
	}{
		"the newest is in memory":    {until: 50, lasts: time.Hour},
		"one neighbour is in memory": {until: 2, want: 1, lasts: waitLongest + (1+neighbours)*longest},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t, 1000)
				for i := range row.until + 1 {
					w.put("A", fmt.Sprint(i), "1")
				}
				for _, u := range w.queues[0][:row.until] {
					w.broken[u.Phy] = true
				}
				defer w.run()()
				time.Sleep(time.Second + row.lasts)
				synctest.Wait()
				if got := w.s.offset(1); got != row.want {
					t.Errorf("progress %d, want %d", got, row.want)
				}
			})
		})
	}
}

// ahead is a clock that was set.
type ahead struct {
	clock.Clock
	ms *atomic.Int64
}

func (c ahead) NowMs() int64 { return c.Clock.NowMs() + c.ms.Load() }

// TestClockSetAhead: a level waits for a record as long as ever.
func TestClockSetAhead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 1000)
		var ms atomic.Int64
		w.s.opt.Clock = ahead{clock.Real, &ms}
		w.put("A", "0", "1")
		w.put("A", "1", "1")
		w.broken[w.queues[0][0].Phy] = true
		defer w.run()()
		time.Sleep(10 * time.Second)
		ms.Store(time.Hour.Milliseconds())
		time.Sleep(waitLongest / 2)
		synctest.Wait()
		if got := w.s.offset(1); got != 0 {
			t.Errorf("progress %d after half a minute", got)
		}
		time.Sleep(waitLongest)
		synctest.Wait()
		if diff := cmp.Diff([]string{"1"}, w.bodies()); diff != "" {
			t.Error(diff)
		}
	})
}

// TestTargetThatCannotBeOpened: it holds up nobody else, and its messages come when it is
// opened, even after a restart meanwhile.
func TestTargetThatCannotBeOpened(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, 1000)
		w.unopenedTarget = true
		stop := w.run()
		w.put("unopened", "a", "1")
		w.put("B", "b", "1")
		w.put("unopened", "c", "1")
		w.put("B", "d", "1")
		time.Sleep(time.Minute)
		synctest.Wait()
		if diff := cmp.Diff([]string{"b", "d"}, w.bodies()); diff != "" {
			t.Error(diff)
		}
		if n := len(w.queues[0]); n > 4+2*60 {
			t.Errorf("the level has %d records after a minute", n)
		}
		stop()
		w.restart()
		defer w.run()()
		w.mu.Lock()
		w.unopenedTarget = false
		w.mu.Unlock()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if diff := cmp.Diff([]string{"b", "d", "a", "c"}, w.bodies()); diff != "" {
			t.Error(diff)
		}
		if want := "DELAY\x011\x02REAL_TOPIC\x01unopened\x02REAL_QID\x013\x02"; w.delivered[2].props != want {
			t.Errorf("properties %q, want %q", w.delivered[2].props, want)
		}
	})
}
