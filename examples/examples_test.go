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

// start runs a standalone server in a directory of its own and returns the address of its name server.
func start(t *testing.T) string {
	t.Helper()
	bin := os.Getenv("SKYLARK_BIN")
	if bin == "" {
		t.Skip("SKYLARK_BIN does not name a server; make compat builds one and sets it")
	}
	namesrv, broker := freePort(t), freePort(t, -2, 1) // a broker listens there too
	cmd := exec.Command(bin, "standalone", "-namesrvPort", fmt.Sprint(namesrv), "-listenPort", fmt.Sprint(broker),
		"-storePathRootDir", t.TempDir())
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

// freePort finds a port that is free, as are those at the offsets from it. It looks below the range the kernel gives to
// outgoing connections, so that none of those can sit on one meanwhile.
func freePort(t *testing.T, offsets ...int) int {
	t.Helper()
	const first, last = 12000, 30000
next:
	for range 1000 {
		port := first + rand.IntN(last-first)
		for _, o := range append(offsets, 0) {
			l, err := net.Listen("tcp", fmt.Sprintf(":%d", port+o))
			if err != nil {
				continue next
			}
			l.Close()
		}
		return port
	}
	t.Fatal("no free ports")
	return 0
}

func TestExamples(t *testing.T) {
	namesrv := start(t)
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", dir, "./...")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, row := range []struct {
		command string
		want    string
		times   int
	}{
		{"producer -count 10", "sent ", 10},
		{"push -count 10 -tag greeting", "received hello ", 10},
		{"pull -count 10", "pulled hello ", 10},
		{"ordered", "every order arrived in order", 1},
	} {
		words := strings.Fields(row.command)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		out, err := exec.CommandContext(ctx, filepath.Join(dir, words[0]), append(words[1:], "-n", namesrv)...).CombinedOutput()
		cancel()
		if n := strings.Count(string(out), row.want); err != nil || n != row.times {
			t.Fatalf("%s: %v; %q occurs %d times, want %d\n%s", row.command, err, row.want, n, row.times, out)
		}
	}
}
