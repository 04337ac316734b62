package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/skylarkmq/skylark/bench/record"
)

// measuredMark is the line of the report's file below which the tables stand; what is above it is written by hand.
const measuredMark = "<!-- measured -->"

var servers = []string{"skylark", "no-op", "Java 5.5.0"}

// report makes tables and plot from the file of measurements.
func (s *settings) report() error {
	runs, all, err := record.Read(s.results)
	if err != nil {
		return fmt.Errorf("%s: %w", s.results, err)
	}
	if len(all) == 0 {
		return nil
	}
	t := newTables(runs, all)
	text := t.markdown()
	fmt.Print(text)
	if s.plot != "" {
		if err := os.WriteFile(s.plot, []byte(t.plot()), 0o644); err != nil {
			return err
		}
	}
	if s.out == "" {
		return nil
	}
	old, err := os.ReadFile(s.out)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	byHand, _, _ := strings.Cut(string(old), measuredMark)
	return os.WriteFile(s.out, []byte(byHand+measuredMark+"\n\n"+text), 0o644)
}

// tables are the measurements, by row and server.
type tables struct {
	runs []record.Run
	rows []row
	of   map[[2]string][]record.One
}

func newTables(runs []record.Run, all []record.One) *tables {
	t := &tables{runs: runs, of: map[[2]string][]record.One{}}
	for _, one := range all {
		key := [2]string{one.Row, one.Server}
		t.of[key] = append(t.of[key], one)
		if !slices.ContainsFunc(t.rows, func(r row) bool { return r.name == one.Row }) {
			t.rows = append(t.rows, rowOf(one.Row))
		}
	}
	// In the order of the list of rows, whatever order they were measured in.
	slices.SortStableFunc(t.rows, func(a, b row) int { return position(a.name) - position(b.name) })
	return t
}

func position(name string) int {
	return slices.IndexFunc(rows, func(r row) bool { return r.name == name })
}

func (t *tables) figures(row, server, value string) (v []float64) {
	for _, one := range t.of[[2]string{row, server}] {
		if x, ok := one.Values[value]; ok {
			v = append(v, x)
		}
	}
	slices.Sort(v)
	return v
}

