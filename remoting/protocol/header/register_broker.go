package header

// RegisterBroker is the header of REGISTER_BROKER (103). The ext field __ZONE_NAME may stand beside it. BodyCrc32 0 is not checked.
type RegisterBroker struct {
	BrokerName             string `ext:"brokerName,required"`
	BrokerAddr             string `ext:"brokerAddr,required"`
	ClusterName            string `ext:"clusterName,required"`
	HaServerAddr           string `ext:"haServerAddr,required"`
	BrokerId               int64  `ext:"brokerId,required"`
	HeartbeatTimeoutMillis *int64 `ext:"heartbeatTimeoutMillis"`
	EnableActingMaster     *bool  `ext:"enableActingMaster"`
	Compressed             bool   `ext:"compressed"`
	BodyCrc32              int32  `ext:"bodyCrc32"`
}

// RegisterBrokerResponse is the header of the answer.
type RegisterBrokerResponse struct {
	HaServerAddr string `ext:"haServerAddr"`
	MasterAddr   string `ext:"masterAddr"`
}
