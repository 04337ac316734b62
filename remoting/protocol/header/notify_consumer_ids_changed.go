package header

// NotifyConsumerIdsChanged is the header of NOTIFY_CONSUMER_IDS_CHANGED (40), sent one-way to every consumer of the group.
type NotifyConsumerIdsChanged struct {
	ConsumerGroup string `ext:"consumerGroup,required"`
}
