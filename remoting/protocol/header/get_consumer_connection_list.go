package header

// GetConsumerConnectionList is the header of GET_CONSUMER_CONNECTION_LIST (203).
type GetConsumerConnectionList struct {
	ConsumerGroup string `ext:"consumerGroup,required"`
}
