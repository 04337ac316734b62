package header

// UnRegisterBroker is the header of UNREGISTER_BROKER (104).
type UnRegisterBroker struct {
	BrokerName  string `ext:"brokerName,required"`
	BrokerAddr  string `ext:"brokerAddr,required"`
	ClusterName string `ext:"clusterName,required"`
	BrokerId    int64  `ext:"brokerId,required"`
}
