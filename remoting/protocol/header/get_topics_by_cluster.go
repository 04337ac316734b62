package header

// GetTopicsByCluster is the header of GET_TOPICS_BY_CLUSTER (224).
type GetTopicsByCluster struct {
	Cluster string `ext:"cluster"`
}
