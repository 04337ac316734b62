package header

// ExchangeHAInfo is the header of EXCHANGE_BROKER_HA_INFO (906). With every field absent it asks for the master's values.
type ExchangeHAInfo struct {
	MasterHaAddress   string `ext:"masterHaAddress"`
	MasterFlushOffset *int64 `ext:"masterFlushOffset"`
	MasterAddress     string `ext:"masterAddress"`
}

// ExchangeHAInfoResponse is the header of the answer.
type ExchangeHAInfoResponse struct {
	MasterHaAddress   string `ext:"masterHaAddress"`
	MasterFlushOffset *int64 `ext:"masterFlushOffset"`
	MasterAddress     string `ext:"masterAddress"`
}
