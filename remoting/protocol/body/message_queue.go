package body

// MessageQueue names a queue. Maps that have it as key are written with bare objects as keys.
type MessageQueue struct {
	BrokerName string `json:"brokerName"`
	QueueId    int32  `json:"queueId"`
	Topic      string `json:"topic"`
}
