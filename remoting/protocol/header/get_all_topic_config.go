package header

// GetAllTopicConfig is the header of GET_ALL_TOPIC_CONFIG (21). Callers up to 5.3.2 send none of the fields; they get everything.
type GetAllTopicConfig struct {
	TopicSeq    int32  `ext:"topicSeq"`
	DataVersion string `ext:"dataVersion"`
	MaxTopicNum *int32 `ext:"maxTopicNum"`
}

// GetAllTopicConfigResponse is the header of the answer.
type GetAllTopicConfigResponse struct {
	TotalTopicNum int32 `ext:"totalTopicNum,required"`
}
