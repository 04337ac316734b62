package harness

import (
	"testing"
	"time"
)

// Client is a client that a test plays itself: to the server it is a Java client of 5.5.0, and it hears what the server asks
// of its clients.
type Client struct {
	*Conn
	t testing.TB
	// Heard are the requests of the server that came before an answer.
	Heard []*Command
}

// NewClient connects until the test ends.
func NewClient(t testing.TB, addr string) *Client {
	t.Helper()
	conn, err := Dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return &Client{Conn: conn, t: t}
}

// Ask sends a request and waits for its answer.
func (c *Client) Ask(code int, fields map[string]string, body []byte) *Command {
	c.t.Helper()
	request := Command{Code: code, Language: "JAVA", Version: 513, Opaque: opaque.Add(1), ExtFields: fields, Serialize: "JSON"}
	if err := c.write(&request, body); err != nil {
		c.t.Fatal(err)
	}
	for {
		reply := c.read()
		if reply.Flag&1 == 1 && reply.Opaque == request.Opaque {
			return reply
		}
		c.Heard = append(c.Heard, reply)
	}
}

// Hear is the next request of the server.
func (c *Client) Hear() *Command {
	c.t.Helper()
	if len(c.Heard) > 0 {
		first := c.Heard[0]
		c.Heard = c.Heard[1:]
		return first
	}
	return c.read()
}

func (c *Client) read() *Command {
	c.t.Helper()
	if err := c.conn.SetDeadline(time.Now().Add(answerLimit)); err != nil {
		c.t.Fatal(err)
	}
	reply, err := readFrame(c.conn)
	if err != nil {
		c.t.Fatal(err)
	}
	return reply
}
