package header

// QueryConsumeQueue is the header of QUERY_CONSUME_QUEUE (321).
type QueryConsumeQueue struct {
	Topic         string `ext:"topic"`
	QueueId       int32  `ext:"queueId"`
	Index         int64  `ext:"index"`
	Count         int32  `ext:"count"`
	ConsumerGroup string `ext:"consumerGroup"`
}
