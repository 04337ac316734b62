package transaction

import (
	"strconv"

	"github.com/skylarkmq/skylark/message"
)

// An op record says that half messages are settled: committed, rolled back or
// discarded. Its body is text:
//
//	4.x   `17`         one record a half message
//	5.x   `17,18,20,`  many, each with its comma
//
// Its properties are TAGS=d and WAIT=true, nothing else; host and time of birth
// are the broker's.
const opProperties = message.PropertyTags + "\x01d\x02" + message.PropertyWait + "\x01true\x02"

// AppendOp adds one half offset to a body.
func AppendOp(body []byte, offset int64) []byte {
	return append(strconv.AppendInt(body, offset, 10), ',')
}

// EachOp reads a body of either form. Java would stop at what is no number; here
// only that one is left out.
func EachOp(body []byte, fn func(offset int64)) {
	for from := 0; from <= len(body); {
		end := from
		for end < len(body) && body[end] != ',' {
			end++
		}
		if n := number(body[from:end], 1<<62); n >= 0 {
			fn(n)
		}
		from = end + 1
	}
}
