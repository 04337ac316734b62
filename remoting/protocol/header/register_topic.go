package header

// RegisterTopic is the header of REGISTER_TOPIC_IN_NAMESRV (217).
type RegisterTopic struct {
	Topic string `ext:"topic,required"`
}
