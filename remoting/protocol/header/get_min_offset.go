package header

// GetMinOffset is the header of GET_MIN_OFFSET (31).
type GetMinOffset struct {
	Topic   string `ext:"topic,required"`
	QueueId int32  `ext:"queueId,required"`
}

// GetMinOffsetResponse is the header of the answer.
type GetMinOffsetResponse struct {
	Offset int64 `ext:"offset,required"`
}
