package protocol_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// trained is a decoder that has read a frame often enough to know its shape.
func trained(t testing.TB, frame []byte) *protocol.Decoder {
	t.Helper()
	d := new(protocol.Decoder)
	var c protocol.Command
	for range 3 {
		if err := d.Decode(frame, &c); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// wantSame reads a frame with a decoder and without one.
func wantSame(t testing.TB, d *protocol.Decoder, frame []byte) {
	t.Helper()
	var got, want protocol.Command
	wantErr, err := protocol.DecodeFrame(frame, &want), d.Decode(frame, &got)
	if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
		t.Fatalf("%q: found error %v, expected %v", frame, err, wantErr)
	}
	if err != nil {
		return
	}
	if got.String() != want.String() || got.Fields.Len() != want.Fields.Len() || !bytes.Equal(got.Body, want.Body) || got.Code != want.Code || got.Flag != want.Flag {
		t.Fatalf("%q: found %v, expected %v", frame, &got, &want)
	}
	for i := range want.Fields.Len() {
		g, w := got.Fields.At(i), want.Fields.At(i)
		if !bytes.Equal(g.Key, w.Key) || !bytes.Equal(g.Value, w.Value) {
			t.Fatalf("%q: field %d: found %q %q, expected %q %q", frame, i, g.Key, g.Value, w.Key, w.Value)
		}
	}
	for _, read := range []func(*protocol.Fields) (any, error){
		func(f *protocol.Fields) (any, error) {
			var h header.SendMessage
			err := h.DecodeFields(f)
			return h, err
		},
		func(f *protocol.Fields) (any, error) {
			var h header.SendMessage
			err := h.DecodeV2Fields(f)
			return h, err
		},
		func(f *protocol.Fields) (any, error) {
			var h header.EndTransaction
			err := h.DecodeFields(f)
			return h, err
		},
		func(f *protocol.Fields) (any, error) {
			var h header.PullMessage
			err := h.DecodeFields(f)
			return h, err
		},
	} {
		w, wantErr := read(&want.Fields)
		g, err := read(&got.Fields)
		if fmt.Sprint(err) != fmt.Sprint(wantErr) || err == nil && !reflect.DeepEqual(g, w) {
			t.Fatalf("%q: found %+v %v, expected %+v %v", frame, g, err, w, wantErr)
		}
	}
}

// A header that looks like one before reads as it would without a memory, whatever its bytes are.
func TestDecoderReadsLikeDecodeFrame(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	odd := []byte("\"\\,:{}[]0189-azAZ \x00\x01\x1f\x7f\x80\xc3\xff")
	for _, g := range goldenFrames(t) {
		frame := unhex(t, g.Hex)[4:]
		d := trained(t, frame)
		wantSame(t, d, frame)
		for range 100 {
			other := bytes.Clone(frame)
			for range 1 + r.IntN(3) {
				at := 4 + r.IntN(max(1, len(other)-4))
				if other[at%len(other)] = byte(r.Uint32()); r.IntN(2) == 0 {
					other[at%len(other)] = odd[r.IntN(len(odd))]
				}
			}
			wantSame(t, d, other)
			learnThenRead(t, other, frame)
		}
	}
}

// learnThenRead: what may be learned of any frame, if it is one, does no harm either.
func learnThenRead(t *testing.T, first, second []byte) {
	d := new(protocol.Decoder)
	var c protocol.Command
	for range 3 {
		if d.Decode(first, &c) != nil {
			return
		}
	}
	wantSame(t, d, first)
	wantSame(t, d, second)
}

// Bytes behind the entries of a binary header are read by nobody.
func TestDecoderPassesStrayBytes(t *testing.T) {
	t.Parallel()
	frame := goldenFrameNamed(t, "pull_message_req", "ROCKETMQ")
	for n := 1; n < 40; n++ {
		stray := append(bytes.Clone(frame), bytes.Repeat([]byte{1}, n)...)
		stray[3] += byte(n) // the header's length; this one has room for it
		if int(stray[3]) < n {
			stray[2]++
		}
		learnThenRead(t, stray, stray)
	}
}

// Requests of clients are known after the second one, and what is known is not listed.
func TestDecoderLearns(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"send_message_v2_req", "send_message_v1_req", "pull_message_req"} {
		for _, s := range []string{"JSON", "ROCKETMQ"} {
			d := trained(t, changed(t, name, s, 1))
			for i := range 10 {
				frame := changed(t, name, s, i)
				wantSame(t, d, frame)
				if !d.Knows(frame) {
					t.Errorf("%s, %s: number %d is read the long way", name, s, i)
				}
			}
		}
	}
}

