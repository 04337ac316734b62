package header

// GetConsumerRunningInfo is the header of GET_CONSUMER_RUNNING_INFO (307). The broker relays it to the consumer as it is.
type GetConsumerRunningInfo struct {
	ConsumerGroup string `ext:"consumerGroup,required"`
	ClientId      string `ext:"clientId,required"`
	JstackEnable  bool   `ext:"jstackEnable"`
}
