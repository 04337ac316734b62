package remoting

import (
	"testing"

	"github.com/rs/zerolog"

	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// memory is a transport that keeps what it is given.
type memory struct {
	got    []byte
	writes int
	closes int
}

func (m *memory) writeNow(_ *Conn, p []byte) { m.got = append(m.got, p...); m.writes++ }
func (m *memory) wake(*Conn)                 {}
func (m *memory) look(*Conn)                 {}
func (m *memory) close(*Conn)                { m.closes++ }

// bare is a turn without a socket.
func bare(t testing.TB) (*dispatcher, *memory, *Conn, *Turn) {
	t.Helper()
	d := new(dispatcher)
	d.init(DefaultConfig(), zerolog.Nop())
	mount(d, newLab(), newLab().routes())
	tr := new(memory)
	c := &Conn{ID: 1, d: d, t: tr}
	turn := new(Turn)
	turn.init(d, nil)
	return d, tr, c, turn
}

// constant answers sends with the same command: what is left is this package's work.
type constant struct{ reply protocol.Command }

func (k *constant) send(_ *Turn, rs []*Request) {
	for _, r := range rs {
		r.AppendReply(&k.reply)
	}
}

// steady is one segment of 64 sends as producers pipeline them.
func steady(t testing.TB, s protocol.SerializeType) (c *Conn, turn *Turn, segment []byte) {
	d := new(dispatcher)
	d.init(DefaultConfig(), zerolog.Nop())
	k := &constant{reply: *protocol.NewResponse(code.Success, "")}
	for _, f := range [][2]string{
		{"msgId", "7F000001000029FC0000000000000000"},
		{"queueId", "3"},
		{"queueOffset", "123456"},
		{"MSG_REGION", "DefaultRegion"},
		{"TRACE_ON", "true"},
	} {
		k.reply.Fields.Set(f[0], f[1])
	}
	mount(d, k, []Route[*constant]{HandleBatch(code.SendMessageV2, (*constant).send)})
	turn = new(Turn)
	turn.init(d, nil)
	cmd := protocol.NewRequest(code.SendMessageV2, nil, make([]byte, 1024))
	cmd.Serialize, cmd.Language = s, protocol.Go
	for _, f := range [][2]string{
		{"a", "LoadGroup"},
		{"b", "LoadTopic"},
		{"c", "TBW102"},
		{"d", "4"},
		{"e", "3"},
		{"f", "0"},
		{"g", "1760000000000"},
		{"h", "0"},
		{"i", "UNIQ_KEY\x017F0000012A9C18B4AAC2000000000001\x02WAIT\x01true\x02"},
		{"j", "0"},
		{"k", "false"},
		{"m", "false"},
	} {
		cmd.Fields.Set(f[0], f[1])
	}
	for i := range 64 {
		cmd.Opaque = int32(i)
		segment = protocol.AppendFrame(segment, cmd)
	}
	return &Conn{ID: 1, d: d, t: new(sink)}, turn, segment
}

type sink struct{ n int }

func (s *sink) writeNow(_ *Conn, p []byte) { s.n += len(p) }
func (s *sink) wake(*Conn)                 {}
func (s *sink) look(*Conn)                 {}
func (s *sink) close(*Conn)                {}

func TestHotPathDoesNotAllocate(t *testing.T) {
	for _, s := range []protocol.SerializeType{protocol.JSON, protocol.RocketMQ} {
		c, turn, segment := steady(t, s)
		receive := func() {
			if err := turn.receive(c, segment); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 {
			receive() // the lists grow
		}
		if n := testing.AllocsPerRun(50, receive); n != 0 {
			t.Errorf("%s: %.2f allocations for 64 requests", s, n)
		}
		cut := len(segment) - 700 // a frame in two pieces, as reads of a full buffer leave it
		pieces := func() {
			for _, part := range [][]byte{segment[:cut], segment[cut:]} {
				if err := turn.receive(c, part); err != nil {
					t.Fatal(err)
				}
			}
		}
		for range 3 {
			pieces()
		}
		if n := testing.AllocsPerRun(50, pieces); n != 0 {
			t.Errorf("%s in pieces: %.2f allocations for 64 requests", s, n)
		}
	}
}

func BenchmarkTurn(b *testing.B) {
	for _, s := range []protocol.SerializeType{protocol.JSON, protocol.RocketMQ} {
		b.Run(s.String(), func(b *testing.B) {
			c, turn, segment := steady(b, s)
			b.SetBytes(int64(len(segment) / 64))
			b.ReportAllocs()
			for n := 0; n < b.N; n += 64 {
				if err := turn.receive(c, segment); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
