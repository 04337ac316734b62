package clean

import (
	"testing"
	"time"
)

var defaults = Policy{
	WarningLevelRatio: 90, CleanForciblyRatio: 85, MaxUsedRatio: 75, CleanForciblyEnable: true,
	DeleteWhen: "04", Reserved: 72 * time.Hour, BatchMax: 10,
}

func TestDisk(t *testing.T) {
	t.Parallel()
	wide, narrow := defaults, defaults
	wide.WarningLevelRatio, wide.CleanForciblyRatio, wide.MaxUsedRatio = 100, 100, 100
	narrow.WarningLevelRatio, narrow.CleanForciblyRatio, narrow.MaxUsedRatio = 1, 1, 1
	tests := []struct {
		name   string
		policy Policy
		used   float64
		want   Space
	}{
		{"little", defaults, 0.5, Space{Room: true}},
		{"unknown", defaults, -1, Space{Room: true, Delete: true}},
		{"above the most that should be", defaults, 0.76, Space{Room: true, Delete: true}},
		{"at a bound is not above it", defaults, 0.75, Space{Room: true}},
		{"forced", defaults, 0.86, Space{Delete: true, Now: true}},
		{"full", defaults, 0.91, Space{Full: true, Delete: true, Now: true}},
		{"not settable above 90", wide, 0.91, Space{Full: true, Delete: true, Now: true}},
		{"nor above 85", wide, 0.86, Space{Delete: true, Now: true}},
		{"not settable below 35", narrow, 0.34, Space{Delete: true, Now: true}},
		{"nor below 30", narrow, 0.29, Space{Room: true, Delete: true}},
		{"nor below 10", narrow, 0.09, Space{Room: true}},
	}
	bytes := defaults
	bytes.FreeWarning, bytes.FreeForcibly = 1<<30, 2<<30
	for free, want := range map[int64]Space{
		1<<30 - 1: {Full: true, Delete: true, Now: true}, 1 << 30: {Delete: true, Now: true}, 2<<30 - 1: {Delete: true, Now: true},
		2 << 30: {Room: true, Delete: true}, // the ratio still asks for a cleaning
	} {
		if got := bytes.Disk(Use{Part: 0.99, Free: free}); got != want {
			t.Errorf("%d bytes left: %+v, want %+v", free, got, want)
		}
	}
	if got := bytes.Disk(Use{Part: -1}); !got.Room {
		t.Errorf("unknown, with bounds in bytes: %+v", got)
	}
	for _, tt := range tests {
		if got := tt.policy.Disk(Use{Part: tt.used}); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestHour(t *testing.T) {
	t.Parallel()
	tests := []struct {
		when string
		hour int
		want bool
	}{{"04", 4, true}, {"04", 5, false}, {"4", 4, true}, {"02;04; 23", 23, true}, {"02;04", 3, false}, {"", 0, false}, {"x;0", 0, true}, {"00", 0, true}}
	for _, tt := range tests {
		p := Policy{DeleteWhen: tt.when}
		if got := p.Hour(time.Date(2026, 1, 1, tt.hour, 59, 0, 0, time.Local)); got != tt.want {
			t.Errorf("%q at %d: %v", tt.when, tt.hour, got)
		}
	}
}

func TestExpired(t *testing.T) {
	t.Parallel()
	ago := func(hours ...int) []time.Duration {
		var list []time.Duration
		for _, h := range hours {
			list = append(list, time.Duration(h)*time.Hour)
		}
		return list
	}
	gentle := defaults
	gentle.CleanForciblyEnable = false
	noBatch := defaults
	noBatch.BatchMax = 0
	tests := []struct {
		name   string
		policy Policy
		ages   []time.Duration
		now    bool
		want   int
	}{
		{"none", defaults, nil, true, 0},
		{"the last one stays", defaults, ago(1000), true, 0},
		{"old ones", defaults, ago(100, 73, 72, 71, 1), false, 3},
		{"none behind a young one", defaults, ago(100, 1, 100, 1), false, 1},
		{"forced", defaults, ago(3, 2, 1), true, 2},
		{"forced, not enabled", gentle, ago(3, 2, 1), true, 0},
		{"a batch of none is one, as in Java", noBatch, ago(99, 99, 99), false, 1},
		{"at most ten", defaults, ago(99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99), false, 10},
	}
	for _, tt := range tests {
		if got := tt.policy.Expired(tt.ages, tt.now); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}
