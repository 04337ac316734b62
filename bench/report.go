package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/skylarkmq/skylark/bench/load"
)

// report collects every run of every row and server.
type report struct {
	settings
	rows  []string
	runs  map[[2]string][]load.Result // row, server
	life  []string
	lives map[[2]string][]float64
	order []string // servers
}

func newReport(s settings) *report {
	return &report{settings: s, runs: map[[2]string][]load.Result{}, lives: map[[2]string][]float64{}}
}

func (r *report) add(row, server string, result load.Result) {
	if !slices.Contains(r.rows, row) {
		r.rows = append(r.rows, row)
	}
	r.seen(server)
	key := [2]string{row, server}
	r.runs[key] = append(r.runs[key], result)
}

func (r *report) addLife(what, server string, v float64) {
	if !slices.Contains(r.life, what) {
		r.life = append(r.life, what)
	}
	r.seen(server)
	key := [2]string{what, server}
	r.lives[key] = append(r.lives[key], v)
}

func (r *report) seen(server string) {
	if !slices.Contains(r.order, server) {
		r.order = append(r.order, server)
	}
}

// spread shows median and range of a figure over the rounds.
func spread[T any](runs []T, figure func(T) float64) string {
	if len(runs) == 0 {
		return ""
	}
	v := make([]float64, len(runs))
	for i, run := range runs {
		v[i] = figure(run)
	}
	slices.Sort(v)
	median := v[len(v)/2]
	if len(v)%2 == 0 {
		median = (v[len(v)/2-1] + median) / 2
	}
	if len(v) == 1 {
		return short(median)
	}
	return fmt.Sprintf("**%s** (%s–%s)", short(median), short(v[0]), short(v[len(v)-1]))
}

func short(v float64) string {
	switch {
	case v >= 1000:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}

// line is the progress that a waiting person reads: CPU a message of each server.
func (r *report) line(w row) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-45s", w.name)
	for _, s := range r.order {
		runs := r.runs[[2]string{w.name, s}]
		if len(runs) > 0 {
			fmt.Fprintf(&b, "  %s: %s µs, %s/s, p99 %s ms", s, spread(runs, cpuMicros), spread(runs, perSecond), spread(runs, p99))
		}
		for _, run := range runs {
			for what, n := range run.Errors {
				fmt.Fprintf(&b, " [%d × %s]", n, what)
			}
		}
	}
	return b.String()
}

func cpuMicros(r load.Result) float64 { return r.CPUMicros }
func perSecond(r load.Result) float64 { return r.PerSecond }
func p50(r load.Result) float64       { return r.Latency.P50 }
func p99(r load.Result) float64       { return r.Latency.P99 }
func p999(r load.Result) float64      { return r.Latency.P999 }
func anonymous(r load.Result) float64 { return r.Memory.Anonymous }

func (r *report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Benchmarks\n\n%s\n\n", r.method())
	b.WriteString("Median **bold**, range in brackets. CPU is the server process's own, user and system. The no-op server answers and stores nothing.\n\n")
	for _, name := range r.rows {
		budget := ""
		if i := slices.IndexFunc(rows, func(w row) bool { return w.name == name }); i >= 0 {
			budget = rows[i].budget
		}
		fmt.Fprintf(&b, "## %s\n\nBudget: %s\n\n", name, budget)
		b.WriteString("| server | CPU µs a message | messages/s | p50 ms | p99 ms | p99.9 ms | anonymous MiB | failed |\n|---|---|---|---|---|---|---|---|\n")
		for _, s := range r.order {
			runs := r.runs[[2]string{name, s}]
			if len(runs) == 0 {
				continue
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s | %d |\n", s, spread(runs, cpuMicros), spread(runs, perSecond),
				spread(runs, p50), spread(runs, p99), spread(runs, p999), spread(runs, anonymous), failed(runs))
		}
		b.WriteString("\n")
	}
	r.lifeTable(&b)
	return b.String()
}

func (r *report) lifeTable(b *strings.Builder) {
	if len(r.life) == 0 {
		return
	}
	servers := slices.DeleteFunc(slices.Clone(r.order), func(s string) bool { return s == "no-op" })
	fmt.Fprintf(b, "## Start, stop and memory\n\nIdle connections: %d.\n\n| | %s |\n|---|%s\n", r.idleConns,
		strings.Join(servers, " | "), strings.Repeat("---|", len(servers)))
	for _, what := range r.life {
		fmt.Fprintf(b, "| %s |", what)
		for _, s := range servers {
			fmt.Fprintf(b, " %s |", spread(r.lives[[2]string{what, s}], func(v float64) float64 { return v }))
		}
		b.WriteString("\n")
	}
}

func failed(runs []load.Result) (n int64) {
	for _, run := range runs {
		for _, c := range run.Errors {
			n += c
		}
	}
	return n
}

// method says where and how the figures were taken.
func (r *report) method() string {
	var uts syscall.Utsname
	_ = syscall.Uname(&uts)
	kernel := make([]byte, 0, len(uts.Release))
	for _, c := range uts.Release {
		if c == 0 {
			break
		}
		kernel = append(kernel, byte(c))
	}
	return fmt.Sprintf("Taken %s by `make bench` on %d cores shared by server and client (%s), Linux %s, %s. "+
		"%d rounds of %s a row and server, servers alternating, the others stopped meanwhile; Java warmed up for %s, heap %s.",
		time.Now().Format(time.DateOnly), runtime.NumCPU(), processor(), kernel, runtime.Version(), r.rounds, r.measure, r.jit, cmp.Or(r.heap, "none"))
}

func processor() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	for line := range strings.Lines(string(info)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.TrimSpace(strings.TrimLeft(name, "\t :"))
		}
	}
	return "unknown processor"
}

// logBytes is the size of all files of a commit log that hold data: prepared files count too.
func logBytes(dir string) (n int64, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "0*"))
	if err != nil {
		return 0, err
	}
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			return 0, err
		}
		n += info.Size()
	}
	return n, nil
}
