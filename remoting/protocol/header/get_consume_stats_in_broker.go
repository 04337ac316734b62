package header

// GetConsumeStatsInBroker is the header of GET_BROKER_CONSUME_STATS (317).
type GetConsumeStatsInBroker struct {
	IsOrder bool `ext:"isOrder"`
}
