package load

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
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
	tagMark     = "Tag"
	propMark    = "Mark"
	bornTime    = "1700000000000"
)

// template is one encoded send request whose changing parts are overwritten in place, so that
// the client spends its time in the kernel as the server does, not in encoding.
type template struct {
	frame  []byte
	opaque int // position of nine digits (JSON) or of four bytes (binary)
	binary bool
	born   int
	queue  int // position of the digits of the queue id, wide of them
	wide   int
	topic  int // position of the topic's three digits, 0: one topic
	mark   [2]int
	uniq   []int
	opt    *Options
}

var uniqueSeq atomic.Uint64

func newTemplate(o *Options) (*template, error) {
	if o.Topics > 1000 || o.MarkEvery > 0 && o.Batch > 1 {
		return nil, fmt.Errorf("bench: %d topics, marks in a batch of %d: at most 1000 topics, and marks on single messages only", o.Topics, o.Batch)
	}
	properties := "UNIQ_KEY\x01" + uniqueID + "\x02WAIT\x01true\x02TAGS\x01" + tagMark + "A\x02"
	if o.MarkEvery > 0 {
		properties += "a\x01" + propMark + "0\x02"
	}
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
	topic := o.Topic
	if o.Topics > 1 {
		topic += "000"
	}
	t := &template{binary: o.Binary, wide: len(strconv.Itoa(o.Queues - 1)), opt: o}
	for _, f := range [][2]string{
		{"a", "BenchProducer"},
		{"b", topic},
		{"c", "TBW102"},
		{"d", strconv.Itoa(o.Queues)},
		{"e", strings.Repeat("0", t.wide)},
		{"f", sysFlag},
		{"g", bornTime},
		{"h", "0"},
		{"i", properties},
		{"j", "0"},
		{"k", "false"},
		{"l", "0"},
		{"m", batch},
	} {
		cmd.Fields.Set(f[0], f[1])
	}
	t.frame = protocol.AppendFrame(nil, cmd)
	t.locate(topic)
	return t, nil
}

// locate finds the changing parts. The queue id stands behind the name "e" in both encodings.
func (t *template) locate(topic string) {
	if t.opt.Topics > 1 {
		t.topic = bytes.Index(t.frame, []byte(topic)) + len(topic) - 3
	}
	if t.opt.MarkEvery > 0 {
		for i, mark := range []string{tagMark, propMark} { // the last ones: a topic may be called so
			t.mark[i] = bytes.LastIndex(t.frame, []byte(mark)) + len(mark)
		}
	}
	if t.binary {
		t.opaque = 8 + 5
		t.queue = bytes.Index(t.frame, append([]byte("\x00\x01e\x00\x00\x00"), byte(t.wide))) + 7
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
	o := t.opt
	putDigits(f[t.queue:t.queue+t.wide], uint64(int(opaque)%o.Queues))
	if t.topic > 0 {
		putDigits(f[t.topic:t.topic+3], uint64(int(opaque)/o.Queues%o.Topics))
	}
	if o.MarkEvery > 0 && int(opaque)%o.MarkEvery == 0 {
		f[t.mark[0]], f[t.mark[1]] = 'B', '1'
	}
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
