package store

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"testing"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/internal/vfs"
	"github.com/skylarkmq/skylark/message"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	born  = netip.MustParseAddrPort("10.0.0.1:4000")
	stood = netip.MustParseAddrPort("10.0.0.9:10911")
)

// small are settings with which a few messages fill files.
func small(root string, change ...func(*Config)) *config.Section[Config] {
	c := Defaults()
	c.StorePathRootDir = root
	c.MappedFileSizeCommitLog = 8 << 10
	c.MappedFileSizeConsumeQueue = 20 * 20
	c.MaxHashSlotNum, c.MaxIndexNum = 64, 256
	c.CommitLogRecoverMaxNum = 1000
	for _, f := range change {
		f(&c)
	}
	return config.NewSection(c)
}

func syncFlush(c *Config) { c.FlushDiskType = SyncFlush }

func testLog() zerolog.Logger {
	if os.Getenv("SKYLARK_TEST_LOG") == "" {
		return zerolog.Nop()
	}
	return zerolog.New(zerolog.NewConsoleWriter())
}

// open opens a store on a disk without running it.
func open(t testing.TB, disk vfs.FS, cfg *config.Section[Config]) *Store {
	t.Helper()
	return openAt(t, disk, cfg, clock.Real)
}

func openAt(t testing.TB, disk vfs.FS, cfg *config.Section[Config], clk clock.Clock) *Store {
	t.Helper()
	s, err := Open(cfg, Options{FS: disk, Clock: clk, StoreHost: stood, Log: testLog()})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// running opens a store and runs it until the test ends.
func running(t testing.TB, disk vfs.FS, cfg *config.Section[Config], clk clock.Clock) *Store {
	t.Helper()
	s, err := Open(cfg, Options{FS: disk, StoreHost: stood, Clock: clk, Log: testLog()})
	if err != nil {
		t.Fatal(err)
	}
	run(t, s)
	return s
}

func run(t testing.TB, s *Store) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	started := make(chan struct{})
	go func() {
		close(started)
		done <- s.Run(ctx)
	}()
	<-started
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	t.Cleanup(func() {
		stop()
		_ = s.Close()
	})
	return stop
}

func msg(topic string, queue int32, body, props string) *message.Message {
	return &message.Message{Topic: topic, QueueID: queue, Body: []byte(body), Properties: []byte(props), BornTimestamp: 1, BornHost: born}
}

// numbered is a message that says who it is.
func numbered(topic string, queue int32, n int) *message.Message {
	return msg(topic, queue, fmt.Sprintf("body-%d", n), fmt.Sprintf("KEYS\x01k%d\x02TAGS\x01t%d\x02UNIQ_KEY\x01U%d\x02", n, n%3, n))
}

// send puts messages in batches and fails the test when one is refused.
func send(t testing.TB, s *Store, list ...*message.Message) []Result {
	t.Helper()
	b := NewBatch()
	for _, m := range list {
		if _, st := s.Stage(b, m); st != PutOK {
			t.Fatalf("stage: %v", st)
		}
	}
	s.Append(b)
	results := make([]Result, b.Len())
	for i := range results {
		if results[i] = b.Result(i); results[i].Status != PutOK {
			_, why := s.Writeable()
			t.Fatalf("append: %v %s", results[i].Status, why)
		}
	}
	return results
}

// bodies reads a queue from its minimum on.
func bodies(t testing.TB, s *Store, topic string, queue int32) []string {
	t.Helper()
	q, ok := s.queues.Lookup(topic, queue)
	if !ok {
		return nil
	}
	var out []string
	for off := q.MinOffset(); off < q.MaxOffset(); off++ {
		u, ok := q.Unit(off)
		if !ok {
			t.Fatalf("%s %d: no unit at %d", topic, queue, off)
		}
		rec, err := s.Lookup(u.PhyOffset, nil)
		if err != nil {
			t.Fatalf("%s %d: offset %d: %v", topic, queue, off, err)
		}
		var v message.View
		if err := message.Decode(rec, &v); err != nil {
			t.Fatal(err)
		}
		if v.QueueOffset != off || string(v.Topic) != topic || v.QueueID != queue || v.Size != u.Size {
			t.Fatalf("%s %d: unit %d is of %s %d %d", topic, queue, off, v.Topic, v.QueueID, v.QueueOffset)
		}
		if tags, _ := message.Property(v.Properties, message.PropertyTags); message.TagsCode(tags) != u.TagsCode {
			t.Fatalf("%s %d: tags code %d at %d", topic, queue, u.TagsCode, off)
		}
		out = append(out, string(v.Body))
	}
	return out
}
