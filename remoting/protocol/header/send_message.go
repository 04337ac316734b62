package header

import "github.com/skylarkmq/skylark/remoting/protocol"

// SendMessage is the header of SEND_MESSAGE (10), SEND_MESSAGE_V2 (310), SEND_BATCH_MESSAGE (320), SEND_REPLY_MESSAGE (324) and
// SEND_REPLY_MESSAGE_V2 (325). 10 and 324 spell the names out, the others use the letters a to n (SendMessageV2): both fill this struct.
// The slices point into the command's fields, so it lives as long as they do.
type SendMessage struct {
	ProducerGroup         []byte
	Topic                 []byte
	DefaultTopic          []byte // the template for a topic that does not exist yet
	DefaultTopicQueueNums int32
	QueueId               int32 // negative: the broker picks one
	SysFlag               int32
	BornTimestamp         int64
	Flag                  int32
	Properties            []byte
	ReconsumeTimes        int32
	UnitMode              bool
	Batch                 bool
	MaxReconsumeTimes     int32 // valid when HasMaxReconsumeTimes
	HasMaxReconsumeTimes  bool
	BrokerName            []byte
}

// SendMessageV2 is SendMessage with the letters as names.
type SendMessageV2 struct{ SendMessage }

// The letters' places double as the bits of what was seen. Java marks a to h as required, and serves who leaves the
// group or the template of new topics away.
const (
	sendProducerGroup = iota
	sendTopic
	sendDefaultTopic
	sendDefaultTopicQueueNums
	sendQueueId
	sendSysFlag
	sendBornTimestamp
	sendFlag
	sendProperties
	sendReconsumeTimes
	sendUnitMode
	sendMaxReconsumeTimes
	sendBatch
	sendBrokerName
	sendFields

	sendRequired = 1<<sendTopic | 1<<sendQueueId | 1<<sendSysFlag | 1<<sendBornTimestamp | 1<<sendFlag
)

var sendNames = [sendFields]string{
	"producerGroup", "topic", "defaultTopic", "defaultTopicQueueNums", "queueId", "sysFlag", "bornTimestamp", "flag",
	"properties", "reconsumeTimes", "unitMode", "maxReconsumeTimes", "batch", "bname",
}

// Letters of SendMessageRequestHeaderV2 by place.
var sendLetters = [sendFields]string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n"}

// DecodeFields reads the spelled-out names.
func (h *SendMessage) DecodeFields(f *protocol.Fields) error { return sendSpelled.decode(h, f) }

// DecodeV2Fields reads the letters.
func (h *SendMessage) DecodeV2Fields(f *protocol.Fields) error { return sendLettered.decode(h, f) }

var (
	sendSpelled  = sendReader(sendPlace, &sendNames)
	sendLettered = sendReader(sendLetter, &sendLetters)
)

// sendReader reads the header under one kind of names.
func sendReader(placeOf func(key []byte) int, names *[sendFields]string) *reader[SendMessage] {
	one := func(h *SendMessage, field protocol.Field) error {
		if place := placeOf(field.Key); place >= 0 && !h.set(place, field.Value) {
			return protocol.NewNumberError(names[place], field.Value)
		}
		return nil
	}
	all := func(h *SendMessage, f *protocol.Fields) error {
		*h = SendMessage{}
		seen := 0
		for i := range f.Len() {
			field := f.At(i)
			if place := placeOf(field.Key); place >= 0 {
				seen |= 1 << place
			}
			if err := one(h, field); err != nil {
				return err
			}
		}
		return sendMissing(seen, names)
	}
	return &reader[SendMessage]{all, one}
}

func sendLetter(key []byte) int {
	if len(key) != 1 || key[0] < 'a' || key[0] >= 'a'+sendFields {
		return -1
	}
	return int(key[0] - 'a')
}

// DecodeFields reads the letters.
func (h *SendMessageV2) DecodeFields(f *protocol.Fields) error { return h.DecodeV2Fields(f) }

func sendPlace(key []byte) int {
	switch string(key) {
	case "producerGroup":
		return sendProducerGroup
	case "topic":
		return sendTopic
	case "defaultTopic":
		return sendDefaultTopic
	case "defaultTopicQueueNums":
		return sendDefaultTopicQueueNums
	case "queueId":
		return sendQueueId
	case "sysFlag":
		return sendSysFlag
	case "bornTimestamp":
		return sendBornTimestamp
	case "flag":
		return sendFlag
	case "properties":
		return sendProperties
	case "reconsumeTimes":
		return sendReconsumeTimes
	case "unitMode":
		return sendUnitMode
	case "maxReconsumeTimes":
		return sendMaxReconsumeTimes
	case "batch":
		return sendBatch
	case "bname":
		return sendBrokerName
	}
	return -1
}

