package protocol_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// FuzzCutter: however a stream is cut in two, the same frames come out, and never one beyond the limit.
func FuzzCutter(f *testing.F) {
	var all []byte
	for _, g := range goldenFrames(f)[:8] {
		frame := unhex(f, g.Hex)
		f.Add(frame, uint16(3))
		all = append(all, frame...)
	}
	f.Add(all, uint16(1000))
	f.Add([]byte{0x7F, 0xFF, 0xFF, 0xFF}, uint16(2))
	f.Fuzz(func(t *testing.T, stream []byte, at uint16) {
		const limit = 4096
		cut := func(pieces ...[]byte) (frames []byte, failed bool) {
			c := protocol.Cutter{Max: limit}
			for _, p := range pieces {
				if err := c.Feed(p, func(b []byte) error {
					if len(b)+4 > limit {
						t.Errorf("a frame of %d bytes beyond the limit", len(b))
					}
					frames = append(frames, frameOf(b)...)
					return nil
				}); err != nil {
					return frames, true
				}
			}
			return frames, false
		}
		n := min(int(at), len(stream))
		whole, failed1 := cut(stream)
		split, failed2 := cut(stream[:n], stream[n:])
		if !bytes.Equal(whole, split) || failed1 != failed2 || !bytes.HasPrefix(stream, whole) {
			t.Errorf("cut at %d: found %x %v, expected %x %v", n, split, failed2, whole, failed1)
		}
	})
}

// fuzzFrame decodes, writes and decodes again: the second command must be the first.
func fuzzFrame(t *testing.T, frame []byte) {
	var c protocol.Command
	if err := protocol.DecodeFrame(frame, &c); err != nil {
		return
	}
	c.Fields.Compact()
	out := protocol.AppendFrame(nil, &c)
	if n := binary.BigEndian.Uint32(out); int(n) != len(out)-4 {
		t.Fatalf("length field %d for %d bytes", n, len(out)-4)
	}
	var again protocol.Command
	if err := protocol.DecodeFrame(out[4:], &again); err != nil {
		t.Fatalf("our own frame: %v\n%q", err, out)
	}
	if c.String() != again.String() || !c.Fields.Equal(&again.Fields) || !bytes.Equal(c.Body, again.Body) || c.Remark != again.Remark {
		t.Fatalf("found %v, expected %v", &again, &c)
	}
}

func FuzzJSON(f *testing.F) {
	for _, g := range goldenFrames(f) {
		if g.Serialize == "JSON" {
			frame := unhex(f, g.Hex)
			f.Add(frame[8 : 8+int(binary.BigEndian.Uint32(frame[4:]))])
		}
	}
	f.Add([]byte(`{"extFields":{"a":1,"b":null,"c":{"d":[]},"e":"\ud83d\ude00\u0001\/"},"x":[{"y":"z"}],"language":9,"code":"7"}`))
	f.Fuzz(func(t *testing.T, head []byte) {
		if len(head) < 1<<24 {
			fuzzFrame(t, jsonFrame(string(head)))
		}
	})
}

func FuzzBinary(f *testing.F) {
	for _, g := range goldenFrames(f) {
		if g.Serialize == "ROCKETMQ" {
			frame := unhex(f, g.Hex)
			f.Add(frame[8 : 8+int(binary.BigEndian.Uint32(frame[4:])&0xFFFFFF)])
		}
	}
	f.Fuzz(func(t *testing.T, head []byte) {
		if n := len(head); n < 1<<24 {
			fuzzFrame(t, append([]byte{1, byte(n >> 16), byte(n >> 8), byte(n)}, head...))
		}
	})
}

// FuzzHeader: whatever the fields, a typed header is filled or refused, and what was filled can be written and read again.
func FuzzHeader(f *testing.F) {
	for _, g := range goldenFrames(f) {
		f.Add(unhex(f, g.Hex)[4:])
	}
	types := []func() any{
		func() any { return new(header.SendMessage) },
		func() any { return new(header.SendMessageV2) },
		func() any { return new(header.PullMessage) },
		func() any { return new(header.RegisterBroker) },
		func() any { return new(header.QueryConsumerOffset) },
		func() any { return new(header.ResetOffset) },
		func() any { return new(header.PullMessageResponse) },
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		var c protocol.Command
		if err := protocol.DecodeFrame(frame, &c); err != nil {
			return
		}
		for _, make := range types {
			h, again := make(), make()
			if err := header.Decode(&c.Fields, h); err != nil {
				continue
			}
			var back protocol.Command
			out := protocol.AppendFrame(nil, &protocol.Command{Header: h})
			if err := protocol.DecodeFrame(out[4:], &back); err != nil {
				t.Fatalf("%T: %v", h, err)
			}
			if err := header.Decode(&back.Fields, again); err != nil {
				t.Fatalf("%T written and read again: %v", h, err)
			}
			if second := protocol.AppendFrame(nil, &protocol.Command{Header: again}); !bytes.Equal(out, second) {
				t.Fatalf("%T: found %q, expected %q", h, second, out)
			}
		}
	})
}
