package body

// ConsumerOffsetSerializeWrapper answers GET_ALL_CONSUMER_OFFSET; keys of the table are topic@group.
type ConsumerOffsetSerializeWrapper struct {
	DataVersion DataVersion                `json:"dataVersion"`
	OffsetTable map[string]map[int32]int64 `json:"offsetTable"`
}

// QueryCorrectionOffsetBody answers QUERY_CORRECTION_OFFSET.
type QueryCorrectionOffsetBody struct {
	CorrectionOffsets map[int32]int64 `json:"correctionOffsets"`
}
