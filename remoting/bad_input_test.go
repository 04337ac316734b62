package remoting

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// frameOf builds a frame whose lengths are what it is told.
func frameOf(length int32, kind byte, headerLength int, rest []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(length))
	b = binary.BigEndian.AppendUint32(b, uint32(kind)<<24|uint32(headerLength)&0xffffff)
	return append(b, rest...)
}

func jsonFrame(header string) []byte {
	return frameOf(int32(4+len(header)), 0, len(header), []byte(header))
}

// binaryFrame is a request 34 in the binary form with a remark length and a map written by the caller.
func binaryFrame(remarkLength int32, remark string, mapLength int32, entries []byte) []byte {
	h := []byte{0, 34, 9, 1, 0xdb}
	h = binary.BigEndian.AppendUint32(h, 7) // opaque
	h = binary.BigEndian.AppendUint32(h, 0) // flag
	h = binary.BigEndian.AppendUint32(h, uint32(remarkLength))
	h = append(h, remark...)
	h = binary.BigEndian.AppendUint32(h, uint32(mapLength))
	h = append(h, entries...)
	return frameOf(int32(4+len(h)), 1, len(h), h)
}

func entry(keyLength int, key string, valueLength int32, value string) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(keyLength))
	b = append(b, key...)
	b = binary.BigEndian.AppendUint32(b, uint32(valueLength))
	return append(b, value...)
}

// closes sends bytes and wants the connection closed without an answer.
func closes(b []byte) func(*testing.T, *rig, *wire) {
	return func(_ *testing.T, _ *rig, w *wire) {
		w.send(b)
		w.expectClosed()
	}
}

// answers sends a frame and wants opaque 7 answered; the connection stays.
func answers(b []byte, c code.Response, remark string) func(*testing.T, *rig, *wire) {
	return func(_ *testing.T, _ *rig, w *wire) {
		w.send(b)
		w.expect(7, c, remark)
		w.send(request(code.HeartBeat, 8, "after"))
		w.expect(8, code.Success, "")
	}
}

func ext(fields string) []byte {
	return jsonFrame(`{"code":34,"flag":0,"language":"JAVA","opaque":7,"version":475,"extFields":{` + fields + `}}`)
}

// headerWith is a header one of whose numbers is written as told.
func headerWith(name, value string) []byte {
	members := map[string]string{"code": `34`, "flag": `0`, "version": `475`, "opaque": `7`}
	members[name] = value
	var b strings.Builder
	for _, n := range []string{"code", "flag", "version", "opaque"} {
		fmt.Fprintf(&b, `"%s":%s,`, n, members[n])
	}
	return jsonFrame(`{` + b.String() + `"language":"JAVA"}`)
}

type badRow struct {
	name string
	try  func(*testing.T, *rig, *wire)
}

