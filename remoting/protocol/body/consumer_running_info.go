package body

// ConsumerRunningInfo answers GET_CONSUMER_RUNNING_INFO; the broker relays it unread.
type ConsumerRunningInfo struct {
	Jstack           string                               `json:"jstack,omitempty"`
	MqPopTable       map[MessageQueue]PopProcessQueueInfo `json:"mqPopTable"`
	MqTable          map[MessageQueue]ProcessQueueInfo    `json:"mqTable"`
	Properties       map[string]string                    `json:"properties"`
	StatusTable      map[string]ConsumeStatus             `json:"statusTable"`
	SubscriptionSet  []SubscriptionData                   `json:"subscriptionSet"`
	UserConsumerInfo map[string]string                    `json:"userConsumerInfo"`
}

// ProcessQueueInfo is a queue as the consumer sees it. Dropped is spelled as on the wire.
type ProcessQueueInfo struct {
	CachedMsgCount          int32 `json:"cachedMsgCount"`
	CachedMsgMaxOffset      int64 `json:"cachedMsgMaxOffset"`
	CachedMsgMinOffset      int64 `json:"cachedMsgMinOffset"`
	CachedMsgSizeInMiB      int32 `json:"cachedMsgSizeInMiB"`
	CommitOffset            int64 `json:"commitOffset"`
	Dropped                 bool  `json:"droped"`
	LastConsumeTimestamp    int64 `json:"lastConsumeTimestamp"`
	LastLockTimestamp       int64 `json:"lastLockTimestamp"`
	LastPullTimestamp       int64 `json:"lastPullTimestamp"`
	Locked                  bool  `json:"locked"`
	TransactionMsgCount     int32 `json:"transactionMsgCount"`
	TransactionMsgMaxOffset int64 `json:"transactionMsgMaxOffset"`
	TransactionMsgMinOffset int64 `json:"transactionMsgMinOffset"`
	TryUnlockTimes          int64 `json:"tryUnlockTimes"`
}

// PopProcessQueueInfo is a queue as a pop consumer sees it.
type PopProcessQueueInfo struct {
	Dropped          bool  `json:"droped"`
	LastPopTimestamp int64 `json:"lastPopTimestamp"`
	WaitAckCount     int32 `json:"waitAckCount"`
}

// ConsumeStatus has a consumer's rates for a topic.
type ConsumeStatus struct {
	ConsumeFailedMsgs int64   `json:"consumeFailedMsgs"`
	ConsumeFailedTPS  float64 `json:"consumeFailedTPS"`
	ConsumeOKTPS      float64 `json:"consumeOKTPS"`
	ConsumeRT         float64 `json:"consumeRT"`
	PullRT            float64 `json:"pullRT"`
	PullTPS           float64 `json:"pullTPS"`
}

// ConsumeMessageDirectlyResult answers CONSUME_MESSAGE_DIRECTLY.
type ConsumeMessageDirectlyResult struct {
	AutoCommit     bool   `json:"autoCommit"`
	ConsumeResult  string `json:"consumeResult,omitempty"` // CR_SUCCESS, CR_LATER, CR_ROLLBACK, CR_COMMIT, CR_THROW_EXCEPTION, CR_RETURN_NULL
	Order          bool   `json:"order"`
	Remark         string `json:"remark,omitempty"`
	SpentTimeMills int64  `json:"spentTimeMills"`
}

// SetDefaults gives the initial values of the Java class.
func (r *ConsumeMessageDirectlyResult) SetDefaults() { r.AutoCommit = true }
