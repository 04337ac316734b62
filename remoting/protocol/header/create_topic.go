package header

// CreateTopic is the header of UPDATE_AND_CREATE_TOPIC (17) and UPDATE_AND_CREATE_STATIC_TOPIC (513). Attributes is a list of
// +key=value and -key, separated by commas.
type CreateTopic struct {
	Topic           string `ext:"topic,required"`
	DefaultTopic    string `ext:"defaultTopic"`
	ReadQueueNums   int32  `ext:"readQueueNums,required"`
	WriteQueueNums  int32  `ext:"writeQueueNums,required"`
	Perm            int32  `ext:"perm,required"`
	TopicFilterType string `ext:"topicFilterType,required"`
	TopicSysFlag    int32  `ext:"topicSysFlag"`
	Order           bool   `ext:"order"`
	Attributes      string `ext:"attributes"`
	Force           bool   `ext:"force"`
}
