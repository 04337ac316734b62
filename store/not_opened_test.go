package store

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/vfs"
)

// A flush of the queues that has no descriptor for a moment has lost nothing: the next
// one syncs what this one did not, all of it.
func TestFlushWithoutDescriptors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule   string
		queues int
	}{
		{"syncdir consumequeue times=1 err=EMFILE", 1},
		{"syncdir T/0 times=1 err=EMFILE", 3},
		{"syncfs * times=1 err=EMFILE", 260},
		{"syncdir batchconsumequeue times=1 err=EMFILE", 1},
		{"syncdir consumequeue_ext/T/0 times=1 err=EMFILE", 1},
	} {
		t.Run(strings.ReplaceAll(c.rule, " ", "_"), func(t *testing.T) {
			t.Parallel()
			memory := vfs.NewMemory(nil)
			disk := vfs.NewFaulty(memory)
			cfg := small("/store", lmq, func(c *Config) {
				c.MappedFileSizeCommitLog, c.EnableConsumeQueueExt, c.MappedFileSizeConsumeQueueExt = 1<<20, true, 4096
			})
			s := openMore(t, disk, cfg, clock.Real)
			for n := range c.queues {
				send(t, s, numbered("T", int32(n), n))
			}
			send(t, s, many("Batch", 0, 3))
			if err := s.flushLog(); err != nil {
				t.Fatal(err)
			}
			inject(t, disk, c.rule)
			s.flushQueues(0)
			if s.checkpoint.Mark().Size != 0 {
				t.Fatal("the fault was not met")
			}
			s.flushQueues(0)
			if s.flags.has(flagQueueUnsynced) || s.checkpoint.Mark().Size == 0 {
				t.Errorf("the next flush answers %v", s.queues.SyncFailed())
			}
			image := memory.CrashClone(7)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			s = openMore(t, image, cfg, clock.Real)
			for n := range c.queues {
				if r, rec := s.Get(&GetRequest{Topic: "T", QueueID: int32(n), MaxCount: 1}, nil); r.Status != GetFound || !bytes.Contains(rec, fmt.Appendf(nil, "body-%d", n)) {
					t.Fatalf("queue %d after a power cut: %v %q", n, r.Status, rec)
				}
			}
			if end := s.MaxOffset("Batch", 0); end != 3 {
				t.Errorf("the batch queue ends at %d", end)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
