package clock

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var start = time.UnixMilli(1_700_000_000_000)

func fired(c <-chan time.Time) (time.Duration, bool) {
	select {
	case at := <-c:
		return at.Sub(start), true
	default:
		return 0, false
	}
}

func TestFakeFiresInOrder(t *testing.T) {
	t.Parallel()
	f := NewFake(start)
	var order []string
	note := func(name string) func() {
		return func() { order = append(order, name+"@"+f.Now().Sub(start).String()) }
	}
	f.AfterFunc(3*time.Second, note("three"))
	f.AfterFunc(time.Second, func() {
		note("one")()
		f.AfterFunc(time.Second, note("nested"))
	})
	f.AfterFunc(3*time.Second, note("three again"))
	stopped := f.AfterFunc(2*time.Second, note("stopped"))
	if !stopped.Stop() || stopped.Stop() {
		t.Error("Stop does not tell whether it stopped something")
	}
	f.Advance(10 * time.Second)
	if diff := cmp.Diff([]string{"one@1s", "nested@2s", "three@3s", "three again@3s"}, order); diff != "" {
		t.Error(diff)
	}
	if f.NowMs() != start.Add(10*time.Second).UnixMilli() {
		t.Errorf("now %v", f.Now())
	}
}

func TestFakeTimer(t *testing.T) {
	t.Parallel()
	f := NewFake(start)
	timer := f.NewTimer(time.Second)
	f.Advance(999 * time.Millisecond)
	if _, ok := fired(timer.C()); ok {
		t.Error("fired early")
	}
	f.Advance(time.Millisecond)
	if at, ok := fired(timer.C()); !ok || at != time.Second {
		t.Errorf("fired at %v, %v", at, ok)
	}
	if timer.Reset(time.Second) {
		t.Error("Reset of a fired timer says it was running")
	}
	f.Advance(time.Minute)
	timer.Reset(time.Hour) // drops the value nobody took
	if at, ok := fired(timer.C()); ok {
		t.Errorf("a stale value: %v", at)
	}
	if _, ok := fired(f.After(0)); !ok {
		t.Error("a timer of no length did not fire at once")
	}
}

func TestFakeTicker(t *testing.T) {
	t.Parallel()
	f := NewFake(start)
	ticker := f.NewTicker(time.Second)
	for i := range 3 {
		f.Advance(time.Second)
		if at, ok := fired(ticker.C()); !ok || at != time.Duration(i+1)*time.Second {
			t.Errorf("tick %d at %v, %v", i, at, ok)
		}
	}
	f.Advance(10 * time.Second) // nobody takes them: one is left
	if _, ok := fired(ticker.C()); !ok {
		t.Error("no tick after a long advance")
	}
	if _, ok := fired(ticker.C()); ok {
		t.Error("dropped ticks were kept")
	}
	ticker.Reset(5 * time.Second)
	f.Advance(4 * time.Second)
	if _, ok := fired(ticker.C()); ok {
		t.Error("the old period is still in force")
	}
	ticker.Stop()
	f.Advance(time.Minute)
	if _, ok := fired(ticker.C()); ok {
		t.Error("a stopped ticker ticked")
	}
}

func TestFakeBackwards(t *testing.T) {
	t.Parallel()
	f := NewFake(start)
	timer := f.NewTimer(time.Second)
	f.Set(start.Add(-time.Hour))
	if _, ok := fired(timer.C()); ok || !f.Now().Equal(start.Add(-time.Hour)) {
		t.Error("going back fired a timer, or did not go back")
	}
	f.Set(start.Add(time.Second))
	if _, ok := fired(timer.C()); !ok {
		t.Error("the timer was lost")
	}
}

func TestFakeStep(t *testing.T) {
	t.Parallel()
	f := NewFake(start)
	began := f.MonoMs()
	timer := f.NewTimer(time.Second)
	f.Step(time.Hour)
	f.Advance(999 * time.Millisecond)
	if _, ok := fired(timer.C()); ok || !f.Now().Equal(start.Add(time.Hour+999*time.Millisecond)) {
		t.Errorf("now %v", f.Now())
	}
	f.Advance(time.Millisecond)
	if _, ok := fired(timer.C()); !ok {
		t.Error("the timer did not fire after its time")
	}
	f.Step(-2 * time.Hour)
	f.Set(start.Add(-3 * time.Hour))
	if passed := f.MonoMs() - began; passed != 1000 {
		t.Errorf("%d ms passed, want 1000", passed)
	}
}

func TestAwaitTimers(t *testing.T) {
	t.Parallel()
	f := NewFake(start)
	done := make(chan time.Time)
	go func() { done <- <-f.After(time.Minute) }()
	f.AwaitTimers(1)
	f.Advance(time.Minute)
	if at := <-done; !at.Equal(start.Add(time.Minute)) {
		t.Errorf("woken at %v", at)
	}
}

func TestReal(t *testing.T) {
	t.Parallel()
	before := time.Now()
	<-Real.After(time.Millisecond)
	ticker := Real.NewTicker(time.Millisecond)
	<-ticker.C()
	ticker.Stop()
	timer := Real.NewTimer(time.Hour)
	if !timer.Stop() || timer.C() == nil {
		t.Error("a running timer was not stopped")
	}
	ran := make(chan struct{})
	Real.AfterFunc(0, func() { close(ran) })
	<-ran
	if mono := Real.MonoMs(); mono <= 0 {
		t.Errorf("%d ms since the start", mono)
	}
	if !Real.Now().After(before) || Real.NowMs() < before.UnixMilli() {
		t.Error("no time passed")
	}
}