func sendMissing(seen int, names *[sendFields]string) error {
	if seen&sendRequired == sendRequired {
		return nil
	}
	for place := range sendProperties {
		if (sendRequired&^seen)&(1<<place) != 0 {
			return &protocol.MissingFieldError{Name: names[place]}
		}
	}
	return nil
}

// set stores one value; false says that it is not a number of its type.
func (h *SendMessage) set(place int, v []byte) (ok bool) {
	ok = true
	switch place {
	case sendProducerGroup:
		h.ProducerGroup = v
	case sendTopic:
		h.Topic = v
	case sendDefaultTopic:
		h.DefaultTopic = v
	case sendDefaultTopicQueueNums:
		h.DefaultTopicQueueNums, ok = parseInt32(v)
	case sendQueueId:
		h.QueueId, ok = parseInt32(v)
	case sendSysFlag:
		h.SysFlag, ok = parseInt32(v)
	case sendBornTimestamp:
		h.BornTimestamp, ok = protocol.ParseInt(v, 64)
	case sendFlag:
		h.Flag, ok = parseInt32(v)
	case sendProperties:
		h.Properties = v
	case sendReconsumeTimes:
		h.ReconsumeTimes, ok = parseInt32(v)
	case sendUnitMode:
		h.UnitMode = protocol.ParseBool(v)
	case sendMaxReconsumeTimes:
		h.MaxReconsumeTimes, ok = parseInt32(v)
		h.HasMaxReconsumeTimes = ok
	case sendBatch:
		h.Batch = protocol.ParseBool(v)
	case sendBrokerName:
		h.BrokerName = v
	}
	return ok
}

// parseInt32 has a short way for the one digit that most of these numbers are.
func parseInt32(v []byte) (int32, bool) {
	if len(v) == 1 && v[0]-'0' <= 9 {
		return int32(v[0] - '0'), true
	}
	n, ok := protocol.ParseInt(v, 32)
	return int32(n), ok
}

// EncodeFields writes the spelled-out names.
func (h *SendMessage) EncodeFields(w protocol.FieldWriter) protocol.FieldWriter {
	return h.encode(w, &sendNames)
}

// EncodeFields writes the letters.
func (h *SendMessageV2) EncodeFields(w protocol.FieldWriter) protocol.FieldWriter {
	return h.encode(w, &sendLetters)
}

func (h *SendMessage) encode(w protocol.FieldWriter, names *[sendFields]string) protocol.FieldWriter {
	w = w.Bytes(names[sendProducerGroup], h.ProducerGroup)
	w = w.Bytes(names[sendTopic], h.Topic)
	w = w.Bytes(names[sendDefaultTopic], h.DefaultTopic)
	w = w.Int(names[sendDefaultTopicQueueNums], int64(h.DefaultTopicQueueNums))
	w = w.Int(names[sendQueueId], int64(h.QueueId))
	w = w.Int(names[sendSysFlag], int64(h.SysFlag))
	w = w.Int(names[sendBornTimestamp], h.BornTimestamp)
	w = w.Int(names[sendFlag], int64(h.Flag))
	if h.Properties != nil {
		w = w.Bytes(names[sendProperties], h.Properties)
	}
	w = w.Int(names[sendReconsumeTimes], int64(h.ReconsumeTimes))
	w = w.Bool(names[sendUnitMode], h.UnitMode)
	if h.HasMaxReconsumeTimes {
		w = w.Int(names[sendMaxReconsumeTimes], int64(h.MaxReconsumeTimes))
	}
	w = w.Bool(names[sendBatch], h.Batch)
	if h.BrokerName != nil {
		w = w.Bytes(names[sendBrokerName], h.BrokerName)
	}
	return w
}

// SendMessageResponse is the header of the answer. Clients need its first three members whenever the message was stored,
// MSG_REGION and TRACE_ON go beside it as plain fields.
type SendMessageResponse struct {
	MsgId         []byte `ext:"msgId,required"` // offset message id; a comma list for a batch
	QueueId       int32  `ext:"queueId,required"`
	QueueOffset   int64  `ext:"queueOffset,required"`
	TransactionId []byte `ext:"transactionId"`
	BatchUniqId   string `ext:"batchUniqId"`
	RecallHandle  string `ext:"recallHandle"`
}

// EncodeFields does what the tags say, without reflection.
func (h *SendMessageResponse) EncodeFields(w protocol.FieldWriter) protocol.FieldWriter {
	w = w.Bytes("msgId", h.MsgId).Int("queueId", int64(h.QueueId)).Int("queueOffset", h.QueueOffset)
	if len(h.TransactionId) > 0 {
		w = w.Bytes("transactionId", h.TransactionId)
	}
	if h.BatchUniqId != "" {
		w = w.String("batchUniqId", h.BatchUniqId)
	}
	if h.RecallHandle != "" {
		w = w.String("recallHandle", h.RecallHandle)
	}
	return w
}
