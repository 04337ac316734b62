package protocol

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrFrameLength is wrapped by the errors of a Cutter: the stream cannot be followed any further and the connection must close, as Java's decoder does.
var ErrFrameLength = errors.New("frame length out of bounds")

const (
	lengthSize = 4
	// minLength is the smallest value of the length field: type and headerLength.
	minLength = 4
	// keepCapacity is what a connection may hold on to between two frames; one large message must not be paid for ever after.
	keepCapacity = 64 << 10
	// firstCapacity is allocated for the start of a frame whatever length it claims; more follows only as bytes arrive.
	firstCapacity = 1 << 10
)

// Cutter cuts whole frames from a byte stream.
//
// Frames that arrive whole are handed on where they lie. The rest of the input is kept in one of two buffers that alternate:
// the frame completed by this Feed lies in one, the frame begun by it in the other, so a frame handed on stays untouched until the
// next Feed, for as long as the caller's own batch lasts.
type Cutter struct {
	// Max bounds a whole frame, length field included; 0 means FrameMaxLength.
	Max int

	part [2][]byte
	open int // which buffer holds the frame that is being received

	begun bool
}

// Feed takes the next bytes of the stream and calls frame for each frame that is complete, without its length field.
// data may be reused after the caller is done with the frames. After an error the stream is lost.
func (c *Cutter) Feed(data []byte, frame func([]byte) error) error {
	c.Release()
	if c.begun = true; len(c.part[c.open]) > 0 {
		c.begun = false
		whole, rest, err := c.resume(data)
		if err != nil || whole == nil {
			return err
		}
		c.open, c.begun = 1-c.open, true
		if err := frame(whole); err != nil {
			return err
		}
		data = rest
	}
	for len(data) >= lengthSize {
		n, err := c.length(data)
		if err != nil {
			return err
		}
		if len(data) < lengthSize+n {
			break
		}
		if err := frame(data[lengthSize : lengthSize+n : lengthSize+n]); err != nil {
			return err
		}
		data = data[lengthSize+n:]
	}
	c.keep(data)
	return nil
}

// Release gives back the memory of the frame that the last Feed completed from pieces, if it is large. Call it when the batch is
// done; Feed does so at the latest, but a connection may stay silent for minutes after a large message.
func (c *Cutter) Release() {
	done := &c.part[1-c.open]
	if *done = (*done)[:0]; cap(*done) > keepCapacity {
		*done = nil
	}
}

// Pending is how many bytes of an unfinished frame are held.
func (c *Cutter) Pending() int { return len(c.part[c.open]) }

// Begun says whether the unfinished frame began with the last Feed.
func (c *Cutter) Begun() bool { return c.begun }

// resume adds to the frame begun earlier; whole is nil while it lacks bytes.
func (c *Cutter) resume(data []byte) (whole, rest []byte, err error) {
	if have := len(c.part[c.open]); have < lengthSize {
		n := min(lengthSize-have, len(data))
		c.keep(data[:n])
		if data = data[n:]; have+n < lengthSize {
			return nil, nil, nil
		}
	}
	n, err := c.length(c.part[c.open])
	if err != nil {
		return nil, nil, err
	}
	missing := lengthSize + n - len(c.part[c.open])
	if missing > len(data) {
		c.keep(data)
		return nil, nil, nil
	}
	c.keep(data[:missing])
	return c.part[c.open][lengthSize:], data[missing:], nil
}

// keep appends to the open buffer. It grows with what has arrived, never with what a length field promises.
func (c *Cutter) keep(data []byte) {
	if len(data) == 0 {
		return
	}
	buf := c.part[c.open]
	if buf == nil {
		buf = make([]byte, 0, max(firstCapacity, len(data)))
	}
	c.part[c.open] = append(buf, data...)
}

func (c *Cutter) length(data []byte) (int, error) {
	limit := c.Max
	if limit == 0 {
		limit = FrameMaxLength
	}
	n := int64(int32(binary.BigEndian.Uint32(data)))
	if n < minLength || n+lengthSize > int64(limit) {
		return 0, fmt.Errorf("%w: found %d, expected %d to %d", ErrFrameLength, n, minLength, limit-lengthSize)
	}
	return int(n), nil
}
