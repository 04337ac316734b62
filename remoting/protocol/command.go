// Package protocol is the remoting frame of RocketMQ: how a stream is cut into frames, and how the header of a frame
// is read and written in its two serializations.
//
//	0        4      5               8                8+headerLength
//	+--------+------+---------------+----------------+-----------+
//	| length | type | headerLength  | header         | body      |   length counts everything after itself
//	+--------+------+---------------+----------------+-----------+   type: 0 JSON, 1 ROCKETMQ (binary)
//
// A Cutter turns what a connection received into frames, DecodeFrame fills a Command that may be used again and again,
// AppendFrame writes one. A decoded Command borrows the frame's bytes: it lives as long as they do.
package protocol

import (
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

const (
	// FrameMaxLength bounds a whole frame, its length field included (com.rocketmq.remoting.frameMaxLength).
	FrameMaxLength = 16777216
	// CurrentVersion is the ordinal of V5_5_0, the release this server stands in for.
	CurrentVersion = 513
)

const (
	flagResponse = 1 << 0
	flagOneWay   = 1 << 1
)

// SerializeType says how a header is written; the first byte after a frame's length.
type SerializeType byte

// The two serializations.
const (
	JSON     SerializeType = 0
	RocketMQ SerializeType = 1
)

// String is the name that the JSON form carries in serializeTypeCurrentRPC.
func (s SerializeType) String() string {
	switch s {
	case JSON:
		return "JSON"
	case RocketMQ:
		return "ROCKETMQ"
	}
	return "UNKNOWN"
}

// Command is one frame: a request, or the answer to one.
//
// Decoded commands borrow the frame (Fields and Body point into it), so whoever keeps one longer than the frame makes a copy
// with CopyTo. A Command may be decoded into again; its Fields keep their memory.
type Command struct {
	Code      int32 // a code.Request, or a code.Response when IsResponse
	Language  Language
	Version   int32 // MQVersion ordinal of the sender
	Opaque    int32 // correlates an answer with its request; the two directions of a connection count independently
	Flag      int32
	Remark    string
	Fields    Fields
	Body      []byte
	Serialize SerializeType
	// Header is used by AppendFrame only: a pointer to a struct of package header, whose members follow Fields on the wire.
	Header any
}

// NewRequest makes an outgoing request; the connection gives it its opaque number.
func NewRequest(c code.Request, header any, body []byte) *Command {
	return &Command{Code: int32(c), Version: CurrentVersion, Header: header, Body: body}
}

// NewResponse makes an answer; opaque number and serialization are those of the request and set by whoever replies.
func NewResponse(c code.Response, remark string) *Command {
	return &Command{Code: int32(c), Version: CurrentVersion, Flag: flagResponse, Remark: remark}
}

// IsResponse tells an answer from a request.
func (c *Command) IsResponse() bool { return c.Flag&flagResponse != 0 }

// IsOneWay tells a request that nobody waits for: it is never answered, not even with an error.
func (c *Command) IsOneWay() bool { return c.Flag&flagOneWay != 0 }

// MarkResponse sets the flag of an answer.
func (c *Command) MarkResponse() { c.Flag |= flagResponse }

// MarkOneWay sets the flag of a request that wants no answer.
func (c *Command) MarkOneWay() { c.Flag |= flagOneWay }

// Request is the code read as a request code.
func (c *Command) Request() code.Request { return code.Request(c.Code) }

// Response is the code read as a response code.
func (c *Command) Response() code.Response { return code.Response(c.Code) }

// Reset empties the command and keeps the memory of its fields.
func (c *Command) Reset() {
	fields := c.Fields
	fields.Reset()
	*c = Command{Fields: fields}
}

// CopyTo makes dst an independent copy of c with one allocation for all bytes (and one for the list of fields when dst has none).
func (c *Command) CopyTo(dst *Command) {
	size := len(c.Body)
	for i := range c.Fields.Len() {
		f := c.Fields.At(i)
		size += len(f.Key) + len(f.Value)
	}
	list := dst.Fields.list[:0]
	*dst = *c
	mem := make([]byte, 0, size)
	take := func(b []byte) []byte {
		start := len(mem)
		mem = append(mem, b...)
		return mem[start:len(mem):len(mem)]
	}
	for i := range c.Fields.Len() {
		f := c.Fields.At(i)
		list = append(list, Field{Key: take(f.Key), Value: take(f.Value)})
	}
	dst.Fields = Fields{list: list}
	if c.Body != nil {
		dst.Body = take(c.Body)
	}
}
