package store

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/vfs"
)

// The first flush of queues or index that fails is said once and held against the store
// until a restart: a second one would succeed, though the kernel may have dropped what
// the first could not write. Messages are accepted, the checkpoint stands still, and a
// crash loses neither units nor keys.
func TestFailedFlushOfPointers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rule, reason string }{
		{"fsync T/0/* times=1 err=EIO", "consume_queue_flush_failed"},
		{"fdatasync T/0/* times=1 err=EIO", "consume_queue_flush_failed"},
		{"fsync index/* times=1 err=EIO", "index_flush_failed"},
		{"fsync index/* times=1 err=ENOSPC", "index_flush_failed"}, // found out when pages were written back
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			clk := clock.NewFake(upstreamStart)
			memory := vfs.NewMemory(clk.Now)
			disk := vfs.NewFaulty(memory)
			var said bytes.Buffer
			s, err := Open(small("/store"), Options{FS: disk, Clock: clk, StoreHost: stood, Log: zerolog.New(&said)})
			if err != nil {
				t.Fatal(err)
			}
			put(t, s, keyed(0))
			clk.Advance(10 * time.Second)
			if strings.HasPrefix(c.rule, "fdatasync") {
				s.flushQueues(0) // the file is new, and synced with its length
			}
			vouched := s.checkpoint.LogicsTime.Load()
			put(t, s, keyed(1))
			inject(t, disk, c.rule)
			for range 5 {
				s.flushQueues(0)
				clk.Advance(time.Second)
			}
			if n := strings.Count(said.String(), "restart the broker before it is full"); n != 1 {
				t.Errorf("said %d times: %s", n, &said)
			}
			s.Refusals(func(reason string, holds bool) {
				if holds != (reason == c.reason) {
					t.Errorf("%s: %v", reason, holds)
				}
			})
			if at := s.checkpoint.LogicsTime.Load(); at != vouched {
				t.Errorf("the checkpoint went on from %d to %d", vouched, at)
			}
			if r := put(t, s, keyed(2)); r.Status != PutOK {
				t.Errorf("a message: %v", r.Status)
			}
			if err := s.flushLog(); err != nil {
				t.Fatal(err)
			}
			s.flushQueues(0)
			cut := memory.CrashClone(1)
			if s.Close() == nil {
				t.Error("closed as if nothing had happened")
			}
			for name, image := range map[string]*vfs.Memory{"power cut": cut, "restart": memory} {
				s := openAt(t, image, small("/store"), clk)
				wantBodies(t, s, 0, bodyNames(0, 3))
				if n := found(t, s); n != 3 {
					t.Errorf("%s: %d keys, want 3", name, n)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
