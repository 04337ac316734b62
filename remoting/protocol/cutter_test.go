package protocol_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/skylarkmq/skylark/remoting/protocol"
)

func frameOf(body []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

// However the stream is chopped, the same frames come out, and those of one Feed stay intact until the next.
func TestCutterAnyPieces(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	var want [][]byte
	var stream []byte
	for range 200 {
		body := make([]byte, 4+random.IntN(300))
		if random.IntN(60) == 0 {
			body = make([]byte, 70_000)
		}
		for i := range body {
			body[i] = byte(random.Uint32())
		}
		want = append(want, body)
		stream = append(stream, frameOf(body)...)
	}
	for _, most := range []int{1, 2, 3, 5, 7, 64, 300, 4096, 1 << 20} {
		var c protocol.Cutter
		var got [][]byte
		piece := make([]byte, 0, most)
		for rest := stream; len(rest) > 0; {
			n := min(1+random.IntN(most), len(rest))
			piece = append(piece[:0], rest[:n]...) // the buffer is reused, as an event loop does
			rest = rest[n:]
			var batch [][]byte
			if err := c.Feed(piece, func(f []byte) error { batch = append(batch, f); return nil }); err != nil {
				t.Fatal(err)
			}
			for _, f := range batch {
				got = append(got, bytes.Clone(f))
			}
			c.Release()
		}
		if len(got) != len(want) || c.Pending() != 0 {
			t.Fatalf("pieces of up to %d: found %d frames and %d bytes pending, expected %d and 0", most, len(got), c.Pending(), len(want))
		}
		for i := range want {
			if !bytes.Equal(got[i], want[i]) {
				t.Fatalf("pieces of up to %d: frame %d differs", most, i)
			}
		}
	}
}

func TestCutterLengths(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name   string
		max    int
		length uint32
		ok     bool
	}{
		{"zero", 0, 0, false},
		{"three", 0, 3, false},
		{"four", 0, 4, true},
		{"negative", 0, 0xFFFFFFFF, false},
		{"smallest int", 0, 0x80000000, false},
		{"the default limit", 0, protocol.FrameMaxLength - 4, true},
		{"beyond the default limit", 0, protocol.FrameMaxLength - 3, false},
		{"a limit of its own", 100, 96, true},
		{"beyond its own", 100, 97, false},
		{"TLS record", 0, 0x16030102, false},
		{"HTTP", 0, binary.BigEndian.Uint32([]byte("GET ")), false},
	}
	for _, r := range rows {
		for _, split := range []bool{false, true} {
			c := protocol.Cutter{Max: r.max}
			data := binary.BigEndian.AppendUint32(nil, r.length)
			none := func([]byte) error { t.Errorf("%s: a frame came out", r.name); return nil }
			var err error
			if split {
				err = c.Feed(data[:3], none)
				data = data[3:]
			}
			if err == nil {
				err = c.Feed(data, none)
			}
			if ok := err == nil; ok != r.ok || !ok && !errors.Is(err, protocol.ErrFrameLength) {
				t.Errorf("%s (split %v): found %v, expected accepted %v", r.name, split, err, r.ok)
			}
		}
	}
}

// A length alone must cost nothing, and a large frame must not be paid for when it is gone.
func TestCutterMemory(t *testing.T) {
	ignore := func([]byte) error { return nil }
	claim := binary.BigEndian.AppendUint32(nil, protocol.FrameMaxLength-4)
	if n := testing.AllocsPerRun(10, func() {
		var c protocol.Cutter
		if err := c.Feed(claim, ignore); err != nil {
			t.Error(err)
		}
	}); n > 2 {
		t.Errorf("a length of 16 MiB: found %v allocations, expected at most 2", n)
	}

	frame := frameOf(make([]byte, 300))
	c := new(protocol.Cutter)
	feed := func() {
		if c.Feed(frame[:200], ignore) != nil || c.Feed(frame[200:], ignore) != nil || c.Feed(frame, ignore) != nil {
			t.Error("a good frame was refused")
		}
	}
	feed()
	feed()
	if n := testing.AllocsPerRun(100, feed); n != 0 {
		t.Errorf("frames in pieces: found %v allocations, expected 0", n)
	}
}

func TestCutterStopsOnError(t *testing.T) {
	t.Parallel()
	stop := errors.New("stop")
	calls := 0
	var c protocol.Cutter
	two := append(frameOf(make([]byte, 4)), frameOf(make([]byte, 4))...)
	if err := c.Feed(two, func([]byte) error { calls++; return stop }); !errors.Is(err, stop) || calls != 1 {
		t.Errorf("found %v after %d calls, expected the handler's error after 1", err, calls)
	}
}
