// Package clock is the time as the broker sees it: the machine's, or a fake one that a test moves by hand.
//
// Everything whose behaviour depends on time (expiry, long polling, flush intervals, delay levels) takes a Clock, so that "three
// days later" is one call in a test and not a wait.
package clock

import "time"

// A Clock tells the time and wakes its callers.
type Clock interface {
	Now() time.Time
	// NowMs is Java's System.currentTimeMillis: what every stored and transmitted timestamp holds.
	NowMs() int64
	// MonoMs are ms on a clock that nobody sets, from an arbitrary moment on and never 0: what durations are counted on. Now and
	// NowMs jump when an operator or a time server sets the machine's clock.
	MonoMs() int64
	// After fires once. For loops prefer NewTimer, which can be stopped.
	After(d time.Duration) <-chan time.Time
	NewTimer(d time.Duration) Timer
	NewTicker(d time.Duration) Ticker
	// AfterFunc calls f once after d: on a goroutine of its own with Real, inside Advance with Fake.
	AfterFunc(d time.Duration, f func()) Timer
}

// A Timer fires once; Stop and Reset behave as those of time.Timer since Go 1.23: after Stop or Reset no stale value is received.
type Timer interface {
	C() <-chan time.Time // nil for AfterFunc
	Stop() bool
	Reset(d time.Duration) bool
}

// A Ticker fires every d; ticks that nobody takes are dropped.
type Ticker interface {
	C() <-chan time.Time
	Stop()
	Reset(d time.Duration)
}

// Real is the machine's clock.
var Real Clock = realClock{}

type realClock struct{}

var begin = time.Now()

func (realClock) MonoMs() int64 { return 1 + time.Since(begin).Milliseconds() }

func (realClock) Now() time.Time                         { return time.Now() }
func (realClock) NowMs() int64                           { return time.Now().UnixMilli() }
func (realClock) After(d time.Duration) <-chan time.Time { return time.After(d) }
func (realClock) NewTimer(d time.Duration) Timer         { return realTimer{time.NewTimer(d)} }
func (realClock) NewTicker(d time.Duration) Ticker       { return realTicker{time.NewTicker(d)} }
func (realClock) AfterFunc(d time.Duration, f func()) Timer {
	return realTimer{time.AfterFunc(d, f)}
}

type realTimer struct{ *time.Timer }

func (t realTimer) C() <-chan time.Time { return t.Timer.C }

type realTicker struct{ *time.Ticker }

func (t realTicker) C() <-chan time.Time { return t.Ticker.C }