// TestBadInput is list 7 of the robustness notes, numbers 1 to 28: no crash, no leak, the right error or a close, and then a good client still works.
func TestBadInput(t *testing.T) {
	t.Parallel()
	heart := request(code.HeartBeat, 7, "b")
	many := func(n int) string { // ext fields
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"k%d":"v",`, i)
		}
		return strings.TrimSuffix(b.String(), ",")
	}
	maxBody := protocol.FrameMaxLength - len(request(code.HeartBeat, 7, ""))
	rows := []badRow{
		{"1 length 0", closes(make([]byte, 8))},
		{"2 length 3", closes(frameOf(3, 0, 0, nil))},
		{"3 length -1", closes(frameOf(-1, 0, 0, nil))},
		{"4 length 0x7fffffff", closes(frameOf(0x7fffffff, 0, 0, nil))},
		{"5 16 MiB exactly", func(_ *testing.T, _ *rig, w *wire) {
			go func() {
				_, _ = w.Write(request(code.GetAllTopicConfig, 7, "\x00\x00\x00\x05"+strings.Repeat("x", maxBody-4)))
			}()
			w.expect(7, code.Success, "")
		}},
		{"5 16 MiB + 1", closes(binary.BigEndian.AppendUint32(nil, protocol.FrameMaxLength-3))},
		{"6 header longer than frame", closes(frameOf(20, 0, 17, make([]byte, 16)))},
		{"7 header length 0", closes(frameOf(4, 0, 0, nil))},
		{"8 serialize type 2", closes(frameOf(20, 2, 16, make([]byte, 16)))},
		{"8 serialize type 255", closes(frameOf(20, 255, 16, make([]byte, 16)))},
		{"9 cut at every byte, then close", func(t *testing.T, r *rig, _ *wire) {
			for i := range heart {
				c := r.dial(t)
				c.send(heart[:i])
				_ = c.Close()
			}
		}},
		{"10 one byte a segment", func(_ *testing.T, _ *rig, w *wire) {
			for i := range heart {
				w.send(heart[i : i+1])
			}
			w.expect(7, code.Success, "")
		}},
		{"11 1,000 frames in one segment", func(_ *testing.T, _ *rig, w *wire) {
			w.send(bytes.Repeat(heart, 1000))
			for range 1000 {
				w.expect(7, code.Success, "")
			}
		}},
		{"12 ClientHello with TLS disabled", closes([]byte("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"))},
		{"13 HTTP", closes([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))},
		{"13 RESP", closes([]byte("*1\r\n$4\r\nPING\r\n"))},
		{"13 Kafka", closes([]byte("\x00\x00\x00\x14\x00\x12\x00\x03\x00\x00\x00\x01\x00\x04test\x00\x02a\x02b\x00"))},
		{"13 SSH", closes([]byte("SSH-2.0-OpenSSH_9.6\r\n"))},
		{"14 half-close, then wait", func(_ *testing.T, _ *rig, w *wire) {
			w.send(heart)
			_ = w.Conn.(*net.TCPConn).CloseWrite()
			w.expect(7, code.Success, "")
		}},
		{"15 RST mid-frame", func(_ *testing.T, _ *rig, w *wire) {
			w.send(heart[:len(heart)-1])
			_ = w.Conn.(*net.TCPConn).SetLinger(0)
			_ = w.Close()
		}},
		{"16 response with unknown opaque", func(_ *testing.T, _ *rig, w *wire) {
			stray := protocol.NewResponse(code.Success, "")
			stray.Opaque = 4711
			w.send(append(protocol.AppendFrame(nil, stray), heart...))
			w.expect(7, code.Success, "")
		}},
		{"17 one-way flag on a request that answers", func(_ *testing.T, _ *rig, w *wire) {
			w.send(append(oneWay(code.HeartBeat, 6, "b"), heart...))
			w.expect(7, code.Success, "")
		}},
		{"18 duplicate opaque in flight", func(t *testing.T, r *rig, w *wire) {
			w.send(append(request(code.PullMessage, 7, ""), heart...))
			w.expect(7, code.Success, "")
			if err := (<-r.held).Reply(protocol.NewResponse(code.PullNotFound, "")); err != nil {
				t.Error(err)
			}
			w.expect(7, code.PullNotFound, "")
		}},
		{"19 negative opaque", func(_ *testing.T, _ *rig, w *wire) {
			w.send(request(code.HeartBeat, -2147483648, ""))
			w.expect(-2147483648, code.Success, "")
		}},
		{"20 JSON depth 10,000", closes(jsonFrame(`{"code":34,"x":` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + `,"opaque":7}`))},
		{"21 1e6 ext fields", closes(ext(many(1_000_000)))},
		{"22 key of 64 KiB", answers(ext(`"`+strings.Repeat("k", 65536)+`":"v"`), code.Success, "")},
		{"23 invalid UTF-8", answers(ext("\"k\":\"\xff\xfe\xc0\""), code.Success, "")},
		{"23 lone surrogate", answers(ext(`"k":"\ud800"`), code.Success, "")},
		{"23 NUL", answers(ext(`"k":"\u0000"`), code.Success, "")},
		{"24 negative remark length", closes(binaryFrame(-5, "", 0, nil))},
		{"24 ext fields longer than the rest", closes(binaryFrame(0, "", 1000, nil))},
		{"24 key length 65535", closes(binaryFrame(0, "", 10, entry(65535, "k", 1, "v")))},
		{"24 value length 0x7fffffff", closes(binaryFrame(0, "", 8, entry(1, "k", 0x7fffffff, "v")))},
		{"25 missing required field", answers(request(code.GetConsumerListByGroup, 7, ""), code.SystemError, "the custom field <consumerGroup> is null")},
		{"27 code 32767", answers(request(code.Request(32767), 7, ""), code.RequestCodeNotSupported, " request type 32767 not supported")},
		{"27 code -1", answers(request(code.Request(-1), 7, ""), code.RequestCodeNotSupported, " request type -1 not supported")},
		{"28 language byte 255, version 32767", func(_ *testing.T, _ *rig, w *wire) {
			b := binaryFrame(0, "", 0, nil)
			b[10], b[11], b[12] = 255, 0x7f, 0xff
			w.send(b)
			w.expect(7, code.Success, "")
		}},
		{"28 unknown language name, version 0", answers(jsonFrame(`{"code":34,"language":"COBOL","opaque":7,"version":0}`), code.Success, "")},
	}
	for _, name := range []string{"code", "flag", "version", "opaque"} { // 26, in the header itself; those of ext fields are the header package's matter
		for _, bad := range []string{`abc`, `"abc"`, `" 1"`, `1e3`, `"1e3"`, `2147483648`, `9223372036854775808`, `"9223372036854775808"`, `""`, `-`} {
			rows = append(rows, badRow{"26 " + name + " " + bad, closes(headerWith(name, bad))})
		}
	}
	for name, odd := range map[string]string{"opaque": ` 7`, "code": `"34"`, "flag": `null`, "version": `"-1"`} { // numbers all the same
		rows = append(rows, badRow{"26 " + name + " " + odd, answers(headerWith(name, odd), code.Success, "")})
	}
	r := serve(t, func(c *Config) { c.TLSServerMode = tlsDisabled })
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := r.dial(t)
			row.try(t, r, w)
			_ = w.Close()
			r.alive(t)
		})
	}
	await(t, "nothing left behind", func() bool {
		s := r.srv.Stats()
		return s.Connections == 0 && s.PartialBytes == 0 && s.PendingBytes == 0 && s.LaneBytes == 0
	})
	if n := r.srv.Stats().Panics; n != 0 {
		t.Errorf("%d panics", n)
	}
}

// TestCodesWithoutARow is number 27 to its end: every code that no row answers, whether it has a name or not.
func TestCodesWithoutARow(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	w := r.dial(t)
	rows := make(map[code.Request]bool)
	for _, route := range r.routes() {
		rows[route.Code] = true
	}
	list := []code.Request{math.MinInt32, math.MinInt16, math.MaxInt16 + 1, math.MaxUint16, math.MaxUint16 + 1, math.MaxInt32}
	for c := code.Request(-1); c <= math.MaxInt16; c++ { // what a binary header can say
		if !rows[c] {
			list = append(list, c)
		}
	}
	for some := range slices.Chunk(list, 64) {
		var all []byte
		for _, c := range some {
			all = append(all, request(c, int32(c), "")...)
		}
		w.send(all)
		for _, c := range some {
			w.expect(int32(c), code.RequestCodeNotSupported, fmt.Sprintf(" request type %d not supported", c))
		}
	}
}

// A lie about the length costs nothing until bytes arrive.
func TestClaimedLengthCostsNothing(t *testing.T) {
	_, _, c, turn := bare(t)
	if err := turn.receive(c, frameOf(protocol.FrameMaxLength-4, 0, 100, []byte("{"))); err != nil {
		t.Fatal(err)
	}
	if n := c.cutter.Pending(); n != 9 {
		t.Errorf("%d bytes held", n)
	}
	if n := testing.AllocsPerRun(10, func() { _ = turn.receive(c, []byte("x")) }); n > 1 {
		t.Errorf("%.0f allocations a byte", n)
	}
}

// Memory for the fields of a monstrous request is not kept.
func TestMonstersAreForgotten(t *testing.T) {
	t.Parallel()
	_, _, c, turn := bare(t)
	if err := turn.receive(c, request(code.HeartBeat, 1, "")); err != nil {
		t.Fatal(err)
	}
	kept := turn.reqs[0]
	if err := turn.receive(c, ext(`"k":"`+strings.Repeat(`\n`, 20_000)+`"`)); err != nil {
		t.Fatal(err)
	}
	if turn.reqs[0] == kept {
		t.Error("the request with 40 KB of escapes is used again")
	}
}
