package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/skylarkmq/skylark/bench/load"
	"github.com/skylarkmq/skylark/bench/record"
	"github.com/skylarkmq/skylark/bench/server"
)

const (
	settle     = 200 * time.Millisecond // after SIGCONT: timers that fell due meanwhile run first
	warmBefore = 500 * time.Millisecond
	// A log of ours beyond this is thrown away, and the server starts anew: on disk and in memory the next rows find what the first found.
	maxLog = 3 << 30
)

// How much of the log the next row may write: that much of it is brought into memory for rows on resident pages.
var warmBytes = map[string]int64{"skylark": 1200 << 20, "Java 5.5.0": 300 << 20}

// place is where a row is measured: one server of each kind for each flush mode.
type place struct {
	kind string
	sync bool
}

type running struct {
	*server.Server
	kind server.Kind
	sync bool
	// For the official client: a name server of this broker alone, and the client's jars.
	namesrv *server.Server
	client  string
}

// bed has the servers of a run, and writes down what is measured on them.
type bed struct {
	*settings
	out     *record.File
	began   time.Time
	running map[place]*running
	chosen  []row
	done    []record.One
	begun   []string // directories of all servers so far
}

func (b *bed) kinds(r row) []server.Kind {
	kinds := []server.Kind{server.Skylark(b.skylark)}
	if b.noop != "" && r.noop {
		kinds = append(kinds, server.Noop(b.noop, r.sync))
	}
	if b.jars != "" && !r.oursOnly {
		kinds = append(kinds, server.Java(b.jars, b.heap))
	}
	return kinds
}

