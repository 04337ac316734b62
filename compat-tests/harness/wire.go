package harness

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"time"
)

// Conn is a connection for many requests, one after the other. It is not for use by several goroutines.
type Conn struct {
	conn net.Conn
}

// Dial opens a connection to a server.
func Dial(addr string) (*Conn, error) {
	conn, err := net.DialTimeout("tcp", addr, answerLimit)
	if err != nil {
		return nil, err
	}
	return &Conn{conn}, nil
}

// Close ends it.
func (c *Conn) Close() { c.conn.Close() }

// Call sends a request and waits for its reply.
func (c *Conn) Call(code int, fields map[string]string, body []byte) (*Command, error) {
	if err := c.conn.SetDeadline(time.Now().Add(answerLimit)); err != nil {
		return nil, err
	}
	request := Command{Code: code, Language: "GO", Version: 497, Opaque: opaque.Add(1), ExtFields: fields, Serialize: "JSON"}
	if err := c.write(&request, body); err != nil {
		return nil, err
	}
	for {
		reply, err := readFrame(c.conn)
		if err != nil {
			return nil, fmt.Errorf("reply to %d: %w", code, err)
		}
		// What a server asks of its clients meanwhile is not for a test.
		if reply.Opaque == request.Opaque && reply.Flag&1 == 1 {
			return reply, nil
		}
	}
}

func (c *Conn) write(request *Command, body []byte) error {
	header, err := json.Marshal(request)
	if err != nil {
		return err
	}
	frame := binary.BigEndian.AppendUint32(nil, uint32(4+len(header)+len(body)))
	frame = binary.BigEndian.AppendUint32(frame, uint32(len(header)))
	_, err = c.conn.Write(append(append(frame, header...), body...))
	return err
}
