package header

// GetConsumeStats is the header of GET_CONSUME_STATS (208). TopicList names topics separated by semicolons.
type GetConsumeStats struct {
	ConsumerGroup string `ext:"consumerGroup,required"`
	Topic         string `ext:"topic"`
	TopicList     string `ext:"topicList"`
}
