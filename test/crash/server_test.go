package crash

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// server is one life of the broker.
type server struct {
	cmd  *exec.Cmd
	addr string
	log  string // file
	done chan struct{}
}

// broker is what stays the same from life to life: directory, port, settings.
type broker struct {
	bin, dir string
	port     int
	flush    string
	settings string // more lines of broker.conf
}

// start begins a life and returns when the broker says that it is up, which is after recovery.
func (b *broker) start(t *testing.T) *server {
	t.Helper()
	conf := filepath.Join(b.dir, "broker.conf")
	text := fmt.Sprintf("brokerName=crash\nbrokerIP1=127.0.0.1\nbindAddress=127.0.0.1\nlistenPort=%d\nstorePathRootDir=%s\n"+
		"flushDiskType=%s\nmappedFileSizeCommitLog=%d\nmaxIndexNum=20000\nmaxHashSlotNum=5000\n", b.port, filepath.Join(b.dir, "store"), b.flush, 4<<20)
	text += b.settings
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &server{addr: fmt.Sprintf("127.0.0.1:%d", b.port), log: filepath.Join(b.dir, "log"), done: make(chan struct{})}
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	s.cmd = exec.Command(b.bin, "broker", "-c", conf)
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
	lines := bufio.NewScanner(out)
	up := false
	for !up && lines.Scan() {
		up = strings.Contains(lines.Text(), "boot success")
	}
	go func() {
		defer close(s.done)
		for lines.Scan() {
		}
		_ = s.cmd.Wait()
	}()
	if !up {
		<-s.done
		t.Fatalf("the broker did not start: %v\n%s", s.cmd.ProcessState, s.tail())
	}
	return s
}

// end sends a signal and waits for the end.
func (s *server) end(t *testing.T, signal syscall.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		t.Fatalf("it ended by itself: %v\n%s", err, s.tail())
	}
	<-s.done
	if signal == syscall.SIGTERM && s.cmd.ProcessState.ExitCode() != 0 {
		t.Fatalf("a clean stop: %v\n%s", s.cmd.ProcessState, s.tail())
	}
}

func (s *server) tail() string {
	text, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4000):])
}
