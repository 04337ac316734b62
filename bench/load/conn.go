package load

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"net"
	"sync"

	"github.com/skylarkmq/skylark/remoting/protocol"
)

const readBuffer = 256 << 10

// client is one connection; its reader belongs to one goroutine.
type client struct {
	net.Conn
	r   *bufio.Reader
	cmd protocol.Command
	buf []byte
}

func dial(addr string) (*client, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &client{Conn: c, r: bufio.NewReaderSize(c, readBuffer)}, nil
}

// next reads one frame; the command it returns is good until the next call.
func (c *client) next() (*protocol.Command, error) {
	var length [4]byte
	if _, err := io.ReadFull(c.r, length[:]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint32(length[:]))
	if n > protocol.FrameMaxLength {
		return nil, fmt.Errorf("bench: frame of %d bytes", n)
	}
	if cap(c.buf) < n {
		c.buf = make([]byte, n+n/2)
	}
	frame := c.buf[:n]
	if _, err := io.ReadFull(c.r, frame); err != nil {
		return nil, err
	}
	return &c.cmd, protocol.DecodeFrame(frame, &c.cmd)
}

// whole tells whether a whole frame is in the buffer already, so that next will not wait.
func (c *client) whole() bool {
	if c.r.Buffered() < 4 {
		return false
	}
	head, _ := c.r.Peek(4)
	return c.r.Buffered() >= 4+int(binary.BigEndian.Uint32(head))
}

// failures counts answers that were not success, one row a kind.
type failures struct {
	mu sync.Mutex
	m  map[string]int64
}

func (f *failures) add(cmd *protocol.Command) {
	remark := fmt.Sprintf("%d %s", cmd.Code, cmd.Remark)
	if len(remark) > 60 {
		remark = remark[:60]
	}
	f.count(remark)
}

func (f *failures) count(what string) {
	f.mu.Lock()
	if f.m == nil {
		f.m = map[string]int64{}
	}
	f.m[what]++
	f.mu.Unlock()
}

func (f *failures) snapshot() map[string]int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.m)
}
