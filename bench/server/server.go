// Package server starts the servers that are measured, each as a process of its own, on ports and in a directory of its own: our
// broker, the no-op server, the Java broker. It stops them while another one is measured, and prepares or takes away their memory.
package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/skylarkmq/skylark/internal/freeport"
)

const (
	startTimeout = 90 * time.Second
	stopTimeout  = 60 * time.Second
)

// Server is one running process.
type Server struct {
	Name  string
	Addr  string
	Dir   string
	Start time.Duration // from exec to the first accepted connection

	cmd   *exec.Cmd
	log   output
	ended chan struct{}
}

// Options of one start.
type Options struct {
	Dir      string
	Settings map[string]string // lines of broker.conf
	// Group is the cgroup.procs file of a control group that the process begins in; empty: ours.
	Group string
}

// Kind tells how to start one of the servers that are compared.
type Kind struct {
	Name    string
	Broker  bool // it stores, and reads a broker.conf
	command func(s *Server, conf string) *exec.Cmd
}

// Run starts the server and returns when it accepts connections.
func (k Kind) Run(ctx context.Context, o Options) (*Server, error) {
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, err
	}
	port, err := freeport.Broker()
	if err != nil {
		return nil, err
	}
	s := &Server{Name: k.Name, Dir: o.Dir, Addr: fmt.Sprintf("127.0.0.1:%d", port), ended: make(chan struct{})}
	conf := filepath.Join(o.Dir, "broker.conf")
	if k.Broker {
		if err := writeConf(conf, o.Dir, port, o.Settings); err != nil {
			return nil, err
		}
	}
	s.cmd = k.command(s, conf)
	if o.Group != "" {
		// The group's limits have to hold before the first instruction: it may look for them.
		into := append([]string{"-c", `echo $$ >"$0" && exec "$@"`, o.Group}, s.cmd.Args...)
		s.cmd = exec.Command("/bin/sh", into...)
	}
	s.cmd.Env = append(os.Environ(), s.cmd.Env...)
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	// Its own group: a Ctrl-C in the terminal is for the benchmark, which then ends its servers itself.
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", k.Name, err)
	}
	go func() {
		_ = s.cmd.Wait() // how it ended does not matter to a measurement
		close(s.ended)
	}()
	if err := s.awaitAccept(ctx); err != nil {
		s.Stop(syscall.SIGKILL)
		return nil, fmt.Errorf("%s: %w\n%s", k.Name, err, s.Log())
	}
	s.Start = time.Since(began)
	return s, nil
}

func (s *Server) awaitAccept(ctx context.Context) error {
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for deadline := time.Now().Add(startTimeout); time.Now().Before(deadline); {
		if c, err := net.Dial("tcp", s.Addr); err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.ended:
			return errors.New("ended before it accepted a connection")
		case <-poll.C:
		}
	}
	return fmt.Errorf("accepted no connection in %s", startTimeout)
}

// PID is the process.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Log is what it printed so far.
func (s *Server) Log() string { return s.log.String() }

// Pause stops the process while another one is measured, so that its background work is charged to nobody.
func (s *Server) Pause() { _ = s.cmd.Process.Signal(syscall.SIGSTOP) }

// Resume lets it go on.
func (s *Server) Resume() { _ = s.cmd.Process.Signal(syscall.SIGCONT) }

// Stop ends the process and tells how long it took to go.
func (s *Server) Stop(sig syscall.Signal) time.Duration {
	began := time.Now()
	s.Resume()
	_ = s.cmd.Process.Signal(sig)
	kill := time.AfterFunc(stopTimeout, func() { _ = s.cmd.Process.Kill() })
	defer kill.Stop()
	<-s.ended
	return time.Since(began)
}

// output is what a process printed; it is read while it is written.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

func writeConf(path, dir string, port int, settings map[string]string) error {
	store := filepath.Join(dir, "store")
	lines := []string{
		"brokerName=bench", "brokerClusterName=BenchCluster", "brokerIP1=127.0.0.1", fmt.Sprint("listenPort=", port),
		"storePathRootDir=" + store, "storePathCommitLog=" + filepath.Join(store, "commitlog"), "autoCreateTopicEnable=true",
	}
	for k, v := range settings {
		lines = append(lines, k+"="+v)
	}
	slices.Sort(lines)
	return os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644)
}
