// Package testbroker runs the real binary for tests that end its lives with signals.
package testbroker

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Binary is the absolute path of the server under test, from SKYLARK_BIN. Without it the test is skipped; target is of make, and sets it.
func Binary(t *testing.T, target string) string {
	t.Helper()
	bin := os.Getenv("SKYLARK_BIN")
	if bin == "" {
		t.Skipf("SKYLARK_BIN does not name a server; make %s builds one and sets it", target)
	}
	bin, err := filepath.Abs(bin)
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// Rand is seeded by the environment, or anew, and says which, so that a run can be made again.
func Rand(t *testing.T, name string) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano()) //nolint:forbidigo // any number will do
	if n, err := strconv.ParseUint(os.Getenv(name), 10, 64); err == nil {
		seed = n
	}
	t.Logf("%s=%d", name, seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// Rounds is how many a test makes: what the environment says, or few.
func Rounds(name string, few int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return max(1, n)
	}
	return few
}

// Server is one life of the broker.
type Server struct {
	Addr string
	// Up is closed when it says that it is up, Done when it has ended.
	Up, Done chan struct{}

	cmd *exec.Cmd
	log string // file
}

// Broker is what stays the same from life to life: directory, port, settings.
type Broker struct {
	Bin, Dir string
	Port     int
	Flush    string // flushDiskType
	Settings string // more lines of broker.conf
	Root     string // of the store; empty: in Dir
	// NamesrvPort is for a name server in the same process; 0: none.
	NamesrvPort int
}

func (b *Broker) store() string {
	if b.Root != "" {
		return b.Root
	}
	return filepath.Join(b.Dir, "store")
}

// Start begins a life and returns when the broker says that it is up, which is after recovery.
func (b *Broker) Start(t *testing.T) *Server {
	t.Helper()
	s := b.Launch(t)
	select {
	case <-s.Up:
	case <-s.Done:
		t.Fatalf("the broker did not start: %v\n%s", s.cmd.ProcessState, s.Tail())
	}
	return s
}

// Launch begins a life and returns at once.
func (b *Broker) Launch(t *testing.T) *Server {
	t.Helper()
	conf := filepath.Join(b.Dir, "broker.conf")
	text := fmt.Sprintf("brokerName=broker\nbrokerIP1=127.0.0.1\nbindAddress=127.0.0.1\nlistenPort=%d\nstorePathRootDir=%s\n"+
		"flushDiskType=%s\nmappedFileSizeCommitLog=%d\nmaxIndexNum=20000\nmaxHashSlotNum=5000\n", b.Port, b.store(), b.Flush, 4<<20)
	text += b.Settings
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &Server{Addr: fmt.Sprintf("127.0.0.1:%d", b.Port), log: filepath.Join(b.Dir, "log"), Up: make(chan struct{}), Done: make(chan struct{})}
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	args := []string{"broker", "-c", conf}
	if b.NamesrvPort > 0 {
		args = []string{"-c", conf, "-namesrvPort", strconv.Itoa(b.NamesrvPort)}
	}
	s.cmd = exec.Command(b.Bin, args...)
	s.cmd.Stderr = log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	go func() {
		defer close(s.Done)
		lines := bufio.NewScanner(out)
		for up := false; lines.Scan(); {
			if !up && strings.Contains(lines.Text(), "boot success") {
				up = true
				close(s.Up)
			}
		}
		_ = s.cmd.Wait()
	}()
	return s
}

// End sends a signal and waits for the end.
func (s *Server) End(t *testing.T, signal syscall.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		t.Fatalf("it ended by itself: %v\n%s", err, s.Tail())
	}
	<-s.Done
	if signal == syscall.SIGTERM && s.cmd.ProcessState.ExitCode() != 0 {
		t.Fatalf("a clean stop: %v\n%s", s.cmd.ProcessState, s.Tail())
	}
}

// PID is its process.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Kill ends it, if it has not ended by itself.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill()
	<-s.Done
}

// Tail is the end of its log.
func (s *Server) Tail() string {
	text, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4000):])
}

// State says how it ended.
func (s *Server) State() string { return s.cmd.ProcessState.String() }
