package broker

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
)

// shortLevels are delay levels for tests, and retries that go through them quickly.
func shortLevels(_ *Config, s *store.Config) { s.MessageDelayLevel = "1s 0s 2s 0s" }

// await pulls from queue 0 until n messages are there, by long polling.
func (f *fixture) await(topic string, n int) []message.View {
	f.t.Helper()
	for {
		// Read before the look: a message that comes between the two ends the pull at once.
		end := fmt.Sprint(f.Store.MaxOffset(topic, 0))
		if list := f.visible(topic); len(list) >= n {
			return list
		}
		// sysFlag 6: may be held, subscription in the request
		f.call(code.PullMessage, nil, replace(pullFields("GT", topic, end), "sysFlag", "6")...)
	}
}

func property(v *message.View, name string) string {
	value, _ := message.Property(v.Properties, name)
	return string(value)
}

func TestDelayedSend(t *testing.T) {
	t.Parallel()
	for _, mode := range []store.FlushDiskType{store.AsyncFlush, store.SyncFlush} {
		t.Run(fmt.Sprint(mode), func(t *testing.T) {
			t.Parallel()
			f := start(t, func(c *Config, s *store.Config) {
				shortLevels(c, s)
				s.FlushDiskType = mode
			})
			f.sendTo("T", "makes the topic")
			reply := f.sendTo("T", "waits", "i", "DELAY\x011\x02KEYS\x01k\x02TIMER_DELAY_SEC\x0199\x02")
			if got := reply.Fields.String("queueId") + "/" + reply.Fields.String("queueOffset"); got != "0/0" {
				t.Errorf("answered queue and offset %s, want the queue of the request and the offset in the level's queue", got)
			}
			waiting := f.stored(t, reply)
			if string(waiting.Topic) != message.TopicSchedule || property(&waiting, "REAL_TOPIC") != "T" || property(&waiting, "TIMER_DELAY_SEC") != "" {
				t.Errorf("waits as %s %q", waiting.Topic, waiting.Properties)
			}
			got := f.await("T", 2)[1]
			late := got.StoreTimestamp - waiting.StoreTimestamp - 1000
			t.Logf("%s: delivered %d ms late", mode, late)
			if late < 0 || late > 20_000 {
				t.Errorf("delivered %d ms late", late)
			}
			if string(got.Properties) != string(waiting.Properties) || got.QueueID != 0 || string(got.Body) != "waits" || got.BornHost != waiting.BornHost {
				t.Errorf("delivered %q, waited %q", got.Properties, waiting.Properties)
			}
			if tag := f.call(code.PullMessage, nil, replace(pullFields("GT", "T", "0"), "subscription", "A")...); tag.Response() != code.Success {
				t.Errorf("by tag: %d %s", tag.Code, tag.Remark)
			}
			offsets := f.call(code.GetAllDelayOffset, nil)
			if !strings.Contains(string(offsets.Body), `"offsetTable":{1:1}`) {
				t.Errorf("GET_ALL_DELAY_OFFSET: %s", offsets.Body)
			}
			info := f.call(code.GetBrokerRuntimeInfo, nil)
			if !strings.Contains(string(info.Body), `"scheduleMessageOffset_1":"1,1"`) {
				t.Errorf("runtime info: %s", info.Body)
			}
		})
	}
}

// TestDelaysSurviveRestart: what waits is delivered once, also after a stop in the
// middle of a level.
func TestDelaysSurviveRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	life := func(name string, run func(f *fixture)) {
		t.Run(name, func(t *testing.T) {
			cfg, st := DefaultConfig(), store.Defaults()
			cfg.BrokerName, cfg.BrokerIP1, cfg.BrokerIP2, cfg.NamesrvAddr = "test-a", "127.0.0.1", "127.0.0.1", ""
			small(&st)
			shortLevels(&cfg, &st)
			st.StorePathRootDir = dir
			run(startWith(t, Options{Config: config.NewSection(cfg), Store: config.NewSection(st)}))
		})
	}
	life("first", func(f *fixture) {
		f.sendTo("T", "at once", "i", "DELAY\x012\x02")
		f.await("T", 1)
		f.sendTo("T", "at once again", "i", "DELAY\x012\x02")
		f.sendTo("T", "in two seconds", "i", "DELAY\x013\x02")
	})
	if file, err := os.ReadFile(filepath.Join(dir, "config", "delayOffset.json")); err != nil || !strings.Contains(string(file), "\n\t\t2:") {
		t.Errorf("delayOffset.json %s: %v", file, err)
	}
	life("second", func(f *fixture) {
		if got := f.await("T", 3); len(got) != 3 || string(got[2].Body) != "in two seconds" {
			t.Fatalf("%d messages", len(got))
		}
		f.call(code.PullMessage, nil, replace(pullFields("GT", "T", "3"), "sysFlag", "6", "suspendTimeoutMillis", "300")...)
		if got := f.visible("T"); len(got) != 3 {
			t.Errorf("%d messages, want each once", len(got))
		}
	})
}

// TestDelayedCommit: the level of a transactional message counts from its commit.
func TestDelayedCommit(t *testing.T) {
	t.Parallel()
	f := start(t, shortLevels)
	half := f.sendHalf("TX", "U1", "DELAY\x011\x02")
	want(t, f.call(code.EndTransaction, nil, half.endFields(8)...), code.Success, "")
	if n := f.Store.MaxOffset(message.TopicSchedule, 0); n != 1 {
		t.Fatalf("%d messages wait, want 1", n)
	}
	if got := f.await("TX", 1)[0]; property(&got, message.PropertyRealTopic) != "TX" || got.SysFlag&message.FlagTransactionMask != message.FlagTransactionCommit {
		t.Errorf("delivered with flags %#x, %q", got.SysFlag, got.Properties)
	}
}

// TestDelayedBurst: ten thousand messages that are due together are delivered at that moment, though the clock goes on for none of them.
func TestDelayedBurst(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(time.Now())
	f := startOn(t, Options{Clock: now}, func(c *Config, s *store.Config) {
		big(c, s)
		shortLevels(c, s)
	})
	f.sendTo("T", "makes the topic")
	const turns, each, queues = 160, 64, 4
	conn, buf := f.raw(), make([]byte, 64<<10)
	frames := turnOf(each, protocol.JSON, "DELAY\x011\x02")
	for range turns {
		exchange(t, conn, frames, buf, each)
	}
	stored := func() (n int64) {
		for queue := range int32(queues) { // turnOf goes round them
			n += f.Store.MaxOffset("T", queue)
		}
		return n - 1
	}
	now.Advance(999 * time.Millisecond)
	if n := stored(); n != 0 {
		t.Fatalf("%d came too early", n)
	}
	now.Advance(time.Millisecond)
	f.eventually("all to be delivered", func() bool { return stored() == turns*each })
	for queue := range int32(queues) {
		for offset := range f.Store.MaxOffset("T", queue) {
			came := f.Store.StoreTime("T", queue, offset)
			if first := queue == 0 && offset == 0; !first && came != now.NowMs() {
				t.Fatalf("queue %d, %d: stored %d ms from its time", queue, offset, came-now.NowMs())
			}
		}
	}
}
