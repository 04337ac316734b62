package body

// LockBatchRequestBody is the body of LOCK_BATCH_MQ, and of UNLOCK_BATCH_MQ, whose class has the same members.
type LockBatchRequestBody struct {
	ClientId       string         `json:"clientId"`
	ConsumerGroup  string         `json:"consumerGroup"`
	MqSet          []MessageQueue `json:"mqSet"`
	OnlyThisBroker bool           `json:"onlyThisBroker"`
}

// LockBatchResponseBody lists the queues that the client holds now.
type LockBatchResponseBody struct {
	LockOKMQSet []MessageQueue `json:"lockOKMQSet"`
}
