package header

// QuerySubscriptionByConsumer is the header of QUERY_SUBSCRIPTION_BY_CONSUMER (345).
type QuerySubscriptionByConsumer struct {
	Group string `ext:"group,required"`
	Topic string `ext:"topic"`
}