func median(sorted []float64) float64 {
	n := len(sorted)
	if n == 0 {
		return 0
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// spread shows median and range of a value over the rounds.
func (t *tables) spread(row, server, value string) string {
	v := t.figures(row, server, value)
	switch {
	case len(v) == 0:
		return ""
	case len(v) == 1 || short(v[0]) == short(v[len(v)-1]):
		return "**" + short(median(v)) + "**"
	}
	return fmt.Sprintf("**%s** (%s–%s)", short(median(v)), short(v[0]), short(v[len(v)-1]))
}

func short(v float64) string {
	switch {
	case v >= 100_000:
		return fmt.Sprintf("%.0f k", v/1000)
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}

func (t *tables) markdown() string {
	var b strings.Builder
	b.WriteString(t.method())
	var section string
	for i, r := range t.rows {
		if r.section == section {
			continue
		}
		section = r.section
		end := i
		for end < len(t.rows) && t.rows[end].section == section {
			end++
		}
		fmt.Fprintf(&b, "## %s\n\n", section)
		t.section(&b, t.rows[i:end])
	}
	t.surroundings(&b)
	return b.String()
}

func (t *tables) section(b *strings.Builder, all []row) {
	var rates, latencies []row
	for _, r := range all {
		switch {
		case r.shown != nil:
			t.own(b, r)
			continue
		case len(t.figures(r.name, "skylark", p99)) > 0:
			latencies = append(latencies, r)
		}
		rates = append(rates, r)
	}
	t.rates(b, rates)
	t.latencies(b, latencies)
}

// refusedMark stands behind the figures of a server that refused some of a row's requests: a message that is refused costs
// something else than one that is stored, so there is no ratio.
const refusedMark = " †"

// rates is CPU and messages a second.
func (t *tables) rates(b *strings.Builder, all []row) {
	if len(all) == 0 {
		return
	}
	marked := false
	b.WriteString("| row | budget | CPU µs: ours | no-op | Java | Java ÷ ours | messages/s: ours | Java |\n|---|---|---|---|---|---|---|---|\n")
	for _, r := range all {
		ours, java := median(t.figures(r.name, "skylark", cpuMicros)), median(t.figures(r.name, "Java 5.5.0", cpuMicros))
		ratio := ""
		if ours > 0 && java > 0 && t.refused(r.name, "skylark")+t.refused(r.name, "Java 5.5.0") == "" {
			ratio = fmt.Sprintf("**%.1f**", java/ours)
		}
		cell := func(server, value string) string { return t.spread(r.name, server, value) + t.refused(r.name, server) }
		line := fmt.Sprintf("| %s | %s | %s | %s | %s | %s | %s | %s |\n", r.name, r.budget,
			cell("skylark", cpuMicros), cell("no-op", cpuMicros), cell("Java 5.5.0", cpuMicros), ratio,
			cell("skylark", perSecond), cell("Java 5.5.0", perSecond))
		marked = marked || strings.Contains(line, refusedMark)
		b.WriteString(line)
	}
	if marked {
		fmt.Fprintf(b, "\n%s some of its answers were no success ([how many](#beside-the-figures)): these are no figures of messages.\n", strings.TrimSpace(refusedMark))
	}
	b.WriteString("\n")
}

func (t *tables) latencies(b *strings.Builder, all []row) {
	if len(all) == 0 {
		return
	}
	b.WriteString("| milliseconds | server | p50 | p99 | p99.9 |\n|---|---|---|---|---|\n")
	for _, r := range all {
		for _, s := range servers {
			if len(t.figures(r.name, s, p99)) > 0 {
				fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", r.name, s, t.spread(r.name, s, p50), t.spread(r.name, s, p99), t.spread(r.name, s, p999))
			}
		}
	}
	b.WriteString("\n")
}

// own is the table of a row that has values of its own.
func (t *tables) own(b *strings.Builder, r row) {
	fmt.Fprintf(b, "**%s**", r.name)
	if r.budget != "" {
		fmt.Fprintf(b, " (budget: %s)", r.budget)
	}
	b.WriteString("\n\n| | ours | Java |\n|---|---|---|\n")
	for _, value := range r.shown {
		fmt.Fprintf(b, "| %s | %s | %s |\n", value, t.spread(r.name, "skylark", value), t.spread(r.name, "Java 5.5.0", value))
	}
	for _, s := range servers {
		if n, what := t.failed(r.name, s); n > 0 {
			fmt.Fprintf(b, "| answers of %s that were no success | %d, such as %q | |\n", s, n, what)
		}
	}
	b.WriteString("\n")
}

func (t *tables) failed(row, server string) (n int64, what string) {
	for _, one := range t.of[[2]string{row, server}] {
		for w, c := range one.Errors {
			n += c
			what = w
		}
	}
	return n, what
}

func (t *tables) refused(row, server string) string {
	if n, _ := t.failed(row, server); n > 0 {
		return refusedMark
	}
	return ""
}

// surroundings lets a reader judge how quiet the machine was, and what else a row took.
func (t *tables) surroundings(b *strings.Builder) {
	b.WriteString("## Beside the figures\n\nMemory of the server after each row, CPU of the load generator a message, cores that everything else on the machine took (the " +
		"kernel's write-back included), and answers that were no success, over all rounds.\n\n" +
		"| row | server | rounds | anonymous MiB | file MiB | client µs | others' cores | failed |\n|---|---|---|---|---|---|---|---|\n")
	for _, r := range t.rows {
		if r.shown != nil {
			continue
		}
		for _, s := range servers {
			rounds := len(t.of[[2]string{r.name, s}])
			if rounds == 0 {
				continue
			}
			n, what := t.failed(r.name, s)
			failed := fmt.Sprint(n)
			if n > 0 {
				failed += ", such as " + what
			}
			fmt.Fprintf(b, "| %s | %s | %d | %s | %s | %s | %s | %s |\n", r.name, s, rounds, t.spread(r.name, s, anonymous), t.spread(r.name, s, fileMiB),
				t.spread(r.name, s, clientMicros), t.spread(r.name, s, othersShare), failed)
		}
	}
	b.WriteString("\n")
}

// method says where and how the figures were taken.
func (t *tables) method() string {
	var b strings.Builder
	for _, run := range t.runs {
		fmt.Fprintf(&b, "Taken %s on %s, version %s: `bench %s`; %s s a row, server and round, Java's compiler warmed up for %s, heap %s.\n\n",
			run.At.Format("2006-01-02 15:04"), run.Machine, run.Version, run.Command, short(run.Seconds), run.Jit, run.Heap)
	}
	return b.String()
}

func machine() string {
	var uts syscall.Utsname
	_ = syscall.Uname(&uts) // it fails for bad pointers only
	kernel := make([]byte, 0, len(uts.Release))
	for _, c := range uts.Release {
		if c == 0 {
			break
		}
		kernel = append(kernel, byte(c))
	}
	return fmt.Sprintf("%d cores (%s), Linux %s, %s", runtime.NumCPU(), processor(), kernel, runtime.Version())
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
