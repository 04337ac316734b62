package header

// GetConsumerListByGroup is the header of GET_CONSUMER_LIST_BY_GROUP (38).
type GetConsumerListByGroup struct {
	ConsumerGroup string `ext:"consumerGroup,required"`
}
