package body

// GlobalScope is the scope of every static topic.
const GlobalScope = "__global__"

// TopicQueueMappingInfo is what a name server knows of a static topic.
type TopicQueueMappingInfo struct {
	Bname       string          `json:"bname"`
	CurrIdMap   map[int32]int32 `json:"currIdMap"` // logical id → physical id
	Dirty       bool            `json:"dirty"`
	Epoch       int64           `json:"epoch"`
	Scope       string          `json:"scope"`
	Topic       string          `json:"topic"`
	TotalQueues int32           `json:"totalQueues"`
}

// SetDefaults gives the initial values of the Java class.
func (i *TopicQueueMappingInfo) SetDefaults() { i.Scope = GlobalScope }

// TopicQueueMappingDetail is what a broker knows of a static topic.
type TopicQueueMappingDetail struct {
	TopicQueueMappingInfo
	HostedQueues map[int32][]LogicQueueMappingItem `json:"hostedQueues"`
}

// LogicQueueMappingItem is one stretch of a logical queue.
type LogicQueueMappingItem struct {
	Bname       string `json:"bname"`
	EndOffset   int64  `json:"endOffset"`
	Gen         int32  `json:"gen"`
	LogicOffset int64  `json:"logicOffset"`
	QueueId     int32  `json:"queueId"`
	StartOffset int64  `json:"startOffset"`
	TimeOfEnd   int64  `json:"timeOfEnd"`
	TimeOfStart int64  `json:"timeOfStart"`
}

// SetDefaults gives the initial values of the Java class: nothing is decided yet.
func (i *LogicQueueMappingItem) SetDefaults() {
	i.EndOffset, i.TimeOfEnd, i.TimeOfStart = -1, -1, -1
}
