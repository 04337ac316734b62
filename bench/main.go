// Command bench compares our broker with the Java broker and with a server that does nothing, on this machine, in one run. In every
// round each row is measured on one server after the other while the others are stopped (SIGSTOP), so that what disturbs the machine
// disturbs all of them. Each measurement is a line of a file as soon as it is known; tables and plot are made from that file.
//
//	go run ./bench -skylark bin/skylark -noop bin/noop -java ~/jars -rounds 3          the core rows
//	go run ./bench ... -all -rounds 2 -only 'SYNC|queues'                              some of all rows
//	go run ./bench -report -out docs/benchmarks.md                                     tables again, nothing measured
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/skylarkmq/skylark/bench/record"
)

type settings struct {
	skylark, noop, jars, heap, client string
	rounds, idleConns                 int
	seconds, logGiB                   float64
	jit, budget                       time.Duration
	all, list, reportOnly, resume     bool
	only                              *regexp.Regexp
	out, plot, results, dir           string
	about                             string
}

func main() {
	var s settings
	flag.StringVar(&s.skylark, "skylark", "bin/skylark", "our binary")
	flag.StringVar(&s.noop, "noop", "bin/noop", "the no-op server; empty: leave it out")
	flag.StringVar(&s.jars, "java", "", "folder with the jars of rocketmq-broker 5.5.0; empty: leave Java out")
	flag.StringVar(&s.client, "client", "", "folder with the jars of rocketmq-client, for the rows of the official client; empty: leave them out")
	flag.StringVar(&s.heap, "heap", "2g", "heap of the Java broker")
	flag.IntVar(&s.rounds, "rounds", 3, "repetitions of every row")
	flag.Float64Var(&s.seconds, "seconds", 1.5, "measured time of a row on a server")
	flag.IntVar(&s.idleConns, "idle", 9000, "idle connections of the memory row")
	flag.Float64Var(&s.logGiB, "log", 3.7, "GiB of commit log that recovery after kill -9 starts from")
	flag.DurationVar(&s.jit, "jit", 20*time.Second, "work for Java's compiler before the first row, spread over the chosen rows")
	flag.DurationVar(&s.budget, "budget", 0, "begin no row later than this after the start; 0: no limit")
	flag.BoolVar(&s.all, "all", false, "all rows, not only the core ones")
	flag.BoolVar(&s.list, "list", false, "list the chosen rows and end")
	flag.BoolVar(&s.reportOnly, "report", false, "only make the tables from -results")
	flag.BoolVar(&s.resume, "resume", false, "keep what is in -results and measure what is missing")
	only := flag.String("only", "", "only rows whose name matches this regular expression, core or not")
	flag.StringVar(&s.out, "out", "", "write the tables into this file, below its line <!-- measured -->; what stands above stays")
	flag.StringVar(&s.plot, "plot", "", "draw the plot into this SVG file")
	flag.StringVar(&s.results, "results", "bench-results.jsonl", "file of the measurements")
	flag.StringVar(&s.dir, "dir", "", "where the stores live (a temporary directory)")
	flag.StringVar(&s.about, "version", "", "version of ours, for the report")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := s.run(ctx, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func (s *settings) run(ctx context.Context, only string) (err error) {
	if only != "" {
		if s.only, err = regexp.Compile(only); err != nil {
			return err
		}
	}
	chosen := s.chosen()
	if s.list {
		for _, r := range chosen {
			fmt.Println(r.name)
		}
		return nil
	}
	if !s.reportOnly {
		// What was measured before an error, or before an interrupt, is worth its tables.
		err = s.measureAll(ctx, chosen)
	}
	return errors.Join(err, s.report())
}

func (s *settings) chosen() (chosen []row) {
	for _, r := range rows {
		if s.only != nil && s.only.MatchString(r.name) || s.only == nil && (r.core || s.all) {
			chosen = append(chosen, r)
		}
	}
	return chosen
}

func (s *settings) measureAll(ctx context.Context, chosen []row) error {
	if s.dir == "" {
		dir, err := os.MkdirTemp("", "skylark-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		s.dir = dir
	}
	out, err := record.Create(s.results, s.resume)
	if err != nil {
		return err
	}
	defer out.Close()
	about := record.Run{
		At: time.Now(), Machine: machine(), Version: s.about, Command: strings.Join(os.Args[1:], " "),
		Heap: s.heap, Jit: s.jit, Seconds: s.seconds,
	}
	if err := out.Add(about); err != nil {
		return err
	}
	b := &bed{settings: s, out: out, began: time.Now(), running: map[place]*running{}, chosen: chosen}
	defer b.stopAll()
	if s.resume {
		if _, b.done, err = record.Read(s.results); err != nil {
			return err
		}
	}
	return b.rounds(ctx)
}
