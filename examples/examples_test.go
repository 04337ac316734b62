// Package examples_test runs every example against a server of its own.
package examples_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// start runs a standalone server in a directory of its own, with these flags too, and returns the address of its name server.
func start(t *testing.T, flags ...string) string {
	t.Helper()
	bin := os.Getenv("SKYLARK_BIN")
	if bin == "" {
		t.Skip("SKYLARK_BIN does not name a server; make compat builds one and sets it")
	}
	namesrv, broker := freePorts(t)
	cmd := exec.Command(bin, append([]string{
		"standalone", "-namesrvPort", fmt.Sprint(namesrv), "-listenPort", fmt.Sprint(broker),
		"-storePathRootDir", t.TempDir(),
	}, flags...)...)
	// The kernel sends the signal when the thread ends that started the server: no sooner than the test.
	runtime.LockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server did not stop cleanly: %v", err)
		}
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "boot success") {
			go func() {
				for lines.Scan() { // keep its output flowing
				}
			}()
			return fmt.Sprintf("127.0.0.1:%d", namesrv)
		}
	}
	t.Fatal("the server ended before it was up")
	return ""
}

// freePorts finds a port for a name server and one for a broker, which listens at -2 and +1 too. It looks below the range
// the kernel gives to outgoing connections, so that none of those can sit on one meanwhile.
func freePorts(t *testing.T) (namesrv, broker int) {
	t.Helper()
	const first, last = 12000, 30000
	for range 1000 {
		namesrv, broker = first+rand.IntN(last-first), first+rand.IntN(last-first)
		if allFree(namesrv, broker-2, broker, broker+1) {
			return namesrv, broker
		}
	}
	t.Fatal("no free ports")
	return 0, 0
}

// allFree listens on all the ports at once: none of them may be there twice.
func allFree(ports ...int) bool {
	for _, port := range ports {
		l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
		if err != nil {
			return false
		}
		defer l.Close()
	}
	return true
}

// build compiles all examples into a directory. Most of that is linking, and half of the linking is for debuggers.
func build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", dir, "./...").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// run is one example, to its end.
func run(t *testing.T, dir, command, namesrv string) (string, error) {
	t.Helper()
	words := strings.Fields(command)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, filepath.Join(dir, words[0]), append(words[1:], "-n", namesrv)...).CombinedOutput()
	return string(out), err
}

type step struct {
	command string
	want    string
	times   int
}

func TestExamples(t *testing.T) {
	namesrv := start(t, "-c", "broker.conf")
	dir := build(t)
	for name, steps := range map[string][]step{ // side by side: they wait more than they work
		"push and pull": {
			{"producer -count 10", "sent ", 10},
			{"push -count 10 -tag greeting", "received hello ", 10},
			{"pull -count 10", "pulled hello ", 10},
		},
		"ordered":       {{"ordered", "every order arrived in order", 1}},
		"delayed":       {{"delayed -level 1 -count 10", "none came too early", 1}},
		"transactional": {{"transactional -count 10", "what was committed came, and nothing else", 1}},
		"sqlfilter":     {{"sqlfilter -count 10", "what came is what the broker chose", 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, s := range steps {
				out, err := run(t, dir, s.command, namesrv)
				if n := strings.Count(out, s.want); err != nil || n != s.times {
					t.Fatalf("%s: %v; %q occurs %d times, want %d\n%s", s.command, err, s.want, n, s.times, out)
				}
			}
		})
	}
	t.Run("sqlfilter refused", func(t *testing.T) { // a server with the defaults does not filter by properties
		t.Parallel()
		out, err := run(t, dir, "sqlfilter", start(t))
		if err == nil || !strings.Contains(out, "run the broker with enablePropertyFilter=true") {
			t.Fatalf("%v\n%s", err, out)
		}
	})
}
