package body

// KVTable answers GET_BROKER_RUNTIME_INFO and GET_KVLIST_BY_NAMESPACE.
type KVTable struct {
	Table map[string]string `json:"table"`
}

// TopicList is a set of topics, or of what stands in for topics.
type TopicList struct {
	BrokerAddr string   `json:"brokerAddr,omitempty"`
	TopicList  []string `json:"topicList"`
}

// GroupList is a set of consumer groups.
type GroupList struct {
	GroupList []string `json:"groupList"`
}
