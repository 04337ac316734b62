package header

import "github.com/skylarkmq/skylark/remoting/protocol"

// PullMessage is the header of PULL_MESSAGE (11) and LITE_PULL_MESSAGE (361).
// The slices point into the command's fields, so it lives as long as they do.
type PullMessage struct {
	ConsumerGroup        []byte
	Topic                []byte
	QueueId              int32
	QueueOffset          int64
	MaxMsgNums           int32
	SysFlag              int32 // PullCommitOffset and its neighbours
	CommitOffset         int64
	SuspendTimeoutMillis int64
	Subscription         []byte // nil when absent
	SubVersion           int64
	ExpressionType       []byte // nil when absent: TAG
	MaxMsgBytes          int32  // valid when HasMaxMsgBytes
	HasMaxMsgBytes       bool
	RequestSource        int32  // -1 SDK, the default; 0 to 2 proxy: order, broadcast, stream
	ProxyFrowardClientId []byte // spelled as on the wire
}

// Bits of PullMessage.SysFlag.
const (
	PullCommitOffset int32 = 1 << iota // CommitOffset is to be stored
	PullSuspend                        // hold the request while there is nothing new
	PullSubscription                   // Subscription counts, not the one of the heartbeat
	PullClassFilter
	PullLite
)

const (
	pullConsumerGroup = iota
	pullTopic
	pullQueueId
	pullQueueOffset
	pullMaxMsgNums
	pullSysFlag
	pullCommitOffset
	pullSuspendTimeoutMillis
	pullSubVersion
	pullSubscription
	pullExpressionType
	pullMaxMsgBytes
	pullRequestSource
	pullProxyFrowardClientId
	pullFields

	pullRequired = 1<<(pullSysFlag+1) - 1
)

var pullNames = [pullFields]string{
	"consumerGroup", "topic", "queueId", "queueOffset", "maxMsgNums", "sysFlag", "commitOffset", "suspendTimeoutMillis", "subVersion",
	"subscription", "expressionType", "maxMsgBytes", "requestSource", "proxyFrowardClientId",
}

// DecodeFields reads the header without allocation.
func (h *PullMessage) DecodeFields(f *protocol.Fields) error {
	*h = PullMessage{RequestSource: -1}
	seen := 0
	for i := range f.Len() {
		field := f.At(i)
		place := pullPlace(field.Key)
		if place < 0 {
			continue
		}
		seen |= 1 << place
		if !h.set(place, field.Value) {
			return protocol.NewNumberError(pullNames[place], field.Value)
		}
	}
	// Java marks the next three as required too, and looks at the first two when the flags say so.
	required := pullRequired
	if h.SysFlag&PullCommitOffset != 0 {
		required |= 1 << pullCommitOffset
	}
	if h.SysFlag&PullSuspend != 0 {
		required |= 1 << pullSuspendTimeoutMillis
	}
	if seen&required == required {
		return nil
	}
	for place := range pullSubVersion {
		if (required&^seen)&(1<<place) != 0 {
			return &protocol.MissingFieldError{Name: pullNames[place]}
		}
	}
	return nil
}

func pullPlace(key []byte) int {
	switch string(key) {
	case "consumerGroup":
		return pullConsumerGroup
	case "topic":
		return pullTopic
	case "queueId":
		return pullQueueId
	case "queueOffset":
		return pullQueueOffset
	case "maxMsgNums":
		return pullMaxMsgNums
	case "sysFlag":
		return pullSysFlag
	case "commitOffset":
		return pullCommitOffset
	case "suspendTimeoutMillis":
		return pullSuspendTimeoutMillis
	case "subVersion":
		return pullSubVersion
	case "subscription":
		return pullSubscription
	case "expressionType":
		return pullExpressionType
	case "maxMsgBytes":
		return pullMaxMsgBytes
	case "requestSource":
		return pullRequestSource
	case "proxyFrowardClientId":
		return pullProxyFrowardClientId
	}
	return -1
}

