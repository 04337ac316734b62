package broker

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/skylarkmq/skylark/internal/clock"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
)

// BenchmarkDelayLevel sends 10,000 messages a second with a delay of one second, an
// iteration is a hundred of them, and tells how long after its time a message was
// stored in its own topic, in ms. Run it with -benchtime 500x, which takes six seconds.
func BenchmarkDelayLevel(b *testing.B) {
	const turn, every = 100, 10 * time.Millisecond
	f := start(b, func(c *Config, s *store.Config) {
		big(c, s)
		s.MessageDelayLevel = "1s"
	})
	f.sendTo("T", "makes the topic")
	var frames []byte
	for i := range turn {
		cmd := protocol.NewRequest(code.SendMessageV2, nil, make([]byte, 256))
		cmd.Fields, cmd.Opaque = fields(replace(sendFields("T"), "i", "DELAY\x011\x02UNIQ_KEY\x01K"+strconv.Itoa(i)+"\x02")...), int32(i)
		frames = protocol.AppendFrame(frames, cmd)
	}
	conn, buf := f.raw(), make([]byte, 1<<20)
	pace := time.NewTicker(every)
	defer pace.Stop()
	b.ResetTimer()
	for range b.N {
		<-pace.C
		exchange(b, conn, frames, buf, turn)
	}
	f.await("T", 1+min(b.N*turn, 1))
	f.eventually("all to be delivered", func() bool { return f.Store.MaxOffset("T", 0) == int64(1+b.N*turn) })
	b.StopTimer()
	late := f.lateness(b, "T", 1, b.N*turn)
	at := func(part float64) float64 { return float64(late[int(part*float64(len(late)-1))]) }
	b.ReportMetric(at(0.5), "p50-ms-late")
	b.ReportMetric(at(0.99), "p99-ms-late")
	b.ReportMetric(at(1), "max-ms-late")
	b.ReportMetric(0, "ns/op")
}

// TestThousandsFailAtOnce: a crowd of messages that is given back at once comes again
// when its time has come, and others do not wait meanwhile.
func TestThousandsFailAtOnce(t *testing.T) {
	t.Parallel()
	const failing = 3000
	now := clock.NewFake(time.Now())
	f := startOn(t, Options{Clock: now}, func(c *Config, s *store.Config) {
		big(c, s)
		s.MessageDelayLevel = "1s"
	})
	first := f.stored(t, f.sendTo("T", "fails"))
	f.beat("G", "CLUSTERING", all("T"))
	var frames []byte
	for i := range failing {
		cmd := protocol.NewRequest(code.ConsumerSendMsgBack, nil, nil)
		cmd.Fields, cmd.Opaque = fields("offset", strconv.FormatInt(first.PhyOffset, 10), "group", "G", "delayLevel", "1",
			"originMsgId", "x", "originTopic", "T", "unitMode", "false", "maxReconsumeTimes", "16"), int32(i)
		frames = protocol.AppendFrame(frames, cmd)
	}
	conn, written := f.raw(), make(chan error, 1)
	go func() {
		_, err := conn.Write(frames)
		written <- err
	}()
	f.stillWorks()
	exchange(t, conn, nil, make([]byte, 1<<20), failing)
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	now.Advance(time.Second)
	f.eventually("all to come again", func() bool { return f.Store.MaxOffset("%RETRY%G", 0) == failing })
	f.onTime(t, "%RETRY%G", 0, failing)
}

// onTime checks that none of the deliveries of the first level missed its time. It is for a clock that a test has moved to the moment
// when they are due: those that were not all taken then, but waited for another tick, would not have come at all, or later.
func (f *fixture) onTime(t *testing.T, topic string, from int64, n int) {
	t.Helper()
	if late := f.lateness(t, topic, from, n); late[n-1] != 0 {
		t.Errorf("the last one came %d ms late", late[n-1])
	}
}

// lateness is by how much each delivery of the first level missed its time, sorted. A
// level keeps the order, so its units are those of the topic from an offset on.
func (f *fixture) lateness(t testing.TB, topic string, from int64, n int) []int64 {
	due, _, _, _ := f.Store.Units(message.TopicSchedule, 0, 0, n)
	came, _, _, _ := f.Store.Units(topic, 0, from, n)
	if len(due) != n || len(came) != n {
		t.Fatalf("%d waited, %d came, want %d", len(due), len(came), n)
	}
	late := make([]int64, n)
	for i, u := range came {
		rec, err := f.Store.Record(u.PhyOffset, u.Size, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		var v message.View
		if err := message.Decode(rec, &v); err != nil {
			t.Fatal(err)
		}
		if late[i] = v.StoreTimestamp - due[i].TagsCode; late[i] < 0 {
			t.Fatalf("message %d came %d ms too early", i, -late[i])
		}
	}
	slices.Sort(late)
	return late
}
