package harness

import (
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// Request codes the tests speak themselves, without a client library.
const (
	CodeGetRouteInfo   = 105
	CodeGetClusterInfo = 106
)

// answerLimit is how long a server may take to accept a connection, to answer, or to tell something.
const answerLimit = 20 * time.Second

// maxFrame bounds what a reply may claim to be.
const maxFrame = 16 << 20

// Command is the header of a frame in its JSON form, with the body beside it.
type Command struct {
	Code      int               `json:"code"`
	Language  string            `json:"language"`
	Version   int               `json:"version"`
	Opaque    int32             `json:"opaque"`
	Flag      int               `json:"flag"`
	Remark    string            `json:"remark,omitempty"`
	ExtFields map[string]string `json:"extFields,omitempty"`
	Serialize string            `json:"serializeTypeCurrentRPC"`
	Body      []byte            `json:"-"`
}

var opaque atomic.Int32

// Call sends one request over a connection of its own and returns the reply.
//
//	0        4            8                 8+n          frame: total length (after itself), header length with the
//	+--------+------------+-----------------+------+     serialization in its top byte (0 = JSON), header, body
//	| length | 0 | header | header (JSON)   | body |
//	+--------+------------+-----------------+------+
func Call(addr string, code int, fields map[string]string, overTLS bool) (*Command, error) {
	return CallBody(addr, code, fields, nil, overTLS)
}

// CallBody is Call with a body.
func CallBody(addr string, code int, fields map[string]string, body []byte, overTLS bool) (*Command, error) {
	dialer := &net.Dialer{Timeout: answerLimit}
	var conn net.Conn
	var err error
	if overTLS {
		// Both servers make themselves a certificate when none is configured: there is nothing to verify it against.
		conn, err = tls.DialWithDialer(dialer, "tcp", addr, &tls.Config{InsecureSkipVerify: true})
	} else {
		conn, err = dialer.Dial("tcp", addr)
	}
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(answerLimit)); err != nil {
		return nil, err
	}
	request := Command{Code: code, Language: "GO", Version: 497, Opaque: opaque.Add(1), ExtFields: fields, Serialize: "JSON"}
	header, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	frame := binary.BigEndian.AppendUint32(nil, uint32(4+len(header)+len(body)))
	frame = binary.BigEndian.AppendUint32(frame, uint32(len(header)))
	if _, err := conn.Write(append(append(frame, header...), body...)); err != nil {
		return nil, err
	}
	reply, err := readFrame(conn)
	if err != nil {
		return nil, fmt.Errorf("reply to %d from %s: %w", code, addr, err)
	}
	if reply.Opaque != request.Opaque {
		return nil, fmt.Errorf("reply to %d from %s: opaque %d, want %d", code, addr, reply.Opaque, request.Opaque)
	}
	return reply, nil
}

func readFrame(r io.Reader) (*Command, error) {
	var lengths [8]byte
	if _, err := io.ReadFull(r, lengths[:]); err != nil {
		return nil, err
	}
	total := int(binary.BigEndian.Uint32(lengths[:4]))
	header := int(binary.BigEndian.Uint32(lengths[4:]) & 0xffffff)
	if serialization := lengths[4]; serialization != 0 {
		return nil, fmt.Errorf("asked in JSON, answered in serialization %d", serialization)
	}
	if total > maxFrame || header > total-4 {
		return nil, fmt.Errorf("frame of %d bytes with a header of %d", total, header)
	}
	rest := make([]byte, total-4)
	if _, err := io.ReadFull(r, rest); err != nil {
		return nil, err
	}
	reply := &Command{Body: rest[header:]}
	if err := json.Unmarshal(rest[:header], reply); err != nil {
		return nil, fmt.Errorf("header %q: %w", rest[:header], err)
	}
	return reply, nil
}
