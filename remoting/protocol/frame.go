package protocol

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrHeader is wrapped by every error of a header that cannot be read. There is no reply to such a frame: the connection closes.
var ErrHeader = errors.New("malformed frame header")

// headPrefix is what precedes the header inside a frame: type and headerLength.
const headPrefix = 4

// DecodeFrame reads a frame, given without its 4 length bytes, into c. Everything c held before is gone; its fields and body point into
// the frame. Ordinary requests are decoded without an allocation when c is used again.
func DecodeFrame(frame []byte, c *Command) error {
	head, err := begin(frame, c)
	if err != nil {
		return err
	}
	return decodeHead(head, c)
}

// begin empties c, gives it the frame's serialization and body, and returns the header.
func begin(frame []byte, c *Command) (head []byte, err error) {
	c.Reset()
	if len(frame) < headPrefix {
		return nil, fmt.Errorf("%w: frame of %d bytes, expected at least %d", ErrHeader, len(frame), headPrefix)
	}
	prefix := binary.BigEndian.Uint32(frame)
	n := int(prefix & 0xFFFFFF)
	if n > len(frame)-headPrefix {
		return nil, fmt.Errorf("%w: header of %d bytes in a frame of %d", ErrHeader, n, len(frame))
	}
	c.Serialize = SerializeType(prefix >> 24)
	if body := frame[headPrefix+n:]; len(body) > 0 {
		c.Body = body
	}
	return frame[headPrefix : headPrefix+n : headPrefix+n], nil
}

func decodeHead(head []byte, c *Command) error {
	switch c.Serialize {
	case JSON:
		return decodeJSON(head, c)
	case RocketMQ:
		return decodeBinary(head, c)
	}
	return fmt.Errorf("%w: serialization %d, expected 0 or 1", ErrHeader, c.Serialize)
}

// AppendFrame appends the whole frame of c, its length included. Fields come first, then the members of c.Header, so that the typed
// header wins where both have a name.
func AppendFrame(dst []byte, c *Command) []byte {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0, 0, 0, 0, 0)
	if c.Serialize == RocketMQ {
		dst = appendBinary(dst, c)
	} else {
		dst = appendJSON(dst, c)
	}
	n := len(dst) - start - lengthSize - headPrefix
	if n > 0xFFFFFF {
		// The header does not fit its 24 bit length: say so instead of sending a frame that loses the peer's place in the stream.
		return AppendFrame(dst[:start], &Command{
			Code: 1, Version: c.Version, Opaque: c.Opaque, Flag: c.Flag, Serialize: c.Serialize,
			Remark: "frame header too long to be sent",
		})
	}
	binary.BigEndian.PutUint32(dst[start:], uint32(headPrefix+n+len(c.Body)))
	binary.BigEndian.PutUint32(dst[start+lengthSize:], uint32(n)|uint32(c.Serialize)<<24)
	return append(dst, c.Body...)
}
