package remoting

import (
	"errors"
	"fmt"
)

// verdict on the first bytes of a connection.
type verdict int

const (
	needMore verdict = iota
	startsFrame
	startsTLS
)

const firstOfTLS = 0x16 // the handshake record

// sniff reads the first bytes: a PROXY header, then TLS or a frame. It waits for more only while what has come is still the beginning
// of a PROXY header, which counts among the unfinished frames, and returns what follows it.
func (s *Server) sniff(c *Conn, data []byte) (rest []byte, v verdict, err error) {
	if len(c.early) > 0 {
		c.early = append(c.early, data...)
		data = c.early
	}
	if c.proxy.Load() == nil {
		header, n, err := parseProxyHeader(data)
		if err != nil {
			return nil, needMore, err
		}
		if header == nil && n < 0 {
			if len(c.early) == 0 {
				c.early = append(c.early, data...)
			}
			return nil, needMore, c.holdPartial(len(c.early), false)
		}
		if header != nil {
			c.proxy.Store(header)
			data = data[n:]
		}
	}
	c.early = nil
	_ = c.holdPartial(0, false) // refuses only what grows
	if len(data) == 0 {
		return nil, needMore, nil
	}
	c.sniffed = true
	isTLS := data[0] == firstOfTLS
	switch {
	case isTLS && s.tls == nil:
		return nil, needMore, errors.New("TLS is disabled (tls.server.mode)")
	case isTLS:
		return data, startsTLS, nil
	case s.cfg.TLSServerMode == tlsEnforcing:
		return nil, needMore, fmt.Errorf("only TLS is served (tls.server.mode): first byte 0x%02x", data[0])
	}
	return data, startsFrame, nil
}
