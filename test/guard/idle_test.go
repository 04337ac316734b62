package guard

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/bench/load"
	"github.com/skylarkmq/skylark/bench/server"
)

const binEnv = "SKYLARK_BIN"

func binary(t *testing.T) string {
	t.Helper()
	bin := os.Getenv(binEnv)
	if bin == "" {
		t.Skipf("%s does not name a binary: make guard", binEnv)
	}
	return bin
}

func run(t *testing.T, bin string, o server.Options) *server.Server {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	s, err := server.Skylark(bin).Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Stop(syscall.SIGKILL) })
	return s
}

// answered repeats a measurement in which fewer than least messages were answered: a disk that is busy with others may hold everything
// up for longer than the measurement lasts. None at all, ever, ends the test.
func answered(t *testing.T, what string, least int64, measure func() (load.Result, error)) load.Result {
	t.Helper()
	const patience = 20
	r, err := measure()
	for tries := 1; err == nil && r.Messages < least && tries < patience; tries++ {
		t.Logf("%s: %d messages answered in %.1f s", what, r.Messages, r.Seconds)
		r, err = measure()
	}
	if err != nil || r.Messages == 0 {
		t.Fatalf("%s: %d messages, %v, %v", what, r.Messages, err, r.Errors)
	}
	return r
}

// An idle connection costs the broker about 1.3 KiB; what is allowed leaves room for the allocator's steps, not for a buffer or a
// goroutine a connection.
func TestIdleConnections(t *testing.T) {
	const (
		conns        = 2000
		perConn      = 3 << 10
		slack        = 2 << 20
		idleCPUShare = 0.02
		windows      = 3 // the best one counts
	)
	s := run(t, binary(t), server.Options{})
	before, after, r, err := load.Idle(t.Context(), load.Options{Addr: s.Addr, PID: s.PID(), Conns: conns, Measure: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	more := after.Anonymous - before.Anonymous
	t.Logf("%d idle connections: %.1f MiB before, %.2f MiB more, %.2f %% CPU", conns, before.Anonymous, more, 100*r.CPUShare)
	if limit := float64(conns*perConn+slack) / (1 << 20); before.Anonymous == 0 || more > limit {
		t.Errorf("%d idle connections: %.2f MiB more on %.1f, want at most %.2f", conns, more, before.Anonymous, limit)
	}
	for tries := 1; r.CPUShare > idleCPUShare && tries < windows; tries++ { // a collection, or a machine that is slow, is in one of them only
		t.Logf("%.2f %% CPU", 100*r.CPUShare)
		if _, _, r, err = load.Idle(t.Context(), load.Options{Addr: s.Addr, PID: s.PID(), Conns: conns, Measure: 2 * time.Second}); err != nil {
			t.Fatal(err)
		}
	}
	if r.CPUShare > idleCPUShare {
		t.Errorf("%d idle connections: %.2f %% CPU, want at most %.0f %%", conns, 100*r.CPUShare, 100*idleCPUShare)
	}
}

// The best of some starts is what the broker needs; the others tell of the machine.
func TestEmptyStart(t *testing.T) {
	bin := binary(t)
	const limit = 150 * time.Millisecond
	best := time.Hour
	for range 8 {
		s := run(t, bin, server.Options{})
		best = min(best, s.Start)
		s.Stop(syscall.SIGKILL)
		if best < limit/2 {
			break
		}
	}
	t.Logf("start on an empty directory: %s", best)
	if best > limit {
		t.Errorf("start on an empty directory: %s at best, want %s", best, limit)
	}
}
