package body

// ResetOffsetBody answers INVOKE_BROKER_TO_RESET_OFFSET and is the body of RESET_CONSUMER_CLIENT_OFFSET.
type ResetOffsetBody struct {
	OffsetTable map[MessageQueue]int64 `json:"offsetTable"`
}

// ResetOffsetBodyForC is the same for clients written in C++.
type ResetOffsetBodyForC struct {
	OffsetTable []MessageQueueForC `json:"offsetTable"`
}

// MessageQueueForC is a queue with its new offset.
type MessageQueueForC struct {
	BrokerName string `json:"brokerName"`
	Offset     int64  `json:"offset"`
	QueueId    int32  `json:"queueId"`
	Topic      string `json:"topic"`
}

// GetConsumerStatusBody answers INVOKE_BROKER_TO_GET_CONSUMER_STATUS (by client id) and GET_CONSUMER_STATUS_FROM_CLIENT (one client).
type GetConsumerStatusBody struct {
	ConsumerTable     map[string]map[MessageQueue]int64 `json:"consumerTable"`
	MessageQueueTable map[MessageQueue]int64            `json:"messageQueueTable"`
}
