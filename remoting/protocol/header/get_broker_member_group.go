package header

// GetBrokerMemberGroup is the header of GET_BROKER_MEMBER_GROUP (901).
type GetBrokerMemberGroup struct {
	ClusterName string `ext:"clusterName"`
	BrokerName  string `ext:"brokerName"`
}