// set stores one value; false says that it is not a number of its type.
func (h *PullMessage) set(place int, v []byte) (ok bool) {
	ok = true
	switch place {
	case pullConsumerGroup:
		h.ConsumerGroup = v
	case pullTopic:
		h.Topic = v
	case pullQueueId:
		h.QueueId, ok = parseInt32(v)
	case pullQueueOffset:
		h.QueueOffset, ok = protocol.ParseInt(v, 64)
	case pullMaxMsgNums:
		h.MaxMsgNums, ok = parseInt32(v)
	case pullSysFlag:
		h.SysFlag, ok = parseInt32(v)
	case pullCommitOffset:
		h.CommitOffset, ok = protocol.ParseInt(v, 64)
	case pullSuspendTimeoutMillis:
		h.SuspendTimeoutMillis, ok = protocol.ParseInt(v, 64)
	case pullSubVersion:
		h.SubVersion, ok = protocol.ParseInt(v, 64)
	case pullSubscription:
		h.Subscription = v
	case pullExpressionType:
		h.ExpressionType = v
	case pullMaxMsgBytes:
		h.MaxMsgBytes, ok = parseInt32(v)
		h.HasMaxMsgBytes = ok
	case pullRequestSource:
		h.RequestSource, ok = parseInt32(v)
	case pullProxyFrowardClientId:
		h.ProxyFrowardClientId = v
	}
	return ok
}

// EncodeFields writes the header.
func (h *PullMessage) EncodeFields(w protocol.FieldWriter) protocol.FieldWriter {
	w = w.Bytes("consumerGroup", h.ConsumerGroup).Bytes("topic", h.Topic).Int("queueId", int64(h.QueueId))
	w = w.Int("queueOffset", h.QueueOffset).Int("maxMsgNums", int64(h.MaxMsgNums)).Int("sysFlag", int64(h.SysFlag))
	w = w.Int("commitOffset", h.CommitOffset).Int("suspendTimeoutMillis", h.SuspendTimeoutMillis).Int("subVersion", h.SubVersion)
	if h.Subscription != nil {
		w = w.Bytes("subscription", h.Subscription)
	}
	if h.ExpressionType != nil {
		w = w.Bytes("expressionType", h.ExpressionType)
	}
	if h.HasMaxMsgBytes {
		w = w.Int("maxMsgBytes", int64(h.MaxMsgBytes))
	}
	if h.RequestSource != -1 {
		w = w.Int("requestSource", int64(h.RequestSource))
	}
	if h.ProxyFrowardClientId != nil {
		w = w.Bytes("proxyFrowardClientId", h.ProxyFrowardClientId)
	}
	return w
}

// PullMessageResponse is the header of every answer to a pull that was carried out, found or not.
type PullMessageResponse struct {
	SuggestWhichBrokerId int64  `ext:"suggestWhichBrokerId,required"`
	NextBeginOffset      int64  `ext:"nextBeginOffset,required"`
	MinOffset            int64  `ext:"minOffset,required"`
	MaxOffset            int64  `ext:"maxOffset,required"`
	OffsetDelta          *int64 `ext:"offsetDelta"`
	TopicSysFlag         *int32 `ext:"topicSysFlag"`
	GroupSysFlag         *int32 `ext:"groupSysFlag"`
	ForbiddenType        *int32 `ext:"forbiddenType"`
}

// EncodeFields does what the tags say, without reflection.
func (h *PullMessageResponse) EncodeFields(w protocol.FieldWriter) protocol.FieldWriter {
	w = w.Int("suggestWhichBrokerId", h.SuggestWhichBrokerId).Int("nextBeginOffset", h.NextBeginOffset)
	w = w.Int("minOffset", h.MinOffset).Int("maxOffset", h.MaxOffset)
	if h.OffsetDelta != nil {
		w = w.Int("offsetDelta", *h.OffsetDelta)
	}
	if h.TopicSysFlag != nil {
		w = w.Int("topicSysFlag", int64(*h.TopicSysFlag))
	}
	if h.GroupSysFlag != nil {
		w = w.Int("groupSysFlag", int64(*h.GroupSysFlag))
	}
	if h.ForbiddenType != nil {
		w = w.Int("forbiddenType", int64(*h.ForbiddenType))
	}
	return w
}
