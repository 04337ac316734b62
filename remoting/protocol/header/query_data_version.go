package header

// QueryDataVersion is the header of QUERY_DATA_VERSION (322).
type QueryDataVersion struct {
	BrokerName  string `ext:"brokerName"`
	BrokerAddr  string `ext:"brokerAddr,required"`
	ClusterName string `ext:"clusterName,required"`
	BrokerId    int64  `ext:"brokerId"`
}

// QueryDataVersionResponse is the header of the answer.
type QueryDataVersionResponse struct {
	Changed bool `ext:"changed,required"`
}
