package remoting

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"

	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

func proxyV2(command, family byte, rest ...[]byte) []byte {
	b := append([]byte(nil), proxyV2Start...)
	all := bytes.Join(rest, nil)
	b = append(b, 0x20|command, family)
	b = binary.BigEndian.AppendUint16(b, uint16(len(all)))
	return append(b, all...)
}

var (
	v4Addresses = []byte{192, 0, 2, 1, 198, 51, 100, 2, 0x30, 0x39, 0x2a, 0x9f}
	vpcTLV      = append([]byte{0xea, 0, 4}, "\x01vpc"...)
	textTLV     = append([]byte{0xe0, 0, 5}, "vpc-1"...)
)

func TestProxyHeader(t *testing.T) {
	t.Parallel()
	v6 := append(bytes.Repeat([]byte{0x20, 0x01}, 16), 0, 80, 0, 81)
	rows := []struct {
		name   string
		in     []byte
		source string // "" none
		n      int    // -1: more, -2: error
		tlv    string
	}{
		{"v1 TCP4", []byte("PROXY TCP4 192.0.2.1 198.51.100.2 12345 10911\r\nrest"), "192.0.2.1:12345", 47, ""},
		{"v1 TCP6", []byte("PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n"), "[2001:db8::1]:1", 40, ""},
		{"v1 UNKNOWN", []byte("PROXY UNKNOWN ffff::1 a b c\r\n"), "", 29, ""},
		{"v1 half", []byte("PROXY TCP4 192.0"), "", -1, ""},
		{"v1 prefix", []byte("PRO"), "", -1, ""},
		{"v1 without end", []byte("PROXY " + strings.Repeat("x", 200)), "", -2, ""},
		{"v1 bad port", []byte("PROXY TCP4 192.0.2.1 198.51.100.2 99999 1\r\n"), "", -2, ""},
		{"v1 bad address", []byte("PROXY TCP4 host 198.51.100.2 9 1\r\n"), "", -2, ""},
		{"v1 bad words", []byte("PROXY UDP4 192.0.2.1\r\n"), "", -2, ""},
		{"v2 IPv4", proxyV2(1, 0x11, v4Addresses), "192.0.2.1:12345", 28, ""},
		{"v2 IPv4 with TLVs", proxyV2(1, 0x11, v4Addresses, vpcTLV, textTLV), "192.0.2.1:12345", 43, "vpc-1"},
		{"v2 torn TLV", proxyV2(1, 0x11, v4Addresses, textTLV[:6]), "192.0.2.1:12345", 34, ""},
		{"v2 IPv6", proxyV2(1, 0x21, v6), "[2001:2001:2001:2001:2001:2001:2001:2001]:80", 52, ""},
		{"v2 LOCAL", proxyV2(0, 0x00), "", 16, ""},
		{"v2 UNIX", proxyV2(1, 0x31, make([]byte, 216), textTLV), "", 240, "vpc-1"},
		{"v2 half", proxyV2(1, 0x11, v4Addresses)[:20], "", -1, ""},
		{"v2 prefix", proxyV2Start[:5], "", -1, ""},
		{"v2 bad command", proxyV2(7, 0x11, v4Addresses), "", -2, ""},
		{"v2 short addresses", proxyV2(1, 0x11, v4Addresses[:8]), "", -2, ""},
		{"a frame", request(code.HeartBeat, 1, ""), "", 0, ""},
		{"TLS", []byte{0x16, 3, 1}, "", 0, ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			h, n, err := parseProxyHeader(row.in)
			if err != nil {
				n = -2
			}
			if n != row.n {
				t.Fatalf("n = %d (%v), want %d", n, err, row.n)
			}
			if (h != nil) != (n > 0) {
				t.Fatalf("header %v with n = %d", h, n)
			}
			if h == nil {
				return
			}
			if row.source != "" && h.Source != netip.MustParseAddrPort(row.source) || row.source == "" && h.Source.IsValid() {
				t.Errorf("source %s, want %q", h.Source, row.source)
			}
			if h.TLV["proxy_protocol_tlv_0xe0"] != row.tlv || h.TLV["proxy_protocol_tlv_0xea"] != "" {
				t.Errorf("TLVs %v", h.TLV)
			}
		})
	}
}

func FuzzProxyHeader(f *testing.F) {
	f.Add([]byte("PROXY TCP4 192.0.2.1 198.51.100.2 12345 10911\r\nrest"))
	f.Add(proxyV2(1, 0x11, v4Addresses, vpcTLV, textTLV))
	f.Add(proxyV2(1, 0x31, make([]byte, 216), textTLV))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, n, err := parseProxyHeader(b)
		if n > len(b) || err != nil && h != nil || (n > 0) != (h != nil) {
			t.Fatalf("%v, %d, %v for %d bytes", h, n, err, len(b))
		}
	})
}

func TestProxiedConnections(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	for name, head := range map[string][]byte{
		"v1": []byte("PROXY TCP4 192.0.2.1 198.51.100.2 12345 10911\r\n"),
		"v2": proxyV2(1, 0x11, v4Addresses, textTLV),
	} {
		t.Run(name, func(t *testing.T) {
			for _, cut := range []int{0, 1, 5, 20, len(head)} { // before, within and right after the header
				w := r.dial(t)
				all := append(bytes.Clone(head), request(code.PullMessage, 1, "")...)
				w.send(all[:cut])
				w.send(all[cut:])
				h := <-r.held
				if got := h.Conn.RemoteAddr().String(); got != "192.0.2.1:12345" {
					t.Errorf("cut %d: remote %s", cut, got)
				}
				if h.Conn.Proxy() == nil {
					t.Error("no header kept")
				}
				if err := h.ReplyFrame(replyTo(h)); err != nil {
					t.Error(err)
				}
				w.expect(1, code.Success, "")
				_ = w.Close()
			}
		})
	}
	w := r.dial(t)
	w.send([]byte("PROXY TCP4 nonsense\r\n"))
	w.expectClosed()
}

// One byte at a time, the slowest sender: the header is still found, and the frame after it.
func TestProxyHeaderDrips(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	w := r.dial(t)
	for _, b := range append(proxyV2(1, 0x11, v4Addresses), request(code.HeartBeat, 1, "x")...) {
		w.send([]byte{b})
	}
	w.expect(1, code.Success, "")
}

// A header that does not end is held in memory as a frame that does not, and within the same bound.
func TestUnfinishedProxyHeadersAreBounded(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *Config) { c.MaxPartialBytes = 100_000 })
	header := proxyV2(1, 0x11, v4Addresses, make([]byte, 65_000))
	held := func(n int) {
		t.Helper()
		await(t, "so much is held", func() bool { return r.srv.Stats().PartialBytes == int64(n) })
	}
	first, gone := r.dial(t), r.dial(t)
	first.send(header[:60_000])
	held(60_000)
	gone.send(header[:30_000])
	held(90_000)
	_ = gone.Close()
	held(60_000)
	second := r.dial(t)
	_, _ = second.Write(header[:60_000]) // may be reset on the way
	second.expectClosed()
	held(60_000)
	first.send(header[60_000:])
	held(0)
	first.send(request(code.HeartBeat, 1, "")[:10])
	held(10)
	first.send(request(code.HeartBeat, 1, "")[10:])
	first.expect(1, code.Success, "")
	held(0)

	overTLS := r.dial(t)
	overTLS.send(header[:60_000])
	held(60_000)
	overTLS.send(append(header[60_000:], firstOfTLS))
	held(0)
}
