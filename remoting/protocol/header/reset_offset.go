package header

// ResetOffset is the header of INVOKE_BROKER_TO_RESET_OFFSET (222) and of RESET_CONSUMER_CLIENT_OFFSET (220). Timestamp -1 means the
// newest message; Offset counts when it is there and not -1.
type ResetOffset struct {
	Group     string `ext:"group"`
	Topic     string `ext:"topic,required"`
	QueueId   int32  `ext:"queueId,default=-1"`
	Offset    *int64 `ext:"offset"`
	Timestamp int64  `ext:"timestamp,required"`
	IsForce   bool   `ext:"isForce"`
}
