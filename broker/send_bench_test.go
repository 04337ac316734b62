package broker

import (
	"encoding/binary"
	"flag"
	"net"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"testing"

	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
	"github.com/skylarkmq/skylark/store"
)

var sendProfile = flag.String("sendprofile", "", "write a CPU profile of the turns of BenchmarkSendTurn to this `file`")

// turnOf is so many sends of 1 KiB in one write, with more properties.
func turnOf(n int, serialize protocol.SerializeType, more ...string) (frames []byte) {
	body := make([]byte, 1024)
	for i := range n {
		cmd := protocol.NewRequest(code.SendMessageV2, nil, body)
		cmd.Fields, cmd.Opaque, cmd.Serialize = fields(replace(sendFields("T"), "e", strconv.Itoa(i%4),
			"i", "UNIQ_KEY\x01AC11000100002A139AA10000000000"+strconv.Itoa(10+i)+"\x02WAIT\x01true\x02TAGS\x01A\x02"+strings.Join(more, ""))...), int32(i), serialize
		frames = protocol.AppendFrame(frames, cmd)
	}
	return frames
}

// exchange writes a turn and reads so many answers, without allocating.
func exchange(t testing.TB, conn net.Conn, frames, buf []byte, answers int) {
	if _, err := conn.Write(frames); err != nil {
		t.Fatal(err)
	}
	have := 0
	for answers > 0 {
		n, err := conn.Read(buf[have:])
		if err != nil {
			t.Fatal(err)
		}
		have += n
		used := 0
		for have-used >= 4 {
			size := 4 + int(binary.BigEndian.Uint32(buf[used:]))
			if have-used < size {
				break
			}
			used += size
			answers--
		}
		have = copy(buf, buf[used:have])
	}
}

// big keeps rolls of the log out of measurements.
func big(_ *Config, s *store.Config) {
	s.MappedFileSizeCommitLog = 512 << 20
	s.MappedFileSizeConsumeQueue = 300_000 * 20
	s.MaxHashSlotNum, s.MaxIndexNum = 100_000, 4_000_000
}

// unflushed is big without flushes: one that a busy machine draws out sends sends over the lane, which makes copies.
func unflushed(c *Config, s *store.Config) {
	big(c, s)
	s.FlushIntervalCommitLog, s.FlushIntervalConsumeQueue = 600_000, 600_000
}

// TestSendAllocatesNothing sends 200 turns of 64 through a real server and store.
func TestSendAllocatesNothing(t *testing.T) {
	f := start(t, unflushed)
	f.sendTo("T", "make the topic")
	conn := f.raw()
	buf := make([]byte, 64<<10)
	for _, s := range []protocol.SerializeType{protocol.JSON, protocol.RocketMQ} {
		frames := turnOf(64, s)
		for range 50 {
			exchange(t, conn, frames, buf, 64)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		const turns = 200
		for range turns {
			exchange(t, conn, frames, buf, 64)
		}
		runtime.ReadMemStats(&after)
		perTurn := float64(after.Mallocs-before.Mallocs) / turns
		t.Logf("%s: %.2f allocations a turn of 64", s, perTurn)
		if perTurn > 3 { // what flushes, timers and the test itself allocate meanwhile
			t.Errorf("%s: %.2f allocations a turn of 64 messages, want none a message", s, perTurn)
		}
	}
}

func BenchmarkSendTurn(b *testing.B) {
	for _, s := range []protocol.SerializeType{protocol.JSON, protocol.RocketMQ} {
		b.Run(s.String(), func(b *testing.B) {
			f := start(b, big)
			f.sendTo("T", "make the topic")
			conn := f.raw()
			buf := make([]byte, 64<<10)
			frames := turnOf(64, s)
			exchange(b, conn, frames, buf, 64)
			if *sendProfile != "" {
				out, err := os.Create(*sendProfile + "." + s.String())
				if err != nil {
					b.Fatal(err)
				}
				defer func() { _ = out.Close() }()
				if err := pprof.StartCPUProfile(out); err != nil {
					b.Fatal(err)
				}
				defer pprof.StopCPUProfile()
			}
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				exchange(b, conn, frames, buf, 64)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/64, "ns/msg")
		})
	}
}
