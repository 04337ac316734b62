package header

// UpdateConsumerOffset is the header of UPDATE_CONSUMER_OFFSET (15).
type UpdateConsumerOffset struct {
	ConsumerGroup string `ext:"consumerGroup,required"`
	Topic         string `ext:"topic,required"`
	QueueId       int32  `ext:"queueId,required"`
	CommitOffset  int64  `ext:"commitOffset,required"`
}
