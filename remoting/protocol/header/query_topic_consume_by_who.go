package header

// QueryTopicConsumeByWho is the header of QUERY_TOPIC_CONSUME_BY_WHO (300).
type QueryTopicConsumeByWho struct {
	Topic string `ext:"topic,required"`
}
