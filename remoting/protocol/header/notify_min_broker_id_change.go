package header

// NotifyMinBrokerIdChange is the header of NOTIFY_MIN_BROKER_ID_CHANGE (905), sent one-way by name servers to brokers.
type NotifyMinBrokerIdChange struct {
	MinBrokerId       *int64 `ext:"minBrokerId"`
	BrokerName        string `ext:"brokerName"`
	MinBrokerAddr     string `ext:"minBrokerAddr"`
	OfflineBrokerAddr string `ext:"offlineBrokerAddr"`
	HaBrokerAddr      string `ext:"haBrokerAddr"`
}
