package header

// AddWritePermOfBroker is the header of ADD_WRITE_PERM_OF_BROKER (327).
type AddWritePermOfBroker struct {
	BrokerName string `ext:"brokerName"`
}

// AddWritePermOfBrokerResponse is the header of the answer.
type AddWritePermOfBrokerResponse struct {
	AddTopicCount int32 `ext:"addTopicCount,required"`
}
