package remoting

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// ProxyHeader is what a load balancer told about the client with the PROXY protocol, version 1 or 2.
type ProxyHeader struct {
	Source, Destination netip.AddrPort    // not valid for health checks (LOCAL) and unknown families
	TLV                 map[string]string // proxy_protocol_tlv_0x<type> → value, ASCII ones only, as Java keeps them
}

const (
	proxyV1Max      = 107 // "PROXY TCP6 …" at its longest, with CR LF
	proxyV2Head     = 16
	proxyTLVKey     = "proxy_protocol_tlv_0x"
	proxyCommandAsk = 1 // PROXY; 0 is LOCAL
)

var (
	proxyV1Start = []byte("PROXY ")
	proxyV2Start = []byte("\r\n\r\n\x00\r\nQUIT\n")
)

// parseProxyHeader reads a header at the start of b. n is its length; n < 0 with no header and no error asks for more bytes;
// n == 0 says that b begins otherwise.
func parseProxyHeader(b []byte) (h *ProxyHeader, n int, err error) {
	switch {
	case bytes.HasPrefix(b, proxyV1Start):
		return parseProxyV1(b)
	case bytes.HasPrefix(b, proxyV2Start):
		return parseProxyV2(b)
	case bytes.HasPrefix(proxyV1Start, b) || bytes.HasPrefix(proxyV2Start, b):
		return nil, -1, nil
	}
	return nil, 0, nil
}

// parseProxyV1 reads `PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n` or `PROXY UNKNOWN …\r\n`.
func parseProxyV1(b []byte) (*ProxyHeader, int, error) {
	end := bytes.Index(b[:min(len(b), proxyV1Max)], []byte("\r\n"))
	if end < 0 {
		if len(b) >= proxyV1Max {
			return nil, 0, errors.New("PROXY v1 line without end")
		}
		return nil, -1, nil
	}
	words := strings.Split(string(b[:end]), " ")
	if len(words) >= 2 && words[1] == "UNKNOWN" {
		return &ProxyHeader{}, end + 2, nil
	}
	if len(words) != 6 || words[1] != "TCP4" && words[1] != "TCP6" {
		return nil, 0, fmt.Errorf("PROXY v1 line: expected TCP4 or TCP6 with two addresses and two ports, found %q", b[:end])
	}
	h := new(ProxyHeader)
	var err error
	if h.Source, err = proxyAddr(words[2], words[4]); err != nil {
		return nil, 0, err
	}
	if h.Destination, err = proxyAddr(words[3], words[5]); err != nil {
		return nil, 0, err
	}
	return h, end + 2, nil
}

func proxyAddr(host, port string) (netip.AddrPort, error) {
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("PROXY v1 line: %w", err)
	}
	p, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("PROXY v1 line: %w", err)
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(p)), nil
}

// parseProxyV2 reads the binary form.
//
//	0           12            13       14       16
//	+-----------+-------------+--------+--------+-------------------------------+------+
//	| signature | 2<<4 | cmd  | family | length | source, destination, 2 ports  | TLVs |   length counts what follows it
//	+-----------+-------------+--------+--------+-------------------------------+------+
func parseProxyV2(b []byte) (*ProxyHeader, int, error) {
	if len(b) < proxyV2Head {
		return nil, -1, nil
	}
	version, command, family := b[12]>>4, b[12]&0xf, b[13]>>4
	if version != 2 || command > proxyCommandAsk {
		return nil, 0, fmt.Errorf("PROXY v2 header: expected version 2 and command 0 or 1, found 0x%02x", b[12])
	}
	end := proxyV2Head + int(binary.BigEndian.Uint16(b[14:]))
	if len(b) < end {
		return nil, -1, nil
	}
	h := new(ProxyHeader)
	rest := b[proxyV2Head:end]
	size := map[byte]int{1: 4, 2: 16}[family] // IPv4, IPv6
	switch {
	case size > 0:
		if len(rest) < 2*size+4 {
			return nil, 0, fmt.Errorf("PROXY v2 header: expected %d bytes of addresses, found %d", 2*size+4, len(rest))
		}
		if command == proxyCommandAsk {
			h.Source = proxyV2Addr(rest, 0, size)
			h.Destination = proxyV2Addr(rest, 1, size)
		}
		rest = rest[2*size+4:]
	case family == 3: // UNIX: two paths of 108 bytes
		rest = rest[min(216, len(rest)):]
	default:
		rest = nil
	}
	h.TLV = proxyTLVs(rest)
	return h, end, nil
}

func proxyV2Addr(b []byte, i, size int) netip.AddrPort {
	addr, _ := netip.AddrFromSlice(b[i*size : (i+1)*size]) // size is 4 or 16
	return netip.AddrPortFrom(addr.Unmap(), binary.BigEndian.Uint16(b[2*size+2*i:]))
}

// proxyTLVs keeps the additions with ASCII values; a torn one ends the list, as it carries nothing that we need.
func proxyTLVs(b []byte) map[string]string {
	var m map[string]string
	for len(b) >= 3 {
		n := int(binary.BigEndian.Uint16(b[1:]))
		if len(b) < 3+n {
			break
		}
		if v := b[3 : 3+n]; n > 0 && isASCII(v) {
			if m == nil {
				m = make(map[string]string)
			}
			m[proxyTLVKey+fmt.Sprintf("%02x", b[0])] = string(v)
		}
		b = b[3+n:]
	}
	return m
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c < 0x20 || c > 0x7e {
			return false
		}
	}
	return true
}
