package header

// SearchOffset is the header of SEARCH_OFFSET_BY_TIMESTAMP (29). BoundaryType is UPPER in any case of letters, anything else means
// LOWER.
type SearchOffset struct {
	Topic        string `ext:"topic,required"`
	QueueId      int32  `ext:"queueId,required"`
	Timestamp    int64  `ext:"timestamp,required"`
	BoundaryType string `ext:"boundaryType"`
}

// SearchOffsetResponse is the header of the answer.
type SearchOffsetResponse struct {
	Offset int64 `ext:"offset,required"`
}
