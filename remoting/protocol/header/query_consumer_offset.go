package header

// QueryConsumerOffset is the header of QUERY_CONSUMER_OFFSET (14). SetZeroIfNotFound has three states: only an explicit false
// forbids the answer 0.
type QueryConsumerOffset struct {
	ConsumerGroup     string `ext:"consumerGroup"`
	Topic             string `ext:"topic,required"`
	QueueId           int32  `ext:"queueId,required"`
	SetZeroIfNotFound *bool  `ext:"setZeroIfNotFound"`
}

// QueryConsumerOffsetResponse is the header of the answer.
type QueryConsumerOffsetResponse struct {
	Offset int64 `ext:"offset,required"`
}
