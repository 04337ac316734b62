package header

// DeleteTopicFromNamesrv is the header of DELETE_TOPIC_IN_NAMESRV (216).
type DeleteTopicFromNamesrv struct {
	Topic       string `ext:"topic"`
	ClusterName string `ext:"clusterName"`
}
