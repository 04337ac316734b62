package store

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/vfs"
)

// TestManyQueuesHoldLittle: a queue costs neither a mapping nor a descriptor of its own, else a hundred thousand would be more than
// vm.max_map_count and RLIMIT_NOFILE allow. Written, read and taken over after a stop and after a crash.
func TestManyQueuesHoldLittle(t *testing.T) {
	t.Parallel()
	const (
		topics, queues = 250, 8
		mostMaps       = 64  // of the log and the index
		mostFiles      = 600 // 512 of queues, by consumequeue's bound, and those of the log and the index
	)
	dir := t.TempDir()
	cfg := small(dir, func(c *Config) {
		c.MappedFileSizeCommitLog = 4 << 20
		c.MaxHashSlotNum, c.MaxIndexNum = 5000, 20_000
	})
	each := func(visit func(topic string, queue int32)) {
		for topic := range topics {
			for queue := range int32(queues) {
				visit(fmt.Sprintf("T%d", topic), queue)
			}
		}
	}
	look := func(when string) {
		t.Helper()
		maps, files := held(t, dir)
		t.Logf("%s: %d mappings and %d descriptors for %d queues", when, maps, files, topics*queues)
		if maps > mostMaps || files > mostFiles {
			t.Errorf("%s: %d mappings and %d descriptors for %d queues, want at most %d and %d", when, maps, files, topics*queues, mostMaps, mostFiles)
		}
	}
	for life, when := range []string{"new", "after a stop", "after a crash"} {
		s := openAt(t, vfs.Disk, cfg, clock.Real)
		look(when + ", started")
		each(func(topic string, queue int32) { send(t, s, numbered(topic, queue, life)) })
		look(when + ", written")
		each(func(topic string, queue int32) {
			if res, _ := s.Get(&GetRequest{Topic: topic, QueueID: queue, MaxCount: 32}, nil); res.Count != life+1 {
				t.Fatalf("%s, %s %d: %d messages, want %d", when, topic, queue, res.Count, life+1)
			}
		})
		look(when + ", read")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if life == 1 { // what a crash leaves: the file that says so
			if err := os.WriteFile(s.abortFile(), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if maps, files := held(t, dir); maps+files > 0 {
		t.Errorf("closed: %d mappings and %d descriptors are left", maps, files)
	}
}

// held counts what this process maps and has open of the files below dir: other tests run beside this one.
func held(t *testing.T, dir string) (maps, files int) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Skip(err)
	}
	maps = strings.Count(string(text), dir+string(filepath.Separator))
	const open = "/proc/self/fd"
	list, err := os.ReadDir(open)
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range list {
		// One that was closed since is none of ours.
		if to, err := os.Readlink(filepath.Join(open, fd.Name())); err == nil && strings.HasPrefix(to, dir+string(filepath.Separator)) {
			files++
		}
	}
	return maps, files
}
