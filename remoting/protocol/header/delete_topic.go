package header

// DeleteTopic is the header of DELETE_TOPIC_IN_BROKER (215).
type DeleteTopic struct {
	Topic string `ext:"topic"`
}
