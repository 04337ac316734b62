package header

// ConsumerSendMsgBack is the header of CONSUMER_SEND_MSG_BACK (36). Offset is the commit log offset of the message that was not
// consumed.
type ConsumerSendMsgBack struct {
	Offset            int64  `ext:"offset,required"`
	Group             string `ext:"group,required"`
	DelayLevel        int32  `ext:"delayLevel,required"`
	OriginMsgId       string `ext:"originMsgId"`
	OriginTopic       string `ext:"originTopic"`
	UnitMode          bool   `ext:"unitMode"`
	MaxReconsumeTimes *int32 `ext:"maxReconsumeTimes"`
	// FailureReason is our own: the Java clients do not send it.
	FailureReason string `ext:"failureReason"`
}
