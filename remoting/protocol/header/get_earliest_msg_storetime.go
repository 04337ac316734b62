package header

// GetEarliestMsgStoretime is the header of GET_EARLIEST_MSG_STORETIME (32). The answer is -1 for an empty queue.
type GetEarliestMsgStoretime struct {
	Topic   string `ext:"topic,required"`
	QueueId int32  `ext:"queueId,required"`
}

// GetEarliestMsgStoretimeResponse is the header of the answer.
type GetEarliestMsgStoretimeResponse struct {
	Timestamp int64 `ext:"timestamp,required"`
}
