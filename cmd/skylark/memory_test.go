package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/skylarkmq/skylark/internal/testport"
	"github.com/skylarkmq/skylark/remoting"
)

func TestBoundNetwork(t *testing.T) {
	t.Parallel()
	c := remoting.DefaultConfig()
	boundNetwork(&c, 0)
	if c != remoting.DefaultConfig() {
		t.Errorf("without a limit: %+v", c)
	}
	boundNetwork(&c, 256<<20)
	if c.MaxPendingBytes != 32<<20 || c.MaxPartialBytes != 32<<20 || c.MaxLaneBytes != 32<<20 || c.MaxPendingBytesPerConnection != 16<<20 || c.PausePendingBytesPerConnection != 8<<20 {
		t.Errorf("256 MiB: %+v", c)
	}
	own := remoting.DefaultConfig()
	own.MaxLaneBytes = 1 << 20
	boundNetwork(&own, 256<<20)
	if own.MaxLaneBytes != 1<<20 {
		t.Errorf("a smaller setting became %d", own.MaxLaneBytes)
	}
}

// The first line of the log says what holds; what cannot hold stops the start.
func TestMemoryLimitOfABroker(t *testing.T) {
	t.Parallel()
	begin := func(limit string) *server {
		conf := filepath.Join(t.TempDir(), "broker.conf")
		text := fmt.Sprintf("brokerIP1=127.0.0.1\nbindAddress=127.0.0.1\nlistenPort=%d\nstorePathRootDir=%s\nmemoryLimit=%s\n", testport.Broker(t), t.TempDir(), limit)
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return start(t, "broker", "-c", conf)
	}
	s := begin("512MiB")
	s.awaitBoot(t)
	code, log := s.stop(t, syscall.SIGTERM)
	line, _, _ := strings.Cut(log, "\n")
	var first struct{ MemoryLimitMiB, HeapLimitMiB int }
	if err := json.Unmarshal([]byte(line), &first); err != nil || code != 0 {
		t.Fatalf("exit code %d, %v: %s", code, err, line)
	}
	// The tests' processes run with a GOMEMLIMIT of 512 MiB: the heap's part is theirs.
	if first.MemoryLimitMiB != 512 || first.HeapLimitMiB != 512 {
		t.Errorf("first line %s", line)
	}
	for limit, want := range map[string]string{"5%": "no amount of memory", "1MiB": "too little"} {
		s := begin(limit)
		for s.stdout.Scan() {
		}
		_ = s.cmd.Wait()
		if code := s.cmd.ProcessState.ExitCode(); code != 255 || !strings.Contains(s.stderr.String(), want) {
			t.Errorf("memoryLimit=%s: exit code %d\n%s", limit, code, s.stderr.String())
		}
	}
}
