package header

// GetMaxOffset is the header of GET_MAX_OFFSET (30).
type GetMaxOffset struct {
	Topic     string `ext:"topic,required"`
	QueueId   int32  `ext:"queueId,required"`
	Committed bool   `ext:"committed,default=true"`
}

// GetMaxOffsetResponse is the header of the answer.
type GetMaxOffsetResponse struct {
	Offset int64 `ext:"offset,required"`
}
