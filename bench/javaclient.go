package main

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/skylarkmq/skylark/bench/load"
	"github.com/skylarkmq/skylark/bench/server"
)

//go:embed client/Load.java
var loadJava []byte

const (
	clientWarm    = 8 * time.Second // its compiler's
	clientTopic   = "BenchClient"
	consumerTopic = "BenchConsume"
	toConsume     = 4_000_000 // messages of 256 bytes: more than a consumer takes in warm-up and measured time
)

// javaClient has the official Java client make the load. CPU is read when it says that its measured time begins and ends.
func javaClient(mode string, n int) func(context.Context, *running, load.Options) (values, failures, error) {
	return func(ctx context.Context, srv *running, o load.Options) (values, failures, error) {
		if srv.client == "" {
			return nil, nil, errors.New("-client does not name the jars of rocketmq-client")
		}
		o.Topic, o.Queues = clientTopic, 8
		if mode == "consume" {
			o.Topic = consumerTopic
		}
		if err := load.CreateTopics(o); err != nil {
			return nil, nil, err
		}
		if mode == "consume" {
			if err := fillMessages(ctx, o, toConsume); err != nil {
				return nil, nil, err
			}
		}
		return runClient(ctx, srv, o, mode, n)
	}
}

func fillMessages(ctx context.Context, o load.Options, n int64) error {
	o.PID, o.Size, o.Batch, o.InFlight, o.Conns, o.Warm, o.Measure = 0, 256, 32, 4, 4, time.Millisecond, time.Second
	for n > 0 {
		r, err := load.Send(ctx, o)
		if err != nil {
			return err
		}
		if r.Messages == 0 {
			return fmt.Errorf("no send is answered well: %v", r.Errors)
		}
		n -= r.Messages
	}
	return nil
}

func runClient(ctx context.Context, srv *running, o load.Options, mode string, n int) (values, failures, error) {
	dir, err := os.MkdirTemp(srv.Dir, "client-")
	if err != nil {
		return nil, nil, err
	}
	source := filepath.Join(dir, "Load.java")
	if err := os.WriteFile(source, loadJava, 0o644); err != nil {
		return nil, nil, err
	}
	args := append(server.JavaAccess(), "-Xmx512m", "-Duser.home="+dir, "-cp", filepath.Join(srv.client, "*"), source,
		srv.namesrv.Addr, o.Topic, mode, strconv.Itoa(n), ms(clientWarm), ms(o.Measure))
	cmd := exec.CommandContext(ctx, "java", args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var said tail
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	defer func() {
		_ = cmd.Process.Kill() // it has ended by itself unless something went wrong before
		_ = cmd.Wait()
	}()
	v, failed, err := readClient(out, o.PID, cmd.Process.Pid)
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, said)
	}
	return v, failed, err
}

func ms(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// readClient reads what the client prints, and the CPU of both processes at its two moments.
func readClient(out io.Reader, broker, client int) (values, failures, error) {
	var cpu, own float64
	var began time.Time
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var count, failed, a, b, c float64
		line := lines.Text()
		if line == "begin" {
			cpu, own, began = load.CPUSeconds(broker), load.CPUSeconds(client), time.Now()
			continue
		}
		if _, err := fmt.Sscanf(line, "end %g %g %g %g %g", &count, &failed, &a, &b, &c); err != nil {
			continue // the client's logger
		}
		if count == 0 {
			return nil, nil, fmt.Errorf("the client got nothing done: %s", line)
		}
		memory := load.MemoryOf(broker)
		v := values{
			cpuMicros: 1e6 * (load.CPUSeconds(broker) - cpu) / count, clientMicros: 1e6 * (load.CPUSeconds(client) - own) / count,
			perSecond: count / time.Since(began).Seconds(), anonymous: memory.Anonymous, fileMiB: memory.File,
		}
		if c > 0 {
			v[p50], v[p99], v[p999] = a, b, c
		}
		if failed > 0 {
			return v, failures{"failed sends": int64(failed)}, nil
		}
		return v, nil, nil
	}
	return nil, nil, errors.New("the client ended early")
}

// tail keeps the end of what is written to it.
type tail []byte

func (t *tail) Write(b []byte) (int, error) {
	const keep = 4000
	*t = append(*t, b...)
	*t = (*t)[max(0, len(*t)-keep):]
	return len(b), nil
}

func (t tail) String() string { return string(t) }
