package header

// GetConsumerStatus is the header of INVOKE_BROKER_TO_GET_CONSUMER_STATUS (223) and of GET_CONSUMER_STATUS_FROM_CLIENT (221).
type GetConsumerStatus struct {
	Topic      string `ext:"topic,required"`
	Group      string `ext:"group,required"`
	ClientAddr string `ext:"clientAddr"`
}
