package protocol_test

import (
	"testing"

	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/header"
)

// Sends, pulls and their answers must not allocate: this is the path of every message.
func TestNoAllocations(t *testing.T) {
	for _, serialize := range []string{"JSON", "ROCKETMQ"} {
		send := goldenFrameNamed(t, "send_message_v2_req", serialize)
		sendV1 := goldenFrameNamed(t, "send_message_v1_req", serialize)
		pull := goldenFrameNamed(t, "pull_message_req", serialize)
		var c protocol.Command
		var hSend header.SendMessage
		var hPull header.PullMessage
		out := make([]byte, 0, 4096)
		sent := &header.SendMessageResponse{MsgId: []byte("7F00000100002A9F0000000000000123"), QueueId: 2, QueueOffset: 17}
		pulled := &header.PullMessageResponse{NextBeginOffset: 101, MaxOffset: 101}
		counted := &header.GetMaxOffsetResponse{Offset: 5}
		runs := map[string]func() error{
			"send": func() error {
				if err := protocol.DecodeFrame(send, &c); err != nil {
					return err
				}
				return hSend.DecodeV2Fields(&c.Fields)
			},
			"send V1": func() error {
				if err := protocol.DecodeFrame(sendV1, &c); err != nil {
					return err
				}
				return header.Decode(&c.Fields, &hSend)
			},
			"pull": func() error {
				if err := protocol.DecodeFrame(pull, &c); err != nil {
					return err
				}
				return header.Decode(&c.Fields, &hPull)
			},
			"answer to a send": func() error {
				c.Reset()
				c.Fields.Set("MSG_REGION", "DefaultRegion")
				c.Fields.SetBool("TRACE_ON", true)
				c.Header = sent
				out = protocol.AppendFrame(out[:0], &c)
				return nil
			},
			"answer to a pull": func() error {
				c.Reset()
				c.Header = pulled
				out = protocol.AppendFrame(out[:0], &c)
				return nil
			},
			"answer by tags": func() error {
				c.Reset()
				c.Header = counted
				out = protocol.AppendFrame(out[:0], &c)
				return nil
			},
		}
		for name, run := range runs {
			if n := testing.AllocsPerRun(100, func() {
				if err := run(); err != nil {
					t.Error(err)
				}
			}); n != 0 {
				t.Errorf("%s, %s: found %v allocations, expected 0", name, serialize, n)
			}
		}
	}
}

func benchmarkDecode(b *testing.B, name, serialize string) {
	frame := goldenFrameNamed(b, name, serialize)
	var c protocol.Command
	b.ReportAllocs()
	for b.Loop() {
		if err := protocol.DecodeFrame(frame, &c); err != nil {
			b.Fatal(err)
		}
	}
}

// benchmarkDecoder decodes frames that differ in their opaque number and their queue.
func benchmarkDecoder(b *testing.B, name, serialize string) {
	var frames [4][]byte
	for i := range frames {
		frames[i] = changed(b, name, serialize, i)
	}
	var d protocol.Decoder
	var c protocol.Command
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := d.Decode(frames[i%len(frames)], &c); err != nil {
			b.Fatal(err)
		}
	}
}

// changed is a recorded frame with another opaque number and queue.
func changed(t testing.TB, name, serialize string, i int) []byte {
	t.Helper()
	var c protocol.Command
	if err := protocol.DecodeFrame(goldenFrameNamed(t, name, serialize), &c); err != nil {
		t.Fatal(err)
	}
	c.Opaque = int32(i % 10)
	queue := "queueId"
	if _, ok := c.Fields.Get("e"); ok {
		queue = "e"
	}
	c.Fields.SetInt(queue, int64(i%10))
	return protocol.AppendFrame(nil, &c)[4:]
}

func BenchmarkDecoderSendV2JSON(b *testing.B) { benchmarkDecoder(b, "send_message_v2_req", "JSON") }
func BenchmarkDecoderSendV2Binary(b *testing.B) {
	benchmarkDecoder(b, "send_message_v2_req", "ROCKETMQ")
}
func BenchmarkDecoderPullJSON(b *testing.B) { benchmarkDecoder(b, "pull_message_req", "JSON") }

func BenchmarkDecodeSendV2JSON(b *testing.B)   { benchmarkDecode(b, "send_message_v2_req", "JSON") }
func BenchmarkDecodeSendV2Binary(b *testing.B) { benchmarkDecode(b, "send_message_v2_req", "ROCKETMQ") }
func BenchmarkDecodePullJSON(b *testing.B)     { benchmarkDecode(b, "pull_message_req", "JSON") }
func BenchmarkDecodePullBinary(b *testing.B)   { benchmarkDecode(b, "pull_message_req", "ROCKETMQ") }

func BenchmarkSendV2Header(b *testing.B) {
	var c protocol.Command
	if err := protocol.DecodeFrame(goldenFrameNamed(b, "send_message_v2_req", "JSON"), &c); err != nil {
		b.Fatal(err)
	}
	var h header.SendMessage
	b.ReportAllocs()
	for b.Loop() {
		if err := h.DecodeV2Fields(&c.Fields); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPullHeader(b *testing.B) {
	var c protocol.Command
	if err := protocol.DecodeFrame(goldenFrameNamed(b, "pull_message_req", "JSON"), &c); err != nil {
		b.Fatal(err)
	}
	var h header.PullMessage
	b.ReportAllocs()
	for b.Loop() {
		if err := h.DecodeFields(&c.Fields); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHeaderByTags(b *testing.B) {
	var c protocol.Command
	if err := protocol.DecodeFrame(goldenFrameNamed(b, "query_consumer_offset_req", "JSON"), &c); err != nil {
		b.Fatal(err)
	}
	var h header.QueryConsumerOffset
	b.ReportAllocs()
	for b.Loop() {
		if err := header.Decode(&c.Fields, &h); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkSendAnswer(b *testing.B, s protocol.SerializeType) {
	h := &header.SendMessageResponse{MsgId: []byte("7F00000100002A9F0000000000000123"), QueueId: 2, QueueOffset: 17}
	c := protocol.Command{Flag: 1, Opaque: 77, Version: protocol.CurrentVersion, Serialize: s, Header: h}
	c.Fields.Set("MSG_REGION", "DefaultRegion")
	c.Fields.SetBool("TRACE_ON", true)
	out := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		out = protocol.AppendFrame(out[:0], &c)
	}
}

func BenchmarkSendAnswerJSON(b *testing.B)   { benchmarkSendAnswer(b, protocol.JSON) }
func BenchmarkSendAnswerBinary(b *testing.B) { benchmarkSendAnswer(b, protocol.RocketMQ) }

func BenchmarkCutter(b *testing.B) {
	frame := frameOf(goldenFrameNamed(b, "send_message_v2_req", "JSON"))
	var burst []byte
	for range 64 {
		burst = append(burst, frame...)
	}
	var c protocol.Cutter
	n := 0
	count := func([]byte) error { n++; return nil }
	b.ReportAllocs()
	for b.Loop() {
		if c.Feed(burst[:len(burst)-100], count) != nil || c.Feed(burst[len(burst)-100:], count) != nil {
			b.Fatal("refused")
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/frame")
}
