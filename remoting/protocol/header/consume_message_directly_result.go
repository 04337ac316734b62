package header

// ConsumeMessageDirectlyResult is the header of CONSUME_MESSAGE_DIRECTLY (309). The broker relays it to the consumer with
// BrokerName, TopicSysFlag and GroupSysFlag filled in and the stored message as body.
type ConsumeMessageDirectlyResult struct {
	ConsumerGroup string `ext:"consumerGroup,required"`
	ClientId      string `ext:"clientId"`
	MsgId         string `ext:"msgId"`
	BrokerName    string `ext:"brokerName"`
	Topic         string `ext:"topic"`
	TopicSysFlag  *int32 `ext:"topicSysFlag"`
	GroupSysFlag  *int32 `ext:"groupSysFlag"`
}
