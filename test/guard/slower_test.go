package guard

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/bench/load"
	"github.com/skylarkmq/skylark/bench/server"
)

// beforeEnv names the binary of the commit before. scripts/guard.sh builds it.
const beforeEnv = "SKYLARK_BEFORE_BIN"

const (
	// slowest is the ratio of CPU a message, now to before, that fails when it is the median, if nearly all pairs are above surely, too:
	// on a busy machine equal binaries gave pairs from 0.4 to 2.1 and medians up to 1.27, but never most pairs on one side.
	slowest     = 1.5
	surely      = 1.2
	pairs       = 5
	doubtRounds = 2   // so many times as many pairs decide where the first ones are too slow
	enough      = 500 // messages in one window: with fewer, what the process does anyhow is most of the CPU
)

var work = []struct {
	name string
	run  func(t *testing.T, o load.Options) load.Result
}{
	{"send 1 KiB, 4 x 64", func(t *testing.T, o load.Options) load.Result { return sent(t, o) }},
	{"send 1 KiB, 64 x 1", func(t *testing.T, o load.Options) load.Result {
		o.Conns, o.InFlight = 64, 1
		return sent(t, o)
	}},
	{"transaction, 4 x 64", func(t *testing.T, o load.Options) load.Result {
		o.Transaction = true
		return sent(t, o)
	}},
	{"pull 32 x 1 KiB", func(t *testing.T, o load.Options) load.Result {
		return answered(t, "pull", enough, func() (load.Result, error) {
			r, err := load.Pull(t.Context(), o)
			return r.Result, err
		})
	}},
}

func sent(t *testing.T, o load.Options) load.Result {
	t.Helper()
	return answered(t, "send", enough, func() (load.Result, error) { return load.Send(t.Context(), o) })
}

// The binary of now must not need half as much CPU again as that of the commit before, for any of the works.
func TestNoSlowerThanBefore(t *testing.T) {
	now, before := binary(t), os.Getenv(beforeEnv)
	if before == "" {
		t.Skipf("NOT TESTED: speed against the commit before, because %s names no binary (scripts/guard.sh says why)", beforeEnv)
	}
	ratios := make([][]float64, len(work))
	for round := range pairs * doubtRounds {
		if round >= pairs && !slices.ContainsFunc(ratios, tooSlow) {
			break
		}
		pair(t, now, before, round%2 == 1, ratios)
	}
	for i, w := range work {
		t.Logf("%-20s CPU a message, now to before: median %.2f of %.2f", w.name, middle(ratios[i]), ratios[i])
		if tooSlow(ratios[i]) {
			t.Errorf("%s: CPU a message is %.2f times that of the commit before, want at most %.1f", w.name, middle(ratios[i]), slowest)
		}
	}
}

func tooSlow(ratios []float64) bool {
	sorted := slices.Sorted(slices.Values(ratios))
	return middle(ratios) > slowest && sorted[len(sorted)/5] > surely
}

func middle(v []float64) float64 {
	sorted := slices.Sorted(slices.Values(v))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// pair measures every work on both binaries, one directly after the other, each on an empty store; the one that waits is stopped.
func pair(t *testing.T, now, before string, nowFirst bool, ratios [][]float64) {
	t.Helper()
	dir := t.TempDir()
	defer os.RemoveAll(dir)
	var both [2]*server.Server
	for i, bin := range []string{now, before} {
		both[i] = run(t, bin, server.Options{Dir: filepath.Join(dir, strings.Repeat("b", i+1))})
		defer both[i].Stop(syscall.SIGKILL)
		both[i].Pause()
	}
	order := []int{1, 0}
	if nowFirst {
		order = []int{0, 1}
	}
	for i, w := range work {
		var cpu [2]float64
		for _, k := range order {
			s := both[k]
			s.Resume()
			cpu[k] = w.run(t, load.Options{Addr: s.Addr, PID: s.PID(), Warm: 150 * time.Millisecond, Measure: 500 * time.Millisecond}).CPUMicros
			s.Pause()
		}
		if cpu[1] > 0 {
			ratios[i] = append(ratios[i], cpu[0]/cpu[1])
		}
	}
}
