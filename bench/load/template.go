package load

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// Placeholders that a template is built with; each has the width of every value that replaces it.
const (
	opaqueFirst = 100_000_000
	opaqueLast  = 999_999_999
	uniqueID    = "00000000000000000000000000000000"
	bornTime    = "1700000000000"
)

// template is one encoded send request whose changing parts are overwritten in place, so that
// the client spends its time in the kernel as the server does, not in encoding.
type template struct {
	frame  []byte
	opaque int // position of nine digits (JSON) or of four bytes (binary)
	binary bool
	born   int
	queue  int // position of the single digit of the queue id
	uniq   []int
	queues int
}

var uniqueSeq atomic.Uint64

func newTemplate(o *Options) (*template, error) {
	if o.Queues > 10 {
		return nil, fmt.Errorf("bench: %d queues, at most 10 fit the one digit of a template", o.Queues)
	}
	properties := "UNIQ_KEY\x01" + uniqueID + "\x02WAIT\x01true\x02TAGS\x01TagA\x02"
	sysFlag := "0"
	if o.Transaction {
		properties, sysFlag = properties+"TRAN_MSG\x01true\x02PGROUP\x01BenchProducer\x02", "4"
	}
	body := bytes.Repeat([]byte("rocketmq"), o.Size/8+1)[:o.Size]
	cmd := protocol.NewRequest(code.SendMessageV2, nil, body)
	cmd.Opaque, cmd.Language = opaqueFirst, protocol.Go
	if o.Binary {
		cmd.Serialize = protocol.RocketMQ
	}
	batch := "false"
	if o.Batch > 1 {
		cmd.Code, batch = int32(code.SendBatchMessage), "true"
		cmd.Body = batchBody(body, properties, o.Batch)
	}
	if o.OneWay {
		cmd.MarkOneWay()
	}
	for _, f := range [][2]string{{"a", "BenchProducer"}, {"b", o.Topic}, {"c", "TBW102"}, {"d", strconv.Itoa(o.Queues)},
		{"e", "0"}, {"f", sysFlag}, {"g", bornTime}, {"h", "0"}, {"i", properties}, {"j", "0"}, {"k", "false"}, {"l", "0"}, {"m", batch}} {
		cmd.Fields.Set(f[0], f[1])
	}
	t := &template{frame: protocol.AppendFrame(nil, cmd), binary: o.Binary, queues: o.Queues}
	t.locate()
	return t, nil
}

// locate finds the changing parts. The queue id stands behind the name "e" in both encodings.
func (t *template) locate() {
	if t.binary {
		t.opaque = 8 + 5
		t.queue = bytes.Index(t.frame, []byte("\x00\x01e\x00\x00\x00\x01")) + 7
	} else {
		t.opaque = bytes.Index(t.frame, []byte(`"opaque":`)) + len(`"opaque":`)
		t.queue = bytes.Index(t.frame, []byte(`"e":"`)) + 5
	}
	t.born = bytes.Index(t.frame, []byte(bornTime))
	for at := 0; ; {
		i := bytes.Index(t.frame[at:], []byte(uniqueID))
		if i < 0 {
			return
		}
		t.uniq = append(t.uniq, at+i)
		at += i + len(uniqueID)
	}
}

// append adds the request number opaque to dst.
func (t *template) append(dst []byte, opaque uint32, now time.Time) []byte {
	start := len(dst)
	dst = append(dst, t.frame...)
	f := dst[start:]
	if t.binary {
		binary.BigEndian.PutUint32(f[t.opaque:], opaque)
	} else {
		putDigits(f[t.opaque:t.opaque+9], uint64(opaque))
	}
	f[t.queue] = byte('0' + int(opaque)%t.queues)
	putDigits(f[t.born:t.born+13], uint64(now.UnixMilli()))
	for _, at := range t.uniq {
		putUniqueID(f[at : at+32])
	}
	return dst
}

func putDigits(dst []byte, v uint64) {
	for i := len(dst) - 1; i >= 0; i-- {
		dst[i] = byte('0' + v%10)
		v /= 10
	}
}

// putUniqueID writes an id of the shape that clients make: host, process, a number that never repeats.
func putUniqueID(dst []byte) {
	var raw [16]byte
	copy(raw[:], []byte{127, 0, 0, 1})
	binary.BigEndian.PutUint32(raw[4:], uint32(os.Getpid()))
	binary.BigEndian.PutUint64(raw[8:], uniqueBase+uniqueSeq.Add(1))
	hex.Encode(dst, raw[:])
	for i, c := range dst {
		if c >= 'a' {
			dst[i] = c - 'a' + 'A'
		}
	}
}

// uniqueBase keeps the ids of one run apart from those of the runs before it on the same store.
var uniqueBase = uint64(time.Now().UnixMilli()) << 22

// batchBody is the body of SEND_BATCH_MESSAGE: n elements of total size, magic, CRC, flag, body, properties.
func batchBody(body []byte, properties string, n int) []byte {
	var b []byte
	for range n {
		b = binary.BigEndian.AppendUint32(b, uint32(4*5+len(body)+2+len(properties)))
		b = append(b, make([]byte, 12)...)
		b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
		b = append(b, body...)
		b = binary.BigEndian.AppendUint16(b, uint16(len(properties)))
		b = append(b, properties...)
	}
	return b
}
