package header

// GetTopicConfig is the header of GET_TOPIC_CONFIG (351).
type GetTopicConfig struct {
	Topic string `ext:"topic,required"`
}