// rounds measures every row once a round: whenever the run ends, all rows have about as many measurements.
func (b *bed) rounds(ctx context.Context) error {
	for round := 1; round <= b.settings.rounds; round++ {
		for _, r := range b.chosen {
			if r.once && round > 1 {
				continue
			}
			line := fmt.Sprintf("%d %-48s", round, r.name)
			for _, k := range b.kinds(r) {
				if b.budget > 0 && time.Since(b.began) > b.budget {
					fmt.Fprintf(os.Stderr, "-budget %s is over in round %d, before %q on %s\n", b.budget, round, r.name, k.Name)
					return nil
				}
				if b.has(r, k, round) {
					continue
				}
				one, err := b.measure(ctx, r, k)
				if ctx.Err() != nil {
					return errors.New("interrupted")
				}
				if err != nil {
					// The other rows are worth as much as before. What is left of the server is not trusted.
					fmt.Fprintf(os.Stderr, "%s on %s: %v\n", r.name, k.Name, err)
					one.Errors = failures{firstLine(err): 1}
					if srv := b.running[place{k.Name, r.sync}]; srv != nil {
						b.throwAway(srv)
					}
				}
				one.Round = round
				if err := b.out.Add(one); err != nil {
					return err
				}
				line += "  " + k.Name + ": " + r.brief(one)
			}
			fmt.Fprintf(os.Stderr, "%4.0f s  %s\n", time.Since(b.began).Seconds(), line)
		}
	}
	return nil
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

func (b *bed) has(r row, k server.Kind, round int) bool {
	for _, one := range b.done {
		if one.Row == r.name && one.Server == k.Name && one.Round == round {
			return true
		}
	}
	return false
}

func (b *bed) measure(ctx context.Context, r row, k server.Kind) (record.One, error) {
	one := record.One{Row: r.name, Server: k.Name, At: time.Now()}
	o := r.options
	o.Warm, o.Measure = warmBefore, time.Duration(b.seconds*float64(time.Second))
	if r.alone != nil {
		defer b.forget(len(b.begun))
		var err error
		one.Values, one.Errors, err = r.alone(ctx, b, k, o)
		return one, err
	}
	srv, err := b.ready(ctx, r, k)
	if err != nil {
		return one, err
	}
	defer srv.Pause()
	o.Addr, o.PID = srv.Addr, srv.PID()
	if r.pinned {
		if err := srv.Pin(); err != nil {
			return one, err
		}
		defer srv.Unpin()
	}
	one.Values, one.Errors, err = r.run(ctx, srv, o)
	return one, err
}

// ready gives the server of the row, running, its memory as the row wants it.
func (b *bed) ready(ctx context.Context, r row, k server.Kind) (*running, error) {
	at := place{k.Name, r.sync}
	srv := b.running[at]
	if srv != nil && k.Name == "skylark" {
		if size, err := srv.LogBytes(); err != nil || size > maxLog || r.fresh {
			b.throwAway(srv)
			srv = nil
		}
	}
	if srv == nil {
		var err error
		if srv, err = b.start(ctx, k, r.sync); err != nil {
			return nil, err
		}
	} else {
		srv.Resume()
		if err := pause(ctx, settle); err != nil {
			return srv, err
		}
	}
	if !k.Broker || r.fresh {
		return srv, nil
	}
	return srv, warm(srv.Server, k)
}

// warm brings what a load may write of the log next into memory.
func warm(srv *server.Server, k server.Kind) error {
	end, err := load.LogEnd(srv.Addr)
	if err != nil {
		return fmt.Errorf("where the log ends: %w", err)
	}
	return srv.Warm(end, warmBytes[k.Name])
}

func (b *bed) start(ctx context.Context, k server.Kind, sync bool) (*running, error) {
	flush := "ASYNC_FLUSH"
	if sync {
		flush = "SYNC_FLUSH"
	}
	settings := map[string]string{"flushDiskType": flush}
	srv := &running{kind: k, sync: sync, client: b.client}
	var err error
	if k.Broker && b.client != "" {
		if srv.namesrv, err = b.fresh(ctx, server.Namesrv(b.skylark), nil); err != nil {
			return nil, err
		}
		settings["namesrvAddr"] = srv.namesrv.Addr
	}
	if srv.Server, err = b.fresh(ctx, k, settings); err != nil {
		return nil, err
	}
	b.running[place{k.Name, sync}] = srv
	return srv, b.prepare(ctx, srv)
}

// fresh starts a server on an empty directory of its own.
func (b *bed) fresh(ctx context.Context, k server.Kind, settings map[string]string) (*server.Server, error) {
	all := map[string]string{"enablePropertyFilter": "true"}
	for name, v := range settings {
		all[name] = v
	}
	dir := filepath.Join(b.dir, fmt.Sprintf("%d-%s", len(b.begun)+1, strings.Fields(k.Name)[0]))
	b.begun = append(b.begun, dir)
	return k.Run(ctx, server.Options{Dir: dir, Settings: all})
}

// forget removes what a row has left that had servers of its own: some write gigabytes, and all together fill a disk.
func (b *bed) forget(before int) {
	for _, dir := range b.begun[before:] {
		_ = os.RemoveAll(dir) // the run's directory goes at its end anyway
	}
}

// prepare makes the topics and, for Java, gives its compiler the work that the rows will do.
func (b *bed) prepare(ctx context.Context, srv *running) error {
	if !srv.kind.Broker {
		return nil
	}
	for _, topic := range []string{"BenchTail", "BenchDeliver", "BenchTopic", "BenchTx", "BenchMarked"} {
		if err := load.CreateTopics(load.Options{Addr: srv.Addr, Topic: topic}); err != nil {
			return err
		}
	}
	if !strings.HasPrefix(srv.Name, "Java") {
		return nil
	}
	var steady []row
	for _, r := range b.chosen {
		if r.run != nil && r.sync == srv.sync && !r.pinned && !r.fresh && !r.once && r.section != official {
			steady = append(steady, r)
		}
	}
	for _, r := range steady {
		o := r.options
		o.Addr, o.PID = srv.Addr, srv.PID()
		o.Warm, o.Measure = 100*time.Millisecond, b.jit/time.Duration(len(steady))
		if _, _, err := r.run(ctx, srv, o); err != nil {
			fmt.Fprintf(os.Stderr, "warm up with %q: %v\n", r.name, err) // its row will tell
		}
	}
	return nil
}

func (b *bed) throwAway(srv *running) {
	srv.end()
	_ = os.RemoveAll(srv.Dir) // the run's directory goes at its end anyway
	delete(b.running, place{srv.kind.Name, srv.sync})
}

func (b *bed) stopAll() {
	for _, srv := range b.running {
		srv.end()
	}
}

func (srv *running) end() {
	srv.Stop(syscall.SIGKILL)
	if srv.namesrv != nil {
		srv.namesrv.Stop(syscall.SIGKILL)
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
