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
	namesrv, broker := freePorts(t)
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
