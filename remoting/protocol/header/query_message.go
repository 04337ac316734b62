package header

// QueryMessage is the header of QUERY_MESSAGE (12). The ext field _UNIQUE_KEY_QUERY, which clients add beside it, replaces MaxNum by
// the configured number.
type QueryMessage struct {
	Topic          string `ext:"topic"`
	Key            string `ext:"key"`
	MaxNum         int32  `ext:"maxNum,required"`
	BeginTimestamp int64  `ext:"beginTimestamp,required"`
	EndTimestamp   int64  `ext:"endTimestamp,required"`
	IndexType      string `ext:"indexType"`
	LastKey        string `ext:"lastKey"`
}

// QueryMessageResponse is the header of the answer.
type QueryMessageResponse struct {
	IndexLastUpdateTimestamp int64 `ext:"indexLastUpdateTimestamp,required"`
	IndexLastUpdatePhyoffset int64 `ext:"indexLastUpdatePhyoffset,required"`
}
