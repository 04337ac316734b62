package guard

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/bench/load"
	"github.com/skylarkmq/skylark/bench/server"
)

// group is a control group of the test's own.
type group struct{ dir, kills string }

// newGroup makes a control group with a memory limit, of version 1 or 2, or says why it cannot.
func newGroup(t *testing.T, limit int64) group {
	t.Helper()
	name := fmt.Sprintf("skylark-guard-%d", os.Getpid())
	var tried error
	for _, v := range []struct{ mount, limit, kills string }{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.oom_control"},
		{"/sys/fs/cgroup", "memory.max", "memory.events"},
	} {
		g := group{dir: filepath.Join(v.mount, name), kills: v.kills}
		if _, err := os.Stat(v.mount); err != nil {
			continue
		}
		err := os.Mkdir(g.dir, 0o755)
		if err == nil {
			err = os.WriteFile(filepath.Join(g.dir, v.limit), fmt.Appendf(nil, "%d", limit), 0o600)
		}
		if err == nil {
			t.Cleanup(func() {
				// A group goes when its last process has gone, which the kernel notes a moment after its parent has.
				for range 100 {
					if err = os.Remove(g.dir); err == nil {
						return
					}
					time.Sleep(10 * time.Millisecond)
				}
				t.Errorf("the control group stays: %v", err)
			})
			return g
		}
		tried = errors.Join(tried, err)
		_ = os.Remove(g.dir)
	}
	t.Skipf("NOT TESTED: a memory limit, because no control group can be made here (root is needed): %v", tried)
	return group{}
}

// killed is how many processes of the group ran out of memory.
func (g group) killed(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(g.dir, g.kills))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if n, ok := strings.CutPrefix(line, "oom_kill "); ok {
			return strings.TrimSpace(n)
		}
	}
	return "0" // an old kernel does not say; then the process's end does
}

// In a group of 256 MiB the broker lives through more log than that, large messages, clients that do not read what they asked for, and
// hundreds of connections, and goes on answering.
func TestMemoryLimit(t *testing.T) {
	const (
		limit = 256 << 20
		// What Go has allocated and not given back may pass the collector's part by what is allocated while it collects.
		anonymous = 160.0
	)
	bin := binary(t)
	g := newGroup(t, limit)
	s := run(t, bin, server.Options{Group: filepath.Join(g.dir, "cgroup.procs")})
	defer func() {
		if t.Failed() {
			t.Log(s.Log())
		}
	}()
	o := load.Options{Addr: s.Addr, PID: s.PID(), Warm: 100 * time.Millisecond, Measure: 2 * time.Second}
	step := func(what string, o load.Options) {
		t.Helper()
		// The group's memory is full of pages that wait for the disk.
		r := answered(t, what, 1, func() (load.Result, error) { return load.Send(t.Context(), o) })
		t.Logf("%-40s %7.0f/s, p99 %6.1f ms, anonymous %5.1f MiB, file %5.1f MiB, failed %v", what, r.PerSecond, r.Latency.P99, r.Memory.Anonymous, r.Memory.File, r.Errors)
		if r.Memory.Anonymous > anonymous {
			t.Errorf("%s: %.0f MiB of anonymous memory, want at most %.0f", what, r.Memory.Anonymous, anonymous)
		}
	}
	step("1 KiB, 4 x 64", o)
	// The broker accepts connections a moment before it says that it has started.
	if !strings.Contains(s.Log(), `"memoryLimitMiB":256,"heapLimitMiB":128`) {
		t.Fatalf("the log does not tell the limit:\n%s", s.Log())
	}
	large := o
	large.Size, large.Conns, large.InFlight = 1<<20, 8, 2
	step("1 MiB, 8 x 2", large)

	deaf, done := context.WithCancel(t.Context())
	defer done()
	type end struct {
		closed int
		err    error
	}
	ended := make(chan end, 1)
	go func() {
		closed, err := load.Deaf(deaf, load.Options{Addr: s.Addr, Conns: 60, InFlight: 800})
		ended <- end{closed, err}
	}()
	many := o
	many.Conns, many.InFlight, many.Measure = 400, 1, 3*time.Second
	step("400 x 1, 60 clients that do not read", many)
	done()
	if e := <-ended; e.err != nil {
		t.Error(e.err)
	} else {
		t.Logf("%d of 60 clients that do not read were closed", e.closed)
	}
	step("1 KiB, 4 x 64, afterwards", o)
	if n := g.killed(t); n != "0" {
		t.Errorf("%s processes ran out of memory", n)
	}
	s.Stop(syscall.SIGTERM)
}
