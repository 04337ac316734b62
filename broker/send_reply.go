package broker

import (
	"encoding/binary"
	"net/netip"
	"strconv"

	"github.com/skylarkmq/skylark/internal/javajson"
	"github.com/skylarkmq/skylark/message"
	"github.com/skylarkmq/skylark/remoting/protocol"
	"github.com/skylarkmq/skylark/remoting/protocol/code"
)

// replyTemplate holds what the answers to sends and the properties of messages
// have in common while the settings stay as they are.
type replyTemplate struct {
	region, traceOn string
	host            []byte // what message ids begin with
	properties      []byte // MSG_REGION, TRACE_ON and CLUSTER as stored

	jsonHead   []byte // `,"extFields":{…,"msgId":"`, from after the code
	jsonTail   []byte // from after the opaque number
	binaryHead []byte // MSG_REGION and TRACE_ON as entries
}

// make renders the template into new memory: copies of the old one are still read
// by sends that wait for the disk.
func (t *replyTemplate) make(cfg *Config, host netip.AddrPort) {
	t.host = message.AppendHostID(nil, host)
	t.region, t.traceOn = cfg.RegionID, strconv.FormatBool(cfg.TraceOn)
	t.properties = message.AppendProperty(nil, message.PropertyMsgRegion, t.region)
	t.properties = message.AppendProperty(t.properties, message.PropertyTraceSwitch, t.traceOn)
	t.properties = message.AppendProperty(t.properties, message.PropertyCluster, cfg.BrokerClusterName)

	t.jsonHead = append([]byte(nil), `,"extFields":{"MSG_REGION":`...)
	t.jsonHead = appendJSONText(t.jsonHead, t.region)
	t.jsonHead = append(t.jsonHead, `,"TRACE_ON":"`+t.traceOn+`","msgId":"`...)
	t.jsonTail = append([]byte(nil), `,"serializeTypeCurrentRPC":"JSON","version":`...)
	t.jsonTail = strconv.AppendInt(t.jsonTail, protocol.CurrentVersion, 10)
	t.jsonTail = append(t.jsonTail, '}')
	t.binaryHead = appendEntry(nil, message.PropertyMsgRegion, t.region)
	t.binaryHead = appendEntry(t.binaryHead, message.PropertyTraceSwitch, t.traceOn)
}

// fields adds what every answer to a send has, failures too.
func (t *replyTemplate) fields(f *protocol.Fields) {
	f.Set(message.PropertyMsgRegion, t.region)
	f.Set(message.PropertyTraceSwitch, t.traceOn)
}

// sendAnswer is the answer to a stored message.
type sendAnswer struct {
	code   code.Response
	opaque int32
	queue  int32
	offset int64
	phys   []int64 // one, or all of a batch
	uniq   []byte  // transactionId, none when empty
	inner  bool    // tells the client that its batch is one record
}

// Sizes before the header of a frame: length, then type and header length.
const framePrefix = 8

// append writes the whole frame.
func (t *replyTemplate) append(dst []byte, s protocol.SerializeType, a *sendAnswer) []byte {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0, byte(s), 0, 0, 0)
	if s == protocol.RocketMQ {
		dst = t.appendBinary(dst, a)
	} else {
		dst = t.appendJSON(dst, a)
	}
	n := uint32(len(dst) - start - framePrefix)
	binary.BigEndian.PutUint32(dst[start:], n+4)
	binary.BigEndian.PutUint32(dst[start+4:], n|uint32(s)<<24)
	return dst
}

func (t *replyTemplate) appendJSON(dst []byte, a *sendAnswer) []byte {
	dst = append(dst, `{"code":`...)
	dst = strconv.AppendInt(dst, int64(a.code), 10)
	dst = append(dst, t.jsonHead...)
	dst = t.appendMsgIDs(dst, a.phys)
	dst = append(dst, `","queueId":"`...)
	dst = strconv.AppendInt(dst, int64(a.queue), 10)
	dst = append(dst, `","queueOffset":"`...)
	dst = strconv.AppendInt(dst, a.offset, 10)
	dst = append(dst, '"')
	if len(a.uniq) > 0 {
		dst = appendJSONText(append(dst, `,"transactionId":`...), a.uniq)
	}
	if a.inner {
		dst = appendJSONText(append(dst, `,"batchUniqId":`...), a.uniq)
	}
	dst = append(dst, `},"flag":1,"language":"JAVA","opaque":`...)
	dst = strconv.AppendInt(dst, int64(a.opaque), 10)
	return append(dst, t.jsonTail...)
}

// appendBinary writes the ROCKETMQ header: code, language, version, opaque, flag,
// no remark, fields.
func (t *replyTemplate) appendBinary(dst []byte, a *sendAnswer) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(a.code))
	dst = append(dst, byte(protocol.Java))
	dst = binary.BigEndian.AppendUint16(dst, protocol.CurrentVersion)
	dst = binary.BigEndian.AppendUint32(dst, uint32(a.opaque))
	dst = append(dst, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)
	fields := len(dst)
	dst = append(dst, t.binaryHead...)
	dst, at := beginEntry(dst, "msgId")
	dst = endEntry(t.appendMsgIDs(dst, a.phys), at)
	dst, at = beginEntry(dst, "queueId")
	dst = endEntry(strconv.AppendInt(dst, int64(a.queue), 10), at)
	dst, at = beginEntry(dst, "queueOffset")
	dst = endEntry(strconv.AppendInt(dst, a.offset, 10), at)
	if len(a.uniq) > 0 {
		dst, at = beginEntry(dst, "transactionId")
		dst = endEntry(append(dst, a.uniq...), at)
	}
	if a.inner {
		dst, at = beginEntry(dst, "batchUniqId")
		dst = endEntry(append(dst, a.uniq...), at)
	}
	binary.BigEndian.PutUint32(dst[fields-4:], uint32(len(dst)-fields))
	return dst
}

func (t *replyTemplate) appendMsgIDs(dst []byte, phys []int64) []byte {
	for i, phy := range phys {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = message.AppendOffset(append(dst, t.host...), phy)
	}
	return dst
}

// appendEntry writes one entry of the binary header's map.
func appendEntry(dst []byte, name, value string) []byte {
	dst, at := beginEntry(dst, name)
	return endEntry(append(dst, value...), at)
}

func beginEntry(dst []byte, name string) (buf []byte, at int) {
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(name)))
	dst = append(dst, name...)
	dst = append(dst, 0, 0, 0, 0)
	return dst, len(dst)
}

func endEntry(dst []byte, at int) []byte {
	binary.BigEndian.PutUint32(dst[at-4:], uint32(len(dst)-at))
	return dst
}

// appendJSONText writes a quoted string. Ids are plain; what is not takes the long
// way.
func appendJSONText[S string | []byte](dst []byte, s S) []byte {
	odd := byte(0)
	for i := range len(s) {
		odd |= oddText[s[i]]
	}
	if odd != 0 {
		quoted, _ := javajson.Marshal(string(s)) // a string always has a form
		return append(dst, quoted...)
	}
	return append(append(append(dst, '"'), s...), '"')
}

// oddText marks the bytes that a JSON text does not hold as they are.
var oddText = func() (odd [256]byte) {
	for c := range odd {
		if c < ' ' || c == '"' || c == '\\' || c >= 0x80 {
			odd[c] = 1
		}
	}
	return odd
}()
