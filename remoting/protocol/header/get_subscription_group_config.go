package header

// GetSubscriptionGroupConfig is the header of GET_SUBSCRIPTIONGROUP_CONFIG (352).
type GetSubscriptionGroupConfig struct {
	Group string `ext:"group,required"`
}
