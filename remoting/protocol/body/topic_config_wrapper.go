package body

// TopicConfigAndMappingSerializeWrapper answers GET_ALL_TOPIC_CONFIG and is the heart of a registration. 4.x brokers have
// the first and the third member only.
type TopicConfigAndMappingSerializeWrapper struct {
	DataVersion                DataVersion                        `json:"dataVersion"`
	MappingDataVersion         DataVersion                        `json:"mappingDataVersion"`
	TopicConfigTable           map[string]TopicConfig             `json:"topicConfigTable"`
	TopicQueueMappingDetailMap map[string]TopicQueueMappingDetail `json:"topicQueueMappingDetailMap"`
	TopicQueueMappingInfoMap   map[string]TopicQueueMappingInfo   `json:"topicQueueMappingInfoMap"`
}
