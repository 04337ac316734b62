package broker

import (
	"runtime"
	"testing"

	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

const (
	pullsOfTurn    = 4 // their answers fit the buffer that a loop keeps between turns
	messagesOfPull = 32
)

// pullTurn is a client's turn of pulls, 32 messages of 1 KiB each, in one write.
func pullTurn(s protocol.SerializeType) (frames []byte) {
	for i := range pullsOfTurn {
		cmd := protocol.NewRequest(code.PullMessage, nil, nil)
		cmd.Fields, cmd.Opaque, cmd.Serialize = fields(pullFields("g", "T", "0")...), int32(i), s
		frames = protocol.AppendFrame(frames, cmd)
	}
	return frames
}

// TestPullAllocatesLittle pulls through a real server and store. What a pull allocates is bounded by the request, not by its messages.
func TestPullAllocatesLittle(t *testing.T) {
	f := start(t, big)
	f.sendTo("T", "make the topic")
	conn := f.raw()
	buf := make([]byte, 1<<20)
	for range 4 { // a turn of 64 leaves 16 in each of four queues
		exchange(t, conn, turnOf(64, protocol.JSON), buf, 64)
	}
	for _, s := range []protocol.SerializeType{protocol.JSON, protocol.RocketMQ} {
		frames := pullTurn(s)
		for range 50 {
			exchange(t, conn, frames, buf, pullsOfTurn)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		const turns = 200
		for range turns {
			exchange(t, conn, frames, buf, pullsOfTurn)
		}
		runtime.ReadMemStats(&after)
		perMessage := float64(after.Mallocs-before.Mallocs) / turns / pullsOfTurn / messagesOfPull
		perPull := perMessage * messagesOfPull
		t.Logf("%s: %.2f allocations a pull of %d messages", s, perPull, messagesOfPull)
		if perPull > 8 { // headers; what flushes, timers and the test itself allocate meanwhile; the race detector's own
			t.Errorf("%s: %.2f allocations a pull of %d messages, want eight at most", s, perPull, messagesOfPull)
		}
	}
}

func BenchmarkPullTurn(b *testing.B) {
	for _, s := range []protocol.SerializeType{protocol.JSON, protocol.RocketMQ} {
		b.Run(s.String(), func(b *testing.B) {
			f := start(b, big)
			f.sendTo("T", "make the topic")
			conn := f.raw()
			buf := make([]byte, 1<<20)
			for range 4 {
				exchange(b, conn, turnOf(64, protocol.JSON), buf, 64)
			}
			frames := pullTurn(s)
			exchange(b, conn, frames, buf, pullsOfTurn)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				exchange(b, conn, frames, buf, pullsOfTurn)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/pullsOfTurn/messagesOfPull, "ns/msg")
		})
	}
}