// Two layouts of one length do not drive each other out, and one that is gone makes room.
func TestDecoderKeepsWhatComesAgain(t *testing.T) {
	t.Parallel()
	frame := func(topic, group string) []byte {
		return jsonFrame(`{"code":11,"extFields":{"consumerGroup":"` + group + `","topic":"` + topic + `"},"flag":0,"language":"JAVA","opaque":7,"version":493}`)
	}
	first, second := frame("T", strings.Repeat("g", 9)), frame(strings.Repeat("t", 9), "G")
	d := trained(t, first)
	var c protocol.Command
	for range 100 {
		for _, f := range [][]byte{first, second} {
			if err := d.Decode(f, &c); err != nil {
				t.Fatal(err)
			}
		}
		if !d.Knows(first) {
			t.Fatal("driven out by one that comes as often")
		}
	}
	for range 20 {
		if err := d.Decode(second, &c); err != nil {
			t.Fatal(err)
		}
	}
	if !d.Knows(second) {
		t.Error("what comes all the time is not learned")
	}
}

// A client with ever new lengths makes a decoder forget, not grow.
func TestDecoderForgets(t *testing.T) {
	t.Parallel()
	frame := func(n int) []byte {
		return jsonFrame(`{"code":11,"extFields":{"topic":"` + strings.Repeat("t", n) + `"},"flag":0,"language":"JAVA","opaque":7,"version":493}`)
	}
	d := trained(t, frame(0))
	for n := range 500 {
		var c protocol.Command
		for range 3 {
			if err := d.Decode(frame(n), &c); err != nil {
				t.Fatal(err)
			}
		}
	}
	if d.Knows(frame(0)) || d.Shapes() > 128 {
		t.Errorf("%d shapes are kept", d.Shapes())
	}
}

// What is read by a shape may be changed without touching the next command.
func TestDecodedFieldsAreTheirOwn(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"JSON", "ROCKETMQ"} {
		frame := changed(t, "send_message_v2_req", s, 1)
		change := map[string]func(*protocol.Fields){
			"set":     func(f *protocol.Fields) { f.Set("b", "another topic"); f.SetInt("new", 1) },
			"delete":  func(f *protocol.Fields) { f.Delete("i"); f.Delete("a") },
			"add":     func(f *protocol.Fields) { f.Add([]byte("b"), []byte("x")) },
			"compact": func(f *protocol.Fields) { f.Compact() },
		}
		for name, do := range change {
			d := trained(t, frame)
			var slow, fast protocol.Command
			if err := protocol.DecodeFrame(frame, &slow); err != nil {
				t.Fatal(err)
			}
			if err := d.Decode(frame, &fast); err != nil {
				t.Fatal(err)
			}
			do(&slow.Fields)
			do(&fast.Fields)
			if !slow.Fields.Equal(&fast.Fields) || slow.Fields.Len() != fast.Fields.Len() {
				t.Errorf("%s, %s: found %v, expected %v", name, s, &fast, &slow)
			}
			var kept protocol.Command
			fast.CopyTo(&kept)
			wantSame(t, d, frame)
			if !kept.Fields.Equal(&slow.Fields) {
				t.Errorf("%s, %s: the copy has %v, expected %v", name, s, &kept, &slow)
			}
		}
	}
}

// FuzzDecoder: a decoder that has read one frame reads any other as DecodeFrame does.
func FuzzDecoder(f *testing.F) {
	for _, g := range goldenFrames(f) {
		frame := unhex(f, g.Hex)[4:]
		f.Add(frame, frame)
	}
	f.Fuzz(func(t *testing.T, first, second []byte) { learnThenRead(t, first, second) })
}
