package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// stopTimeout is how long a server may take to stop after SIGTERM; the Java broker needs about 3 s.
const stopTimeout = 30 * time.Second

// Process is a child in a process group of its own.
type Process struct {
	Name string
	cmd  *exec.Cmd
	log  string
	done chan struct{} // closed when the child has ended and err is set
	err  error
	// killed at the end of its test, when nothing looks at it any more: set for the servers of the original, which take seconds
	// to stop. Ours must stop when it is asked to.
	expendable bool
}

// The kernel sends a child its parent-death signal when the *thread* that started it ends, and Go ends threads as it likes.
// So all children are started on one thread that lives as long as the test process.
var starts = sync.OnceValue(func() chan func() {
	ch := make(chan func())
	go func() {
		runtime.LockOSThread()
		for start := range ch {
			start()
		}
	}()
	return ch
})

// Start runs a command with its output in a log file under dir and ends it with the test.
func Start(t testing.TB, name, dir string, env []string, command ...string) *Process {
	t.Helper()
	logPath := filepath.Join(dir, name+".log")
	// Appended: a broker that is started again on the same directory keeps what its first life said.
	out, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	p := &Process{Name: name, log: logPath, done: make(chan struct{})}
	p.cmd = exec.Command(command[0], command[1:]...)
	p.cmd.Dir = dir
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}

	started := make(chan error)
	starts() <- func() { started <- p.cmd.Start() }
	err = <-started
	out.Close()
	if err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.end(t)
		if t.Failed() {
			t.Logf("last lines of %s:\n%s", name, p.Tail(30))
		}
	})
	return p
}

// Stop asks the process to end and waits until it has; it fails the test when it does not.
func (p *Process) Stop(t testing.TB) {
	t.Helper()
	p.signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(stopTimeout):
		p.Kill()
		t.Errorf("%s did not stop within %v of SIGTERM", p.Name, stopTimeout)
	}
}

// Kill ends the process group the way a crash does.
func (p *Process) Kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// end is the cleanup: a process that was stopped or has ended is left alone.
func (p *Process) end(t testing.TB) {
	switch {
	case p.Exited():
	case p.expendable:
		p.Kill()
	default:
		p.Stop(t)
	}
	// The group may outlive its leader.
	p.signal(syscall.SIGKILL)
}

func (p *Process) signal(s syscall.Signal) {
	// A group that has ended answers ESRCH, which is what we want.
	_ = syscall.Kill(-p.cmd.Process.Pid, s)
}

// Exited says whether the process has ended.
func (p *Process) Exited() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Wait waits for the end of a process that is expected to end by itself.
func (p *Process) Wait(limit time.Duration) error {
	select {
	case <-p.done:
		return p.err
	case <-time.After(limit):
		p.Kill()
		return fmt.Errorf("%s was still running after %v", p.Name, limit)
	}
}

// Tail returns the last lines of the process's output, less what the Java servers' logging says about itself.
func (p *Process) Tail(lines int) string {
	all := slices.DeleteFunc(strings.Split(strings.TrimRight(p.Output(), "\n"), "\n"), func(line string) bool {
		return strings.Contains(line, " |-INFO in ") || strings.Contains(line, " |-WARN in ")
	})
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// Output returns everything the process has written so far.
func (p *Process) Output() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Until polls for a condition that other processes bring about, and fails the test when it does not come in time.
// It also gives up at once when one of the processes it depends on has ended.
func Until(t testing.TB, what string, limit time.Duration, condition func() error, on ...*Process) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := condition()
		if err == nil {
			return
		}
		for _, p := range on {
			if p.Exited() {
				t.Fatalf("%s: %s has ended: %v\n%s", what, p.Name, p.err, p.Tail(30))
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v: %v", what, limit, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
