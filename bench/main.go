// Command bench compares our broker with the Java broker and with a server that does nothing, on this machine,
// in one run: all servers are up, each row is measured on one after the other, and the others are stopped
// (SIGSTOP) meanwhile. Every row is repeated; the tables show the median and the range.
//
//	go run ./bench -skylark bin/skylark -noop bin/noop -java ~/jars -rounds 3 -out docs/benchmarks.md
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/skylarkmq/skylark/bench/load"
	"github.com/skylarkmq/skylark/bench/server"
)

type settings struct {
	skylark, noop, jars, heap string
	rounds, idleConns         int
	measure, jit              time.Duration
	only, out, dir            string
}

func main() {
	var s settings
	flag.StringVar(&s.skylark, "skylark", "bin/skylark", "our binary")
	flag.StringVar(&s.noop, "noop", "bin/noop", "the no-op server; empty: leave it out")
	flag.StringVar(&s.jars, "java", "", "folder with the jars of rocketmq-broker 5.5.0; empty: leave Java out")
	flag.StringVar(&s.heap, "heap", "2g", "heap of the Java broker")
	flag.IntVar(&s.rounds, "rounds", 3, "repetitions of every row")
	flag.IntVar(&s.idleConns, "idle", 9000, "idle connections of the memory row; 0: leave it out")
	flag.DurationVar(&s.measure, "measure", 2500*time.Millisecond, "measured time a row and server")
	flag.DurationVar(&s.jit, "jit", 20*time.Second, "load that warms Java's compiler up before the first row")
	flag.StringVar(&s.only, "only", "", "only rows whose name contains this")
	flag.StringVar(&s.out, "out", "", "write the tables to this file too")
	flag.StringVar(&s.dir, "dir", "", "where the stores live (a temporary directory)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := bench(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(ctx context.Context, s settings) error {
	if s.dir == "" {
		dir, err := os.MkdirTemp("", "skylark-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		s.dir = dir
	}
	report := newReport(s)
	for _, sync := range []bool{false, true} {
		if err := series(ctx, s, sync, report); err != nil {
			return err
		}
	}
	if s.only == "" {
		if err := lifecycle(ctx, s, report); err != nil {
			return err
		}
	}
	text := report.markdown()
	fmt.Print(text)
	if s.out == "" {
		return nil
	}
	return os.WriteFile(s.out, []byte(text), 0o644)
}

func (s settings) kinds(sync bool) []server.Kind {
	kinds := []server.Kind{server.Skylark(s.skylark)}
	if s.noop != "" && !sync {
		kinds = append(kinds, server.Noop(s.noop))
	}
	if s.jars != "" {
		kinds = append(kinds, server.Java(s.jars, s.heap))
	}
	return kinds
}

// series measures the rows of one flush mode on all servers, round robin.
func series(ctx context.Context, s settings, sync bool, report *report) error {
	var chosen []row
	for _, r := range rows {
		if r.syncFlush == sync && strings.Contains(r.name, s.only) {
			chosen = append(chosen, r)
		}
	}
	if len(chosen) == 0 {
		return nil
	}
	var servers []*server.Server
	defer func() {
		for _, srv := range servers {
			srv.Stop(syscall.SIGTERM)
		}
	}()
	for _, k := range s.kinds(sync) {
		srv, err := k.Run(ctx, server.Options{
			Dir:      filepath.Join(s.dir, fmt.Sprintf("%s-sync=%v", strings.Fields(k.Name)[0], sync)),
			Settings: map[string]string{"flushDiskType": map[bool]string{true: "SYNC_FLUSH", false: "ASYNC_FLUSH"}[sync]},
		})
		if err != nil {
			return err
		}
		servers = append(servers, srv)
		if err := warmUp(ctx, srv, s); err != nil {
			return err
		}
		srv.Pause()
	}
	for _, r := range chosen {
		for range s.rounds {
			for _, srv := range servers {
				if err := measure(ctx, s, r, srv, report); err != nil {
					return err
				}
			}
		}
		fmt.Fprintln(os.Stderr, report.line(r))
	}
	return nil
}

func measure(ctx context.Context, s settings, r row, srv *server.Server, report *report) error {
	if srv.Name == "no-op" && !r.noop {
		return nil
	}
	srv.Resume()
	defer srv.Pause()
	o := r.options
	o.Addr, o.PID, o.Measure = srv.Addr, srv.PID(), s.measure
	result, err := r.run(ctx, o)
	if err != nil {
		return fmt.Errorf("%s on %s: %w", r.name, srv.Name, err)
	}
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	report.add(r.name, srv.Name, result)
	return nil
}

// warmUp creates the topics and, for Java, gives its compiler the work that the rows will do.
func warmUp(ctx context.Context, srv *server.Server, s settings) error {
	span := 300 * time.Millisecond
	if strings.HasPrefix(srv.Name, "Java") {
		span = s.jit
	}
	for _, topic := range []string{"BenchTail", "BenchDeliver", "BenchTopic"} {
		if _, err := load.Send(ctx, load.Options{Addr: srv.Addr, Topic: topic, Warm: span / 6, Measure: span / 6}); err != nil {
			return err
		}
	}
	return nil
}
