package header

// GetTopicStatsInfo is the header of GET_TOPIC_STATS_INFO (202).
type GetTopicStatsInfo struct {
	Topic string `ext:"topic,required"`
}
