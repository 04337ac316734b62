package header

// QueryTopicsByConsumer is the header of QUERY_TOPICS_BY_CONSUMER (343).
type QueryTopicsByConsumer struct {
	Group string `ext:"group,required"`
}
