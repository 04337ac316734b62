package protocol_test

import (
	"encoding/binary"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/skylarkmq/skylark/remoting/protocol"
)

// binaryFrame is a frame, without its length field, around a binary header with this remark length, remark, entries length and entries.
func binaryFrame(remarkLen int32, remark string, mapLen int32, entries string) []byte {
	h := []byte{0, 10, 0, 1, 0xed, 0, 0, 0, 7, 0, 0, 0, 2}
	h = binary.BigEndian.AppendUint32(h, uint32(remarkLen))
	h = append(h, remark...)
	h = binary.BigEndian.AppendUint32(h, uint32(mapLen))
	h = append(h, entries...)
	return append([]byte{1, byte(len(h) >> 16), byte(len(h) >> 8), byte(len(h))}, h...)
}

func entry(key, value string) string {
	b := binary.BigEndian.AppendUint16(nil, uint16(len(key)))
	b = append(b, key...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(value)))
	return string(append(b, value...))
}

func TestBinaryHeader(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name, entries string
		want          map[string]string
	}{
		{"none", "", nil},
		{"two", entry("a", "1") + entry("b", "值"), map[string]string{"a": "1", "b": "值"}},
		{"the last duplicate wins", entry("a", "1") + entry("b", "2") + entry("a", "3"), map[string]string{"a": "3", "b": "2"}},
		{"an empty value is null", entry("a", "") + entry("b", "2"), map[string]string{"b": "2"}},
		{"a later null hides", entry("a", "1") + entry("a", ""), nil},
		{"an empty name is null", entry("", "1") + entry("b", "2"), map[string]string{"b": "2"}},
		{"broken UTF-8", entry("\xffk", "v\xe4\xb8"), map[string]string{"\uFFFDk": "v\uFFFD"}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			var c protocol.Command
			if err := protocol.DecodeFrame(binaryFrame(2, "hi", int32(len(r.entries)), r.entries), &c); err != nil {
				t.Fatal(err)
			}
			if c.Code != 10 || c.Version != 493 || c.Opaque != 7 || !c.IsOneWay() || c.Remark != "hi" {
				t.Errorf("found %v", &c)
			}
			c.Fields.Compact()
			if got := fieldMap(&c.Fields); !maps.Equal(got, r.want) {
				t.Errorf("ext fields (-expected +found):\n%s", cmp.Diff(r.want, got))
			}
		})
	}
}

func TestBinaryHeaderRefused(t *testing.T) {
	t.Parallel()
	one := entry("key", "value")
	rows := map[string][]byte{
		"negative remark":     binaryFrame(-1, "", 0, ""),
		"remark too long":     binaryFrame(5, "", 0, ""),
		"huge remark":         binaryFrame(0x7FFFFFFF, "", 0, ""),
		"negative map":        binaryFrame(0, "", -1, ""),
		"map too long":        binaryFrame(0, "", int32(len(one)+1), one),
		"name beyond the map": binaryFrame(0, "", 4, "\x00\x09ab"),
		"negative name":       binaryFrame(0, "", 8, "\xff\xffabcdef"),
		"stray byte":          binaryFrame(0, "", int32(len(one)+1), one+"\x00"),
		"no value length":     binaryFrame(0, "", 5, "\x00\x01a\x00\x00"),
		"negative value":      binaryFrame(0, "", 7, "\x00\x01a\xff\xff\xff\xff"),
		"value beyond map":    binaryFrame(0, "", 8, "\x00\x01a\x00\x00\x00\x02x"),
		"too many entries":    binaryFrame(0, "", int32(1025*len(one)), strings.Repeat(one, 1025)),
		"too many nulls":      binaryFrame(0, "", int32(1025*7), strings.Repeat(entry("k", ""), 1025)),
		"short header":        {1, 0, 0, 3, 1, 2, 3},
		"no header":           {1, 0, 0, 0},
		"unknown type":        {2, 0, 0, 2, '{', '}'},
		"header beyond frame": {0, 0, 0, 3, '{', '}'},
		"nothing":             {},
		"three bytes":         {0, 0, 0},
	}
	for name, frame := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var c protocol.Command
			if err := protocol.DecodeFrame(frame, &c); !errors.Is(err, protocol.ErrHeader) {
				t.Errorf("found %v (%v), expected ErrHeader", err, &c)
			}
		})
	}
}

// POP codes do not fit 16 bits; the vector is what the Java encoder writes and its decoder reads.
func TestBinaryCodeTruncation(t *testing.T) {
	t.Parallel()
	frame := protocol.AppendFrame(nil, &protocol.Command{Code: 200050, Serialize: protocol.RocketMQ})
	if got := binary.BigEndian.Uint16(frame[8:]); got != 0x0d72 {
		t.Errorf("on the wire: found %04x, expected 0d72", got)
	}
	var c protocol.Command
	if err := protocol.DecodeFrame(frame[4:], &c); err != nil || c.Code != 3442 {
		t.Errorf("found code %d, %v, expected 3442", c.Code, err)
	}
}

func TestHeaderTooLongToSend(t *testing.T) {
	t.Parallel()
	c := protocol.NewResponse(0, strings.Repeat("\x01", 3<<20)) // six times as long in JSON
	c.Opaque = 5
	var back protocol.Command
	if err := protocol.DecodeFrame(protocol.AppendFrame(nil, c)[4:], &back); err != nil {
		t.Fatal(err)
	}
	if back.Code != 1 || back.Opaque != 5 || !back.IsResponse() || back.Remark == "" {
		t.Errorf("found %v, expected a SYSTEM_ERROR with the same opaque", &back)
	}
}
