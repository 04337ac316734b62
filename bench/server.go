package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// server is a broker under test, started on ports and a directory of its own.
type server struct {
	name  string
	addr  string
	dir   string
	cmd   *exec.Cmd
	start time.Duration // from exec to the first accepted connection
	log   bytes.Buffer
}

// kind tells how to start one of the servers that are compared.
type kind struct {
	name    string
	command func(s *server, port int, syncFlush bool) (*exec.Cmd, error)
}

func (k kind) run(ctx context.Context, dir string, syncFlush bool) (*server, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	port, err := freePorts()
	if err != nil {
		return nil, err
	}
	s := &server{name: k.name, dir: dir, addr: fmt.Sprintf("127.0.0.1:%d", port)}
	if s.cmd, err = k.command(s, port, syncFlush); err != nil {
		return nil, err
	}
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", k.name, err)
	}
	if err := s.awaitAccept(ctx); err != nil {
		s.stop(syscall.SIGKILL)
		return nil, fmt.Errorf("%s: %w\n%s", k.name, err, s.log.String())
	}
	s.start = time.Since(began)
	return s, nil
}

func (s *server) awaitAccept(ctx context.Context) error {
	for deadline := time.Now().Add(90 * time.Second); time.Now().Before(deadline); {
		if c, err := net.Dial("tcp", s.addr); err == nil {
			return c.Close()
		}
		if err := syscall.Kill(s.cmd.Process.Pid, 0); err != nil {
			return errors.New("ended before it accepted a connection")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
	return errors.New("accepted no connection in 90 s")
}

// pause stops the process while another one is measured, so that its background work is charged to nobody.
func (s *server) pause()  { _ = s.cmd.Process.Signal(syscall.SIGSTOP) }
func (s *server) resume() { _ = s.cmd.Process.Signal(syscall.SIGCONT) }

// stop ends the process and tells how long it took to go.
func (s *server) stop(sig syscall.Signal) time.Duration {
	began := time.Now()
	s.resume()
	_ = s.cmd.Process.Signal(sig)
	kill := time.AfterFunc(60*time.Second, func() { _ = s.cmd.Process.Kill() })
	defer kill.Stop()
	_ = s.cmd.Wait() // how it ended does not matter to a measurement
	return time.Since(began)
}

// freePorts finds a port whose neighbours are free as well: a broker also listens on port-2 and port+1.
func freePorts() (int, error) {
	for range 50 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		port := l.Addr().(*net.TCPAddr).Port
		l.Close()
		if free(port-2) && free(port+1) && free(port-1) {
			return port, nil
		}
	}
	return 0, errors.New("no four free ports in a row")
}

func free(port int) bool {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

func brokerConf(dir string, port int, syncFlush bool) (string, error) {
	flush := "ASYNC_FLUSH"
	if syncFlush {
		flush = "SYNC_FLUSH"
	}
	conf := fmt.Sprintf("brokerName=bench\nbrokerClusterName=BenchCluster\nbrokerIP1=127.0.0.1\nlistenPort=%d\nstorePathRootDir=%s\nstorePathCommitLog=%s\nflushDiskType=%s\nautoCreateTopicEnable=true\n",
		port, filepath.Join(dir, "store"), filepath.Join(dir, "store", "commitlog"), flush)
	path := filepath.Join(dir, "broker.conf")
	return path, os.WriteFile(path, []byte(conf), 0o644)
}

// skylark is our broker, without a name server: the rows talk to the broker alone.
func skylark(binary string) kind {
	return kind{name: "skylark", command: func(s *server, port int, syncFlush bool) (*exec.Cmd, error) {
		conf, err := brokerConf(s.dir, port, syncFlush)
		return exec.Command(binary, "broker", "-c", conf), err
	}}
}

// noop answers every send and stores nothing: the floor that the kernel and the client set.
func noop(binary string) kind {
	return kind{name: "no-op", command: func(s *server, _ int, _ bool) (*exec.Cmd, error) {
		return exec.Command(binary, "-addr", s.addr), nil
	}}
}

// java is the original broker with the collector flags of its own start script and a heap that fits a small machine.
func java(jars, heap string) kind {
	return kind{name: "Java 5.5.0", command: func(s *server, port int, syncFlush bool) (*exec.Cmd, error) {
		conf, err := brokerConf(s.dir, port, syncFlush)
		if err != nil {
			return nil, err
		}
		args := []string{"-Xms" + heap, "-Xmx" + heap, "-XX:+UseG1GC", "-XX:G1HeapRegionSize=16m", "-XX:G1ReservePercent=25",
			"-XX:InitiatingHeapOccupancyPercent=30", "-XX:+AlwaysPreTouch", "-XX:MaxDirectMemorySize=2g", "-Duser.home=" + s.dir}
		for _, open := range strings.Fields("sun.nio.ch jdk.internal.ref") {
			args = append(args, "--add-exports=java.base/"+open+"=ALL-UNNAMED")
		}
		for _, open := range strings.Fields("java.nio sun.nio.ch java.lang java.util") {
			args = append(args, "--add-opens=java.base/"+open+"=ALL-UNNAMED")
		}
		args = append(args, "-cp", filepath.Join(jars, "*"), "org.apache.rocketmq.broker.BrokerStartup", "-c", conf)
		cmd := exec.Command("java", args...)
		cmd.Env = append(os.Environ(), "ROCKETMQ_HOME="+s.dir)
		return cmd, nil
	}}
}
