package header

// BrokerHeartbeat is the header of BROKER_HEARTBEAT (904). Controllers get it too, with all of the optional fields.
type BrokerHeartbeat struct {
	ClusterName           string `ext:"clusterName,required"`
	BrokerAddr            string `ext:"brokerAddr,required"`
	BrokerName            string `ext:"brokerName"`
	BrokerId              *int64 `ext:"brokerId"`
	Epoch                 *int32 `ext:"epoch"`
	MaxOffset             *int64 `ext:"maxOffset"`
	ConfirmOffset         *int64 `ext:"confirmOffset"`
	HeartbeatTimeoutMills *int64 `ext:"heartbeatTimeoutMills"`
	ElectionPriority      *int32 `ext:"electionPriority"`
}
